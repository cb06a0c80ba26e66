/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/statistics/tails.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort_double.h>

#include "common/cleanup.h"
#include "reports/statistics/stat_internal.h"

#define EACH_SIDE 0.025

static const double quantiles[TAILS_MAX] = {0.9, 0.95, 0.99};

/* How many of n values lie below the quantile is binomial: the @i-th least is above it if fewer than @i do. */
static double chance_below(size_t i, double q, size_t n)
{
	return gsl_cdf_binomial_P((unsigned)i - 1, q, (unsigned)n);
}

/* Enough values: that all are below the quantile is unlikely. */
static bool is_bounded(double q, size_t n)
{
	return pow(q, (double)n) <= EACH_SIDE;
}

static struct estimate estimate(const double *sorted, size_t n, double q)
{
	size_t low = 0, high = n;

	while (low < n && chance_below(low + 1, q, n) <= EACH_SIDE)
		low++;
	while (high > 1 && 1 - chance_below(high - 1, q, n) <= EACH_SIDE)
		high--;
	return (struct estimate){sorted[(size_t)ceil(q * (double)n) - 1],
		{low ? sorted[low - 1] : NAN, sorted[high - 1]}};
}

int find_tails(const double *values, size_t n, struct tails *ret)
{
	_cleanup_free_ double *sorted = calloc(n + 1, sizeof(*sorted));

	if (!sorted)
		return -ENOMEM;
	n = values_known(values, n, sorted);
	gsl_sort(sorted, 1, n);
	*ret = (struct tails){0};
	for (size_t i = 0; i < TAILS_MAX; i++)
		if (is_bounded(quantiles[i], n))
			ret->list[ret->n++] =
				(struct tail){quantiles[i], estimate(sorted, n, quantiles[i])};
	return 0;
}
