/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Statistics against values that are known otherwise: closed forms, counting, NIST's data sets. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "reports/statistics/statistics.h"
#include "tests/common/ranges.h"
#include "tests/reports/random_numbers.h"

#define assert_near(a, b, within)                                                                  \
	do {                                                                                       \
		double near_a = (a), near_b = (b);                                                 \
		if (!(fabs(near_a - near_b) <= (within)))                                          \
			fail_msg("%s is %.12g, not %.12g", #a, near_a, near_b);                    \
	} while (0)

/** NIST StRD, univariate: NumAcc1 to NumAcc4, which lose digits in naive sums. */
static void means_and_deviations_are_those_that_NIST_certifies(void **unused)
{
	static const struct {
		double first, low, high, sigma;
		size_t n;
	} sets[] = {{10000002, 10000001, 10000003, 1, 3}, {1.2, 1.1, 1.3, 0.1, 1001},
		{1000000.2, 1000000.1, 1000000.3, 0.1, 1001},
		{10000000.2, 10000000.1, 10000000.3, 0.1, 1001}};
	double values[1001];

	(void)unused;
	for (size_t s = 0; s < ARRAY_SIZE(sets); s++) {
		struct description d;
		struct statistic w = {0};

		for (size_t i = 0; i < sets[s].n; i++) {
			values[i] = i == 0       ? sets[s].first
				    : i % 2 == 1 ? sets[s].low
						 : sets[s].high;
			statistic_add(&w, values[i]);
		}
		assert_int_equal(describe(values, sets[s].n, &d), 0);
		assert_near(d.mean, sets[s].first, 1e-9 * sets[s].first);
		assert_near(d.stddev, sets[s].sigma, 1e-7);
		assert_near(w.mean, sets[s].first, 1e-9 * sets[s].first);
		assert_near(statistic_stddev(&w), sets[s].sigma, 1e-7);
	}
}

static void median_and_MAD_ignore_what_is_far(void **unused)
{
	const double values[] = {10, 10.1, 9.9, 10.05, 9.95, 15};
	struct description d;
	bool far[6];

	(void)unused;
	assert_int_equal(describe(values, 6, &d), 0);
	assert_near(d.median, 10.025, 1e-12);
	/* Deviations 0.025 0.025 0.075 0.075 0.125 4.975. */
	assert_near(d.mad, 1.482602218505602 * 0.075, 1e-9);
	assert_int_equal(find_outliers(values, 6, far), 1);
	assert_true(far[5]);
	assert_false(far[0] || far[1] || far[2] || far[3] || far[4]);
}

static void an_outlier_among_equal_values_is_found(void **unused)
{
	const double values[] = {7, 7, 7, 7, 7, 7, 7, 9}, same[] = {5, 5, 5, 5};
	bool far[8];

	(void)unused;
	assert_int_equal(find_outliers(values, 8, far), 1);
	assert_true(far[7]);
	assert_int_equal(find_outliers(same, 4, far), 0);
	assert_int_equal(find_outliers(values, 3, far), 0);
}

static void few_or_unknown_values_give_NAN_and_no_guess(void **unused)
{
	const double one[] = {3}, holes[] = {NAN, 2, NAN, 4};
	struct description d;
	struct comparison c;
	struct order_effects e;

	(void)unused;
	assert_int_equal(describe(NULL, 0, &d), 0);
	assert_int_equal(d.n, 0);
	assert_true(isnan(d.mean) && isnan(d.stddev) && isnan(d.mean_interval.low));
	assert_int_equal(describe(one, 1, &d), 0);
	assert_near(d.mean, 3, 0);
	assert_true(isnan(d.stddev) && isnan(d.mean_interval.high));
	assert_int_equal(repetitions_needed(&d, 0.01).n, 0);
	assert_int_equal(describe(holes, 4, &d), 0);
	assert_int_equal(d.n, 2);
	assert_near(d.mean, 3, 1e-12);
	assert_int_equal(compare(one, 1, holes, 4, &c), 0);
	assert_near(c.difference.value, 0, 1e-12);
	assert_true(isnan(c.welch_p) && isnan(c.difference.range.low));
	assert_int_equal(compare(NULL, 0, holes, 4, &c), 0);
	assert_true(isnan(c.difference.value));
	assert_int_equal(find_order_effects(NULL, 0, &e), 0);
	assert_true(isnan(e.rho) && isnan(e.first_p) && e.warmup == 0);
}

/** With two degrees of freedom Student's t has a closed form: p = 1 - t / sqrt(2 + t²). */
static void welch_and_hedges_equal_their_closed_forms(void **unused)
{
	const double a[] = {0, 2}, b[] = {10, 12};
	double t = 10 / sqrt(2);
	struct comparison c;

	(void)unused;
	assert_int_equal(compare(a, 2, b, 2, &c), 0);
	assert_near(c.difference.value, -10, 1e-12);
	assert_near(c.ratio.value, 1. / 11, 1e-12);
	assert_near(c.welch_freedom, 2, 1e-9);
	assert_near(c.welch_t, -t, 1e-9);
	assert_near(c.welch_p, 1 - t / sqrt(2 + t * t), 1e-9);
	/* The pooled deviation is √2; the correction Γ(1) / Γ(1/2) = 1 / √π. */
	assert_near(c.hedges_g, -10 / sqrt(2) / sqrt(M_PI), 1e-9);
	assert_near(c.cliffs_delta, -1, 1e-12);
	/* t for 97.5 % and 80 % at two degrees: 4.302653, 1.060660. */
	assert_near(c.detectable, sqrt(2) * (4.302653 + 1.060660), 1e-5);
}

/** Every way to draw a's places, one by one: the p value by its definition. */
static double count_by_hand(const double *all, unsigned n, unsigned n_a)
{
	double here = 0, middle = n_a * (n - n_a) / 2.0;
	unsigned far = 0, ways = 0;

	for (unsigned set = 0; set < 1U << n; set++) {
		double u = 0;

		if ((unsigned)__builtin_popcount(set) != n_a)
			continue;
		for (unsigned i = 0; i < n; i++)
			for (unsigned j = 0; j < n; j++)
				if ((set >> i & 1) && !(set >> j & 1))
					u += all[i] > all[j] ? 1 : all[i] == all[j] ? 0.5 : 0;
		if (set == (1U << n_a) - 1)
			here = fabs(u - middle);
	}
	for (unsigned set = 0; set < 1U << n; set++) {
		double u = 0;

		if ((unsigned)__builtin_popcount(set) != n_a)
			continue;
		for (unsigned i = 0; i < n; i++)
			for (unsigned j = 0; j < n; j++)
				if ((set >> i & 1) && !(set >> j & 1))
					u += all[i] > all[j] ? 1 : all[i] == all[j] ? 0.5 : 0;
		ways++;
		far += fabs(u - middle) >= here - 1e-9;
	}
	return (double)far / ways;
}

static void mann_whitney_is_exact_with_and_without_ties(void **unused)
{
	const double low[] = {1, 2, 3, 4}, high[] = {11, 12, 13, 14};
	struct comparison c;

	(void)unused;
	assert_int_equal(compare(low, 3, high, 3, &c), 0);
	assert_near(c.mann_whitney_p, 0.1, 1e-12);
	assert_near(c.mann_whitney_least, 0.1, 1e-12);
	assert_near(c.mann_whitney_u, 0, 0);
	assert_int_equal(compare(low, 4, high, 4, &c), 0);
	assert_near(c.mann_whitney_p, 2. / 70, 1e-12);
	for (int turn = 0; turn < 60; turn++) {
		double all[10];
		unsigned n_a = 2 + (unsigned)(uniform() * 4), n_b = 2 + (unsigned)(uniform() * 4);

		for (unsigned i = 0; i < n_a + n_b; i++)
			all[i] = turn % 2 ? floor(uniform() * 4) : uniform();
		assert_int_equal(compare(all, n_a, all + n_a, n_b, &c), 0);
		assert_near(c.mann_whitney_p, count_by_hand(all, n_a + n_b, n_a), 1e-9);
		assert_true(c.mann_whitney_least <= c.mann_whitney_p + 1e-12);
	}
}

/** Beyond what is counted the normal approximation takes over: the two must meet. */
static void mann_whitney_of_many_values_meets_the_exact_one(void **unused)
{
	double a[31], b[30];
	struct comparison exact, approximate;

	(void)unused;
	for (int i = 0; i < 31; i++)
		a[i] = i < 30 ? i : 14.5;
	for (int i = 0; i < 30; i++)
		b[i] = i + 4.25;
	assert_int_equal(compare(a, 30, b, 30, &exact), 0);
	assert_int_equal(compare(a, 31, b, 30, &approximate), 0);
	assert_true(exact.mann_whitney_p > 0.02 && exact.mann_whitney_p < 0.2);
	assert_near(exact.mann_whitney_p, approximate.mann_whitney_p, 0.01);
}

static void holm_corrects_step_by_step_and_leaves_unknown_ones(void **unused)
{
	double p[] = {0.01, NAN, 0.04, 0.03, 0.005}, one[] = {0.04}, large[] = {0.6, 0.7};

	(void)unused;
	assert_int_equal(holm(p, 5), 0);
	assert_near(p[0], 0.03, 1e-12);
	assert_true(isnan(p[1]));
	assert_near(p[2], 0.06, 1e-12);
	assert_near(p[3], 0.06, 1e-12);
	assert_near(p[4], 0.02, 1e-12);
	assert_int_equal(holm(one, 1), 0);
	assert_near(one[0], 0.04, 0);
	assert_int_equal(holm(large, 2), 0);
	assert_near(large[0], 1, 0);
	assert_near(large[1], 1, 0);
}

static void rank_correlation_counts_orders(void **unused)
{
	const double place[] = {0, 1, 2, 3, 4, 5, 6, 7}, up[] = {1, 2, 3, 5, 8, 13, 21, 34};
	const double swapped[] = {2, 1, 3, 4}, flat[] = {4, 4, 4, 4};
	double rho, p;

	(void)unused;
	assert_int_equal(rank_correlation(place, up, 5, &rho, &p), 0);
	assert_near(rho, 1, 1e-12);
	assert_near(p, 2. / 120, 1e-12);
	assert_int_equal(rank_correlation(place, up, 8, &rho, &p), 0);
	assert_near(p, 2. / 40320, 1e-12);
	/* Σd² = 2: ρ = 1 - 6·2/60. Of 24 orders 1 + 3 have Σd² ≤ 2, as many on the other side. */
	assert_int_equal(rank_correlation(place, swapped, 4, &rho, &p), 0);
	assert_near(rho, 0.8, 1e-12);
	assert_near(p, 8. / 24, 1e-12);
	assert_int_equal(rank_correlation(place, flat, 4, &rho, &p), 0);
	assert_true(isnan(rho) && isnan(p));
	assert_int_equal(rank_correlation(place, up, 2, &rho, &p), 0);
	assert_true(isnan(p));
}

/** Docker's one-core run times of the published experiment, in order of execution. */
static void drift_and_its_slope_are_found(void **unused)
{
	double values[] = {149.6, 152, 161, 158, 170, 181, 190, 202.8};
	struct order_effects e;

	(void)unused;
	assert_int_equal(find_order_effects(values, 8, &e), 0);
	assert_true(e.rho > 0.97 && e.rho_p < 0.001);
	assert_true(e.slope > 6 && e.slope < 8.5);
}

static void a_slow_begin_is_found_and_noise_is_not(void **unused)
{
	const double first[] = {115, 100, 101, 99.5, 100.5, 100.2, 99.8, 100.1};
	const double two[] = {130, 118, 101, 99.5, 100.5, 100.2, 99.8, 100.1};
	struct order_effects e;
	int alarms = 0;

	(void)unused;
	assert_int_equal(find_order_effects(first, 8, &e), 0);
	assert_near(
		e.first, 115 / ((100 + 101 + 99.5 + 100.5 + 100.2 + 99.8 + 100.1) / 7) - 1, 1e-12);
	assert_true(e.first_p < 1e-4);
	assert_int_equal(e.warmup, 1);
	assert_int_equal(find_order_effects(two, 8, &e), 0);
	assert_int_equal(e.warmup, 2);
	for (int turn = 0; turn < 1000; turn++) {
		double values[8];

		for (int i = 0; i < 8; i++)
			values[i] = 100 + normal();
		assert_int_equal(find_order_effects(values, 8, &e), 0);
		alarms += e.warmup > 0;
	}
	/* At most 5 % by design; of 1000 turns more than 75 come by chance once in 5000. */
	assert_true(alarms < 75);
}

/** The definition, tried on each side of the answer. */
static void repetitions_are_the_fewest_that_are_enough(void **unused)
{
	struct description d = {.n = 8, .mean = 100, .stddev = 1, .cv = 0.01};
	struct repetitions r;

	(void)unused;
	d.stddev_interval = (struct interval){0.6, 2.0};
	r = repetitions_needed(&d, 0.01);
	/* t(n-1) / √n ≤ 1: n = 6: 2.5706 / 2.449 = 1.0494; n = 7: 2.4469 / 2.6458 = 0.9248. */
	assert_int_equal(r.n, 7);
	/* With σ = 2: n = 17: 2.1199 / 4.1231 = 0.5142; n = 18: 2.1098 / 4.2426 = 0.4973. */
	assert_int_equal(r.n_cautious, 18);
}

struct sample {
	double values[8];
	size_t n;
};

static double mean_of(const double *const *weights, void *userdata)
{
	const struct sample *s = userdata;
	double sum = 0, whole = 0;

	for (size_t i = 0; i < s->n; i++) {
		sum += weights[0][i] * s->values[i];
		whole += weights[0][i];
	}
	return sum / whole;
}

/** What 95 % promises, by trying it: in so many of many samples the true mean is inside. */
static void bootstrap_intervals_cover_what_they_promise(void **unused)
{
	static const size_t sizes[] = {3, 5, 8};

	(void)unused;
	for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
		_cleanup_bootstrap_ struct bootstrap *b = NULL;
		int inside = 0, turns = 1000;

		assert_int_equal(bootstrap_make(&sizes[k], 1, &b), 0);
		for (int turn = 0; turn < turns; turn++) {
			struct sample s = {.n = sizes[k]};
			struct interval i;

			for (size_t j = 0; j < s.n; j++)
				s.values[j] = 10 + normal();
			bootstrap_interval(b, mean_of, &s, &i);
			inside += !interval_excludes(&i, 10);
		}
		print_message("n = %zu: %.1f %% inside\n", sizes[k], 100.0 * inside / turns);
		assert_between(inside, 925, 975);
	}
}

