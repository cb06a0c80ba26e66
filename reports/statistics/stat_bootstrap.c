/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_rng.h>
#include <gsl/gsl_statistics_double.h>

#include "common/cleanup.h"
#include "reports/statistics/statistics.h"

#define LEVEL 0.95
/* Any fixed seed will do: the same store must give the same report. */
#define SEED 20221

struct bootstrap {
	size_t n[BOOTSTRAP_SAMPLES_MAX];
	size_t n_samples;
	double *weights[BOOTSTRAP_SAMPLES_MAX]; /**< BOOTSTRAP_RESAMPLES rows of n */
	double *scratch[BOOTSTRAP_SAMPLES_MAX]; /**< one row */
	double *estimates;                      /**< BOOTSTRAP_RESAMPLES */
};

void bootstrap_free(struct bootstrap *b)
{
	if (!b)
		return;
	for (size_t s = 0; s < b->n_samples; s++) {
		free(b->weights[s]);
		free(b->scratch[s]);
	}
	free(b->estimates);
	free(b);
}

static void draw(double *weights, size_t n, gsl_rng *rng)
{
	for (size_t r = 0; r < BOOTSTRAP_RESAMPLES; r++)
		for (size_t i = 0; i < n; i++)
			weights[r * n + gsl_rng_uniform_int(rng, n)] += 1;
}

int bootstrap_make(const size_t *n, size_t n_samples, struct bootstrap **ret)
{
	_cleanup_bootstrap_ struct bootstrap *b = NULL;
	gsl_rng *rng;

	if (n_samples == 0 || n_samples > BOOTSTRAP_SAMPLES_MAX)
		return -EINVAL;
	b = calloc(1, sizeof(*b));
	if (!b || !(b->estimates = calloc(BOOTSTRAP_RESAMPLES, sizeof(*b->estimates))))
		return -ENOMEM;
	for (; b->n_samples < n_samples; b->n_samples++) {
		size_t s = b->n_samples;

		b->n[s] = n[s];
		b->weights[s] = calloc(n[s] + 1, BOOTSTRAP_RESAMPLES * sizeof(double));
		b->scratch[s] = calloc(n[s] + 1, sizeof(double));
		if (!b->weights[s] || !b->scratch[s]) {
			b->n_samples++;
			return -ENOMEM;
		}
	}
	gsl_set_error_handler_off();
	rng = gsl_rng_alloc(gsl_rng_mt19937);
	if (!rng)
		return -ENOMEM;
	gsl_rng_set(rng, SEED);
	for (size_t s = 0; s < n_samples; s++)
		if (n[s] > 0)
			draw(b->weights[s], n[s], rng);
	gsl_rng_free(rng);
	*ret = TAKE_PTR(b);
	return 0;
}

static double plain_estimate(struct bootstrap *b, estimate_t estimate, void *userdata)
{
	for (size_t s = 0; s < b->n_samples; s++)
		for (size_t i = 0; i < b->n[s]; i++)
			b->scratch[s][i] = 1;
	return estimate((const double *const *)b->scratch, userdata);
}

/** The jackknife's variance of the estimate by sample @s: each value left out in turn. */
static double jackknife(struct bootstrap *b, size_t s, estimate_t estimate, void *userdata)
{
	double n = (double)b->n[s], sum = 0, squares = 0;

	for (size_t i = 0; i < b->n[s]; i++) {
		double value;

		b->scratch[s][i] = 0;
		value = estimate((const double *const *)b->scratch, userdata);
		b->scratch[s][i] = 1;
		b->estimates[i % BOOTSTRAP_RESAMPLES] = value;
		sum += value;
	}
	for (size_t i = 0; i < b->n[s]; i++) {
		double off = b->estimates[i % BOOTSTRAP_RESAMPLES] - sum / n;

		squares += off * off;
	}
	return (n - 1) / n * squares;
}

/**
 * By what the percentile interval is too narrow: a resample of n varies like divisor n, not n - 1,
 * and its quantiles are a normal distribution's where Student's are due. Degrees of freedom of
 * several samples by Welch and Satterthwaite, from each one's part of the variance.
 */
