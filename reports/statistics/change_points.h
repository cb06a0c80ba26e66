/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Where does a series of samples change? E-divisive (Matteson and James, JASA 109, 2014), as benchmarks' histories are
 * searched by MongoDB (Daly et al., ICPE 2020) and Hunter (Fleming and Kołaczkowski, ICPE 2023).
 *
 * Of a stretch of the series, the split is taken whose two sides, the right one up to any end, are farthest apart by their
 * energy distance (mean absolute difference across, over that within). It is a change if as large a distance is rare where the values are in random order
 * (permutation test, fixed seed). Then both sides are searched likewise. Splits lie between samples, never within one: a
 * sample is one experiment, its values are runs.
 */

#include <stddef.h>

struct change_point {
	size_t at; /**< the first sample of the new level */
	double p;  /**< by permutation: no less than 1 / (CHANGE_PERMUTATIONS + 1) */
};

#define CHANGE_PERMUTATIONS 999

/**
 * Search @n_samples samples, of sizes @sizes, whose @values follow each other. @level: below which p is a change. Fills
 * @ret, which has room for @n_samples, in order; *ret_n says how many. -ENOMEM.
 */
int change_points_find(const double *values, const size_t *sizes, size_t n_samples, double level,
	struct change_point *ret, size_t *ret_n);
