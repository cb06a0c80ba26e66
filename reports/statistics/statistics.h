/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Statistics of few values. docs/statistics.md has each formula and where it comes from.
 *
 * Values are doubles in any unit. A result that cannot be had from the values at hand (too few, all
 * equal) is NAN, never a guess; every function takes n = 0.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Accumulated by Welford's method; start from {}. */
struct statistic {
	size_t n;
	double mean;
	double m2;
	double min;
	double max;
};

void statistic_add(struct statistic *s, double value);

/** Sample standard deviation (divisor n - 1); NAN where n < 2. */
double statistic_stddev(const struct statistic *s);

/**
 * 95 % interval of a proportion @p estimated from @n samples: Wilson's score interval, which stays
 * within 0..1 and is right for small counts. n = 0 gives 0..1.
 */
void proportion_interval(double p, double n, double *ret_low, double *ret_high);

/** A 95 % interval; NAN where nothing can be said. */
struct interval {
	double low;
	double high;
};

/** A number and its 95 % interval. */
struct estimate {
	double value;
	struct interval range;
};

/** Does the interval exist and leave @value outside? */
bool interval_excludes(const struct interval *i, double value);

/* One sample. */

struct description {
	size_t n;
	double mean;
	double stddev; /**< divisor n - 1 */
	double cv;     /**< stddev / mean */
	double median;
	double mad; /**< median absolute deviation, times 1.4826: σ where values are normal */
	double min;
	double max;
	struct interval mean_interval;   /**< bootstrap, see bootstrap_interval() */
	struct interval stddev_interval; /**< by χ², for normal values */
};

/** -ENOMEM. NANs among the values are left out. */
int describe(const double *values, size_t n, struct description *ret);

/**
 * Runs that are far from the others by Iglewicz and Hoaglin's modified z score, 0.6745 |x - median|
 * / MAD > 3.5; where more than half of the values are equal, by the mean absolute deviation in
 * place of MAD. Fills @ret (n booleans) and says how many; with fewer than 4 values nothing can be
 * far. -ENOMEM.
 */
int find_outliers(const double *values, size_t n, bool *ret);

/**
 * How many values it takes until the 95 % interval of the mean (Student's t) is the mean ± @share:
 * the smallest such n by this sample's deviation; and by the upper end of the deviation's interval,
 * since a few values hardly tell it. 0 where it cannot be said.
 */
struct repetitions {
	size_t n;
	size_t n_cautious;
};

struct repetitions repetitions_needed(const struct description *d, double share);

/** Where n_cautious is more than so many times n, these values are too few to know it: "n or more". */
#define REPETITIONS_SURE 100

/** As it is shown: no estimate of this kind has more than two digits that mean something. */
size_t repetitions_round(size_t n);

/* Two samples. */

/**
 * Do the means differ by more than chance makes? Welch's test, two-sided, 5 %. False where either
 * has fewer than two values: then nothing can be said.
 */
bool statistic_differ(const struct statistic *a, const struct statistic *b);

/** What a comparison needs of each sample: its mean, and the variance of that. */
struct sample_mean {
	double mean;
	double variance; /**< of the mean: s² / n; NAN where n < 2 */
};

struct comparison {
	/** Mean of a minus mean of b, and over it. Their intervals are Welch's test the other way
	 * round (of the ratio Fieller's), at the level that the test has: they leave 0, or 1, outside
	 * if, and only if, p_holm (or without it welch_p) is below 5 %. */
	struct estimate difference;
	struct estimate ratio;
	double welch_t;
	double welch_freedom;
	double welch_p; /**< two-sided, unequal variances */
	double mann_whitney_u;
	double mann_whitney_p;     /**< two-sided; exact up to 60 values in all, ties too */
	double mann_whitney_least; /**< the least p that these sizes allow: above 0.05, nothing
				      shows */
	double hedges_g;           /**< difference over pooled deviation, corrected for small n */
	double cliffs_delta;       /**< P(a > b) - P(a < b) */
	double p_holm;     /**< welch_p, corrected by holm(); comparison_correct() sets it */
	double detectable; /**< the true difference that Welch's test would find 4 times in 5 */
	double equivalent; /**< equivalent_within() of this pair alone, until somebody corrects it */
	struct sample_mean a;
	struct sample_mean b;
};

/** Compare two samples; -ENOMEM. NANs among the values are left out. */
int compare(const double *a, size_t n_a, const double *b, size_t n_b, struct comparison *ret);

/** Take @p_holm, which holm() made of this comparison's welch_p, and make the intervals as wide as
 * that correction demands. NAN: there is none. */
void comparison_correct(struct comparison *c, double p_holm);

/**
 * Is the ratio of two means beyond a bound? Two one-sided tests (Schuirmann 1987), each of them Welch's, of the
 * difference x̄ₐ − bound · x̄_b with the degrees of freedom that the comparison has: the ends of the interval are
 * Fieller's, each at the level of its own test, so that they never contradict the verdict.
 */