static double stretch(struct bootstrap *b, estimate_t estimate, void *userdata)
{
	double whole = 0, plain = 0, squares = 0, freedom = INFINITY;

	for (size_t s = 0; s < b->n_samples; s++) {
		double n = (double)b->n[s], v = jackknife(b, s, estimate, userdata);

		whole += v;
		plain += v * (n - 1) / n;
		squares += v * v / (n - 1);
		freedom = fmin(freedom, n - 1);
	}
	if (!(whole > 0) || !isfinite(whole) || !isfinite(squares)) {
		/* The estimate hangs on single values: the most cautious factor. */
		return sqrt((freedom + 1) / freedom) *
		       gsl_cdf_tdist_Pinv((1 + LEVEL) / 2, freedom) /
		       gsl_cdf_ugaussian_Pinv((1 + LEVEL) / 2);
	}
	freedom = whole * whole / squares;
	return sqrt(whole / plain) * gsl_cdf_tdist_Pinv((1 + LEVEL) / 2, freedom) /
	       gsl_cdf_ugaussian_Pinv((1 + LEVEL) / 2);
}

/** The estimates of all resamples, without those that cannot be had; returns how many. */
static size_t resample(struct bootstrap *b, estimate_t estimate, void *userdata)
{
	const double *weights[BOOTSTRAP_SAMPLES_MAX];
	size_t n = 0;

	for (size_t r = 0; r < BOOTSTRAP_RESAMPLES; r++) {
		double value;

		for (size_t s = 0; s < b->n_samples; s++)
			weights[s] = b->weights[s] + r * b->n[s];
		value = estimate(weights, userdata);
		if (isfinite(value))
			b->estimates[n++] = value;
	}
	return n;
}

double bootstrap_interval(
	struct bootstrap *b, estimate_t estimate, void *userdata, struct interval *ret)
{
	double middle = plain_estimate(b, estimate, userdata), factor, low, high;
	size_t n, rank;

	*ret = (struct interval){NAN, NAN};
	if (!isfinite(middle))
		return NAN;
	for (size_t s = 0; s < b->n_samples; s++)
		if (b->n[s] < BOOTSTRAP_MIN)
			return middle;
	factor = stretch(b, estimate, userdata);
	n = resample(b, estimate, userdata);
	if (n < BOOTSTRAP_RESAMPLES / 2)
		return middle;
	/* Davison and Hinkley 1997: of R resamples, those of rank (R + 1) α and (R + 1) (1 − α). */
	rank = (size_t)((double)(n + 1) * (1 - LEVEL) / 2 + 0.5);
	low = gsl_stats_select(b->estimates, 1, n, rank - 1);
	high = gsl_stats_select(b->estimates, 1, n, n - rank);
	/* An estimate at the edge of what resamples give is within its interval all the same. */
	*ret = (struct interval){
		middle + fmin(0, low - middle) * factor, middle + fmax(0, high - middle) * factor};
	return middle;
}

/** What an estimate of a logarithm is made from. */
struct plain {
	estimate_t estimate;
	void *userdata;
};

static double log_estimate(const double *const *weights, void *userdata)
{
	const struct plain *p = userdata;
	double value = p->estimate(weights, p->userdata);

	return value > 0 ? log(value) : NAN;
}

double bootstrap_positive(
	struct bootstrap *b, estimate_t estimate, void *userdata, struct interval *ret)
{
	struct plain plain = {estimate, userdata};
	double middle = plain_estimate(b, estimate, userdata);

	if (!(middle > 0))
		return bootstrap_interval(b, estimate, userdata, ret);
	bootstrap_interval(b, log_estimate, &plain, ret);
	*ret = (struct interval){exp(ret->low), exp(ret->high)};
	return middle;
}

bool interval_excludes(const struct interval *i, double value)
{
	return isfinite(i->low) && isfinite(i->high) && (value < i->low || value > i->high);
}
