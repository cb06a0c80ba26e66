/* SPDX-License-Identifier: GPL-2.0-or-later */
/** One sample: location, spread, outliers, and how many more values it would take. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

#include "common/cleanup.h"
#include "reports/statistics/stat_internal.h"

/* Makes the median absolute deviation of a normal distribution its σ: 1 / Φ⁻¹(3/4). */
#define MAD_TO_SIGMA 1.482602218505602
/* Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993. */
#define OUTLIER_Z   3.5
#define OUTLIER_MIN 4
/* More runs than anybody will do. */
#define REPETITIONS_MAX 1000000

size_t values_known(const double *values, size_t n, double *ret)
{
	size_t m = 0;

	for (size_t i = 0; i < n; i++)
		if (isfinite(values[i]))
			ret[m++] = values[i];
	return m;
}

static double median_of(const double *values, size_t n, double *scratch)
{
	memcpy(scratch, values, n * sizeof(*values));
	return gsl_stats_median(scratch, 1, n);
}

double weighted_mean(const double *values, const double *weights, size_t n)
{
	double sum = 0, whole = 0;

	for (size_t i = 0; i < n; i++) {
		sum += weights[i] * values[i];
		whole += weights[i];
	}
	return sum / whole;
}

static double mean_estimate(const double *const *weights, void *userdata)
{
	const struct values *v = userdata;

	return weighted_mean(v->list, weights[0], v->n);
}

static int describe_known(const double *x, size_t n, double *scratch, struct description *d)
{
	_cleanup_bootstrap_ struct bootstrap *b = NULL;
	struct values values = {x, n};
	int r;

	d->mean = gsl_stats_mean(x, 1, n);
	d->median = median_of(x, n, scratch);
	d->mad = MAD_TO_SIGMA * gsl_stats_mad0(x, 1, n, scratch);
	gsl_stats_minmax(&d->min, &d->max, x, 1, n);
	if (n < 2)
		return 0;
	d->stddev = gsl_stats_sd_m(x, 1, n, d->mean);
	d->cv = d->mean != 0 ? d->stddev / d->mean : NAN;
	d->stddev_interval.low =
		d->stddev * sqrt((double)(n - 1) / gsl_cdf_chisq_Pinv(0.975, (double)(n - 1)));
	d->stddev_interval.high =
		d->stddev * sqrt((double)(n - 1) / gsl_cdf_chisq_Pinv(0.025, (double)(n - 1)));
	r = bootstrap_make(&n, 1, &b);
	if (r < 0)
		return r;
	bootstrap_positive(b, mean_estimate, &values, &d->mean_interval);
	return 0;
}

int describe(const double *values, size_t n, struct description *ret)
{
	_cleanup_free_ double *x = calloc(2 * n + 1, sizeof(*x));
	struct description d = {0, NAN, NAN, NAN, NAN, NAN, NAN, NAN, {NAN, NAN}, {NAN, NAN}};
	int r = 0;

	if (!x)
		return -ENOMEM;
	d.n = values_known(values, n, x);
	if (d.n > 0)
		r = describe_known(x, d.n, x + n, &d);
	if (r < 0)
		return r;
	*ret = d;
	return 0;
}

int find_outliers(const double *values, size_t n, bool *ret)
{
	_cleanup_free_ double *scratch = calloc(n + 1, sizeof(*scratch));
	double median, scale, limit = OUTLIER_Z * MAD_TO_SIGMA;
	int found = 0;

	if (!scratch)
		return -ENOMEM;
	memset(ret, 0, n * sizeof(*ret));
	if (n < OUTLIER_MIN)
		return 0;
	median = median_of(values, n, scratch);
	scale = gsl_stats_mad0(values, 1, n, scratch);
	if (scale <= 0) {
		/* Of a normal distribution the mean absolute deviation is σ / 1.253314. */
		scale = gsl_stats_absdev_m(values, 1, n, median);
		limit = OUTLIER_Z * 1.253314;
	}
	for (size_t i = 0; i < n && scale > 0; i++) {
		ret[i] = fabs(values[i] - median) > limit * scale;
		found += ret[i];
	}
	return found;
}

static bool is_enough(double cv, double share, size_t n)
{
	return gsl_cdf_tdist_Pinv(0.975, (double)(n - 1)) * cv / sqrt((double)n) <= share;
}

/** The smallest n that is enough: more values never make the interval wider. */
static size_t enough(double cv, double share)
{
	size_t low = 2, high = 2;

	if (!isfinite(cv))
		return 0;
	while (!is_enough(cv, share, high)) {
		if (high >= REPETITIONS_MAX)
			return 0;
		low = high;
		high *= 2;
	}
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (is_enough(cv, share, middle))
			high = middle;
		else
			low = middle + 1;
	}
	return high;
}

struct repetitions repetitions_needed(const struct description *d, double share)
{
	if (d->n < 2 || !(fabs(d->mean) > 0))
		return (struct repetitions){0, 0};
	return (struct repetitions){
		enough(fabs(d->cv), share), enough(fabs(d->stddev_interval.high / d->mean), share)};
}

size_t repetitions_round(size_t n)
{
	size_t unit = 1;

	while (n / unit >= 100)
		unit *= 10;
	return (n + unit / 2) / unit * unit;
}