struct ratio_test {
	double bound;        /**< of the ratio: 1.02 */
	double p_above;      /**< one-sided; small: the ratio is above the bound */
	double p_below;      /**< small: it is below */
	double p_above_holm; /**< corrected for the number of tests; at first as they are */
	double p_below_holm;
	/** Its low end is above the bound if, and only if, p_above_holm is below 5 %; its high end below the bound if
	 * p_below_holm is. Each is a one-sided limit. */
	struct estimate ratio;
};

enum ratio_side { RATIO_UNKNOWN, RATIO_ABOVE, RATIO_BELOW };

/** Test @c's ratio; NANs where either sample has fewer than two values, or a mean that is not positive. Where no
 * value differs from the others of its sample the numbers themselves decide. */
void ratio_test(const struct comparison *c, double bound, struct ratio_test *ret);

/** Take what holm() made of both. */
void ratio_test_correct(
	const struct comparison *c, double p_above_holm, double p_below_holm, struct ratio_test *t);

/** Correct @n tests, of as many comparisons, for their number, each side apart; @room is for 2 n numbers. -ENOMEM. */
int ratio_tests_correct(
	const struct comparison *c, struct ratio_test *list, size_t n, double *room);

/** What is shown, at 5 %. */
enum ratio_side ratio_test_side(const struct ratio_test *t);

/**
 * The least bound x for which the two are shown to be equivalent: both one-sided tests, at 5 % over @family, leave only
 * ratios between 1 / (1 + x) and 1 + x. NAN: for none.
 */
double equivalent_within(const struct comparison *c, size_t family);

/** How many runs of each it takes until two that do not differ are, four times in five, shown to differ by less than
 * @bound (0.02), as one of @family tests: by their coefficients of variation. 0: cannot be said. */
size_t runs_to_decide(double cv_a, double cv_b, double bound, size_t family);

/**
 * Holm's correction of @n p values for their number, in place; NANs stay and do not count. A result
 * below 0.05 means: the chance that any of those that are below is a false alarm is at most 5 %.
 * -ENOMEM.
 */
int holm(double *p, size_t n);

/* One sample in order of execution. */

struct order_effects {
	double rho;      /**< Spearman's rank correlation of value and place */
	double rho_p;    /**< two-sided; exact up to 9 values, by Student's t above */
	double slope;    /**< Theil and Sen: the median of all slopes, per place */
	double first;    /**< first value over the mean of the others, minus 1 */
	double first_p;  /**< two-sided, that the first is a value like the others: Student's t; NAN
			    where those are fewer than 3 */
	size_t warmup;   /**< so many values at the begin are told from the rest; 0: none */
	double warmup_p; /**< corrected for the number of begins that were looked at; 1: none */
};

/** -ENOMEM. @values holds no NAN. */
int find_order_effects(const double *values, size_t n, struct order_effects *ret);

/** Spearman's rank correlation of any two columns and its p, as above. -ENOMEM. */
int rank_correlation(const double *x, const double *y, size_t n, double *ret_rho, double *ret_p);

/** Theil and Sen: the median of the slopes between all pairs of points of different x. -ENOMEM. */
int median_slope(const double *x, const double *y, size_t n, double *ret);

/* Intervals of anything that is made from the means of samples. */

/** Most samples that one estimate may be made from. */
#define BOOTSTRAP_SAMPLES_MAX 4

/** A resample of two values is one of three means: no distribution to take quantiles from. */
#define BOOTSTRAP_MIN 3

/** Resamples for each interval: with one more, 2.5 % of them would be a whole number. */
#define BOOTSTRAP_RESAMPLES 1999

/** Resampled runs of some samples, drawn once: so that estimates which sum do so in each resample.
 */
struct bootstrap;

/**
 * An estimate from weighted samples: weights[s][i] says how often value i of sample s was drawn
 * (whole numbers; all 1: the sample itself; one 0: the sample without that value). NAN: cannot be.
 */
typedef double (*estimate_t)(const double *const *weights, void *userdata);

/** For @n_samples samples of sizes @n. The same sizes give the same draws. -ENOMEM, -EINVAL. */
int bootstrap_make(const size_t *n, size_t n_samples, struct bootstrap **ret);

void bootstrap_free(struct bootstrap *b);

static inline void bootstrap_freep(struct bootstrap **b)
{
	bootstrap_free(*b);
}

#define _cleanup_bootstrap_ __attribute__((cleanup(bootstrap_freep)))

/**
 * The estimate from the samples themselves, and its 95 % interval: the percentile interval of the
 * resamples, each sample drawn from itself with replacement, stretched about the estimate by what
 * the percentile interval is known to be too narrow for so few values (docs/statistics.md). NAN
 * where a sample has fewer than BOOTSTRAP_MIN values, or the estimate cannot be had from most
 * resamples.
 */
double bootstrap_interval(
	struct bootstrap *b, estimate_t estimate, void *userdata, struct interval *ret);

/** The same of what cannot be negative (times, ratios): worked out with logarithms, so that the
 * interval cannot be negative, either. */
double bootstrap_positive(
	struct bootstrap *b, estimate_t estimate, void *userdata, struct interval *ret);
