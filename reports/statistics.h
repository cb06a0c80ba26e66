/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The few statistics that the reports state. */

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
 * Do the means of @a and @b differ by more than chance would? Welch's unequal-variances t test at
 * the 5 % level, two-sided (degrees of freedom by Welch and Satterthwaite). False where either has
 * fewer than two values: then nothing can be said.
 */
bool statistic_differ(const struct statistic *a, const struct statistic *b);

/**
 * 95 % interval of a proportion @p estimated from @n samples: Wilson's score interval, which stays
 * within 0..1 and is right for small counts. n = 0 gives 0..1.
 */
void proportion_interval(double p, double n, double *ret_low, double *ret_high);
