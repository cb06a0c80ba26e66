/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * High quantiles of few values, with intervals that hold whatever the values' distribution is: between two order
 * statistics, by the binomial distribution (David and Nagaraja 2003). The largest value bounds a
 * quantile q from above only if n values are enough: q^n <= 2.5 %, 36 for 90 %, 72 for 95 %, 368 for
 * 99 %.
 */

#include <stddef.h>

#include "reports/statistics/statistics.h"

#define TAILS_MAX 3

struct tail {
	double quantile; /**< 0.9, 0.95, 0.99 */
	struct estimate estimate;
};

struct tails {
	size_t n; /**< those that so many values allow */
	struct tail list[TAILS_MAX];
};

/** NANs are left out. -ENOMEM. */
int find_tails(const double *values, size_t n, struct tails *ret);