/** In thousands of pairs of samples: the interval leaves "no difference" outside just where the
 * test finds one, corrected or not. */
static void intervals_of_differences_say_what_their_test_says(void **unused)
{
	static const double corrections[] = {1, 1.5, 3, 10};
	int found = 0, bounded = 0;

	(void)unused;
	for (int turn = 0; turn < 8000; turn++) {
		double a[8], b[8], correction = corrections[turn % 4];
		size_t n_a = 2 + (size_t)turn % 7, n_b = 2 + (size_t)turn / 7 % 7;
		struct comparison c;

		for (size_t i = 0; i < 8; i++) {
			a[i] = 10 + 0.3 * normal();
			b[i] = 10 + turn % 3 + 0.1 * (turn % 5) * normal();
		}
		assert_int_equal(compare(a, n_a, b, n_b, &c), 0);
		comparison_correct(&c, fmin(1, correction * c.welch_p));
		assert_int_equal(interval_excludes(&c.difference.range, 0), c.p_holm < 0.05);
		found += c.p_holm < 0.05;
		if (isnan(c.ratio.range.low))
			continue;
		bounded++;
		assert_int_equal(interval_excludes(&c.ratio.range, 1), c.p_holm < 0.05);
		assert_true(c.ratio.range.low >= 0 && c.ratio.range.low < c.ratio.value &&
			    c.ratio.value < c.ratio.range.high);
	}
	assert_between(found, 2000, 6500);
	assert_between(bounded, 7000, 8000);
}

