/* SPDX-License-Identifier: GPL-2.0-or-later */
/** One sample in order of execution: drift, the first run, warm-up. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_permutation.h>
#include <gsl/gsl_statistics_double.h>

#include "common/cleanup.h"
#include "reports/statistics/stat_internal.h"

/* 9! orders are looked at one by one in some milliseconds. */
#define EXACT_MAX       9
#define CORRELATION_MIN 3
/* Below this chance the begin of a configuration is called a warm-up. */
#define WARMUP_LEVEL 0.05
/* So many values must be left after a warm-up to be called the rest. */
#define REST_MIN 3

/** In what share of all orders do the ranks go together, or against each other, as much as here? */
static int count_orders(const double *x, const double *y, size_t n, double *ret)
{
	gsl_permutation *order = gsl_permutation_calloc(n);
	double middle = (double)n * (double)(n + 1) * (double)(n + 1), here = 0, far = 0, all = 0;

	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		here += x[i] * y[i];
	do {
		double sum = 0;

		for (size_t i = 0; i < n; i++)
			sum += x[i] * y[gsl_permutation_get(order, i)];
		far += fabs(sum - middle) >= fabs(here - middle);
		all++;
	} while (gsl_permutation_next(order) == GSL_SUCCESS);
	gsl_permutation_free(order);
	*ret = far / all;
	return 0;
}

int rank_correlation(const double *x, const double *y, size_t n, double *ret_rho, double *ret_p)
{
	_cleanup_free_ double *ranks = calloc(2 * n + 1, sizeof(*ranks));
	_cleanup_free_ size_t *order = calloc(n + 1, sizeof(*order));
	double rho;

	*ret_rho = *ret_p = NAN;
	if (!ranks || !order)
		return -ENOMEM;
	if (n < CORRELATION_MIN)
		return 0;
	double_ranks(x, n, order, ranks);
	double_ranks(y, n, order, ranks + n);
	if (gsl_stats_variance(ranks, 1, n) <= 0 || gsl_stats_variance(ranks + n, 1, n) <= 0)
		return 0;
	rho = gsl_stats_correlation(ranks, 1, ranks + n, 1, n);
	*ret_rho = rho;
	if (n <= EXACT_MAX)
		return count_orders(ranks, ranks + n, n, ret_p);
	*ret_p = fabs(rho) >= 1
			 ? 0
			 : 2 * gsl_cdf_tdist_Q(fabs(rho) * sqrt((double)(n - 2) / (1 - rho * rho)),
				       (double)(n - 2));
	return 0;
}

/* Of more points only some, evenly spread, are looked at: pairs grow as the square. */
#define SLOPE_MAX 500

int median_slope(const double *x, const double *y, size_t n, double *ret)
{
	size_t step = n / SLOPE_MAX + 1;
	_cleanup_free_ double *slopes = NULL;
	size_t m = 0, points = n / step + 1;

	*ret = NAN;
	slopes = calloc(points * points / 2 + 1, sizeof(*slopes));
	if (!slopes)
		return -ENOMEM;
	for (size_t i = 0; i < n; i += step)
		for (size_t j = i + step; j < n; j += step)
			if (x[i] != x[j])
				slopes[m++] = (y[j] - y[i]) / (x[j] - x[i]);
	if (m > 0)
		*ret = gsl_stats_median(slopes, 1, m);
	return 0;
}

/** Two-sided chance that the mean of values @from to @to is one of values like those from @rest on.
 */
static double is_like_rest(const double *values, size_t n, size_t from, size_t to, size_t rest)
{
	double mean = gsl_stats_mean(values + rest, 1, n - rest);
	double sigma = gsl_stats_sd_m(values + rest, 1, n - rest, mean);
	double error = sigma * sqrt(1 / (double)(to - from) + 1 / (double)(n - rest));

	if (!(error > 0))
		return NAN;
	return 2 * gsl_cdf_tdist_Q(fabs(gsl_stats_mean(values + from, 1, to - from) - mean) / error,
			   (double)(n - rest - 1));
}

/** Is each of the first @d values by itself told from the rest, all on one side of it? */
static bool all_differ(const double *values, size_t n, size_t d)
{
	double mean = gsl_stats_mean(values + d, 1, n - d);

	for (size_t i = 0; i < d; i++)
		if ((values[i] > mean) != (values[0] > mean) ||
			!(is_like_rest(values, n, i, i + 1, d) < WARMUP_LEVEL))
			return false;
	return true;
}

/** The longest begin that differs from the rest, corrected for how many begins are looked at. */
static void find_warmup(const double *values, size_t n, struct order_effects *e)
{
	size_t most = n / 2 < n - REST_MIN ? n / 2 : n - REST_MIN;

	for (size_t d = most; d > 0; d--) {
		double p = fmin(1, is_like_rest(values, n, 0, d, d) * (double)most);

		if (!(p < WARMUP_LEVEL) || !all_differ(values, n, d))
			continue;
		e->warmup = d;
		e->warmup_p = p;
		return;
	}
	e->warmup_p = 1;
}

int find_order_effects(const double *values, size_t n, struct order_effects *ret)
{
	_cleanup_free_ double *places = calloc(n + 1, sizeof(*places));
	struct order_effects e = {NAN, NAN, NAN, NAN, NAN, 0, NAN};
	int r = 0;

	if (!places)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		places[i] = (double)i;
	if (n >= CORRELATION_MIN) {
		e.first = values[0] / gsl_stats_mean(values + 1, 1, n - 1) - 1;
		r = rank_correlation(places, values, n, &e.rho, &e.rho_p);
	}
	if (r >= 0 && n >= 2)
		r = median_slope(places, values, n, &e.slope);
	if (r < 0)
		return r;
	if (n > REST_MIN) {
		e.first_p = is_like_rest(values, n, 0, 1, 1);
		find_warmup(values, n, &e);
	}
	*ret = e;
	return 0;
}
