/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/statistics.h"

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

/** 97.5 % quantile of Student's t; between table rows the larger (cautious) value is taken. */
static double t_quantile(double freedom)
{
	static const struct {
		double freedom, t;
	} table[] = {{1, 12.706}, {2, 4.303}, {3, 3.182}, {4, 2.776}, {5, 2.571}, {6, 2.447},
		{7, 2.365}, {8, 2.306}, {9, 2.262}, {10, 2.228}, {12, 2.179}, {14, 2.145},
		{17, 2.110}, {20, 2.086}, {30, 2.042}, {60, 2.000}, {120, 1.980}};
	double t = table[0].t;

	for (size_t i = 0; i < ARRAY_SIZE(table) && table[i].freedom <= freedom; i++)
		t = table[i].t;
	return t;
}

bool statistic_differ(const struct statistic *a, const struct statistic *b)
{
	double va, vb, freedom;

	if (a->n < 2 || b->n < 2)
		return false;
	va = a->m2 / (double)(a->n - 1) / (double)a->n;
	vb = b->m2 / (double)(b->n - 1) / (double)b->n;
	if (va + vb <= 0)
		return a->mean != b->mean;
	freedom = (va + vb) * (va + vb) /
		  (va * va / (double)(a->n - 1) + vb * vb / (double)(b->n - 1));
	return fabs(a->mean - b->mean) > t_quantile(freedom) * sqrt(va + vb);
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