/** Of a ratio of means, too, 95 % is what it promises. */
static void intervals_of_ratios_cover_what_they_promise(void **unused)
{
	(void)unused;
	for (size_t n = 2; n <= 8; n += 3) {
		int inside = 0, turns = 2000;

		for (int turn = 0; turn < turns; turn++) {
			double a[8], b[8];
			struct comparison c;

			for (size_t i = 0; i < n; i++) {
				a[i] = 20 + normal();
				b[i] = 10 + 0.5 * normal();
			}
			assert_int_equal(compare(a, n, b, n, &c), 0);
			inside += !interval_excludes(&c.ratio.range, 2);
		}
		print_message("n = %zu: %.1f %% inside\n", n, 100.0 * inside / turns);
		assert_between(inside, 1860, 2000);
	}
}

static void two_values_have_no_bootstrap_interval(void **unused)
{
	const double two[] = {3, 4};
	struct description d;

	(void)unused;
	assert_int_equal(describe(two, 2, &d), 0);
	assert_near(d.mean, 3.5, 1e-12);
	assert_true(isnan(d.mean_interval.low) && isnan(d.mean_interval.high));
}

static void intervals_of_times_are_never_negative(void **unused)
{
	struct sample s = {{1, 30, 200}, 3};
	_cleanup_bootstrap_ struct bootstrap *b = NULL;
	struct interval plain, positive;

	(void)unused;
	assert_int_equal(bootstrap_make(&s.n, 1, &b), 0);
	assert_near(bootstrap_interval(b, mean_of, &s, &plain), 77, 1e-9);
	assert_near(bootstrap_positive(b, mean_of, &s, &positive), 77, 1e-9);
	assert_true(plain.low < 0);
	assert_true(positive.low > 0 && positive.low < 77 && positive.high > 77);
}

