/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/statistics/statistics.h"

#include <math.h>

#include "common/cleanup.h"

void statistic_add(struct statistic *s, double value)
{
	double delta = value - s->mean;

	s->n++;
	s->mean += delta / (double)s->n;
	s->m2 += delta * (value - s->mean);
	s->min = s->n == 1 ? value : fmin(s->min, value);
	s->max = s->n == 1 ? value : fmax(s->max, value);
}

double statistic_stddev(const struct statistic *s)
{
	return s->n < 2 ? NAN : sqrt(s->m2 / (double)(s->n - 1));
}

void proportion_interval(double p, double n, double *ret_low, double *ret_high)
{
	const double z = 1.959964;
	double center, half;

	if (!(n > 0)) {
		*ret_low = 0;
		*ret_high = 1;
		return;
	}
	center = (p + z * z / (2 * n)) / (1 + z * z / n);
	half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
	*ret_low = fmax(0, center - half);
	*ret_high = fmin(1, center + half);
}