static void bootstrap_is_the_same_each_time_and_scales(void **unused)
{
	struct sample s = {{3, 1, 4, 1, 5, 9, 2, 6}, 8}, t = s;
	_cleanup_bootstrap_ struct bootstrap *a = NULL, *b = NULL;
	struct interval i, j;
	size_t n = 8;

	(void)unused;
	for (size_t k = 0; k < 8; k++)
		t.values[k] *= 1024;
	assert_int_equal(bootstrap_make(&n, 1, &a), 0);
	assert_int_equal(bootstrap_make(&n, 1, &b), 0);
	assert_near(bootstrap_interval(a, mean_of, &s, &i), 31. / 8, 1e-12);
	bootstrap_interval(b, mean_of, &t, &j);
	assert_true(i.low * 1024 == j.low && i.high * 1024 == j.high);
	assert_true(i.low < 31. / 8 && i.high > 31. / 8);
	n = 0;
	bootstrap_free(b);
	b = NULL;
	assert_int_equal(bootstrap_make(&n, 0, &b), -EINVAL);
}

static void values_without_spread_have_an_interval_without_width(void **unused)
{
	struct sample s = {{7, 7, 7, 7}, 4};
	_cleanup_bootstrap_ struct bootstrap *b = NULL;
	struct interval i;
	struct comparison c;

	(void)unused;
	assert_int_equal(bootstrap_make(&s.n, 1, &b), 0);
	assert_near(bootstrap_interval(b, mean_of, &s, &i), 7, 0);
	assert_near(i.low, 7, 1e-12);
	assert_near(i.high, 7, 1e-12);
	assert_int_equal(compare(s.values, 4, s.values, 4, &c), 0);
	assert_true(isnan(c.welch_p));
	assert_near(c.mann_whitney_p, 1, 1e-12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(means_and_deviations_are_those_that_NIST_certifies),
		cmocka_unit_test(median_and_MAD_ignore_what_is_far),
		cmocka_unit_test(an_outlier_among_equal_values_is_found),
		cmocka_unit_test(few_or_unknown_values_give_NAN_and_no_guess),
		cmocka_unit_test(welch_and_hedges_equal_their_closed_forms),
		cmocka_unit_test(mann_whitney_is_exact_with_and_without_ties),
		cmocka_unit_test(mann_whitney_of_many_values_meets_the_exact_one),
		cmocka_unit_test(holm_corrects_step_by_step_and_leaves_unknown_ones),
		cmocka_unit_test(rank_correlation_counts_orders),
		cmocka_unit_test(drift_and_its_slope_are_found),
		cmocka_unit_test(a_slow_begin_is_found_and_noise_is_not),
		cmocka_unit_test(repetitions_are_the_fewest_that_are_enough),
		cmocka_unit_test(bootstrap_intervals_cover_what_they_promise),
		cmocka_unit_test(intervals_of_differences_say_what_their_test_says),
		cmocka_unit_test(intervals_of_ratios_cover_what_they_promise),
		cmocka_unit_test(two_values_have_no_bootstrap_interval),
		cmocka_unit_test(intervals_of_times_are_never_negative),
		cmocka_unit_test(bootstrap_is_the_same_each_time_and_scales),
		cmocka_unit_test(values_without_spread_have_an_interval_without_width),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
