/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The random numbers of the NAS Parallel Benchmarks (Bailey et al., RNR-94-007, section 2.3): x(k+1) = a x(k) mod 2^46,
 * as r(k) = x(k) / 2^46. Whole numbers, so they are the same everywhere; 64 bits hold the low 46 of a product.
 */

#include <stdint.h>

#define RANDLC_A    UINT64_C(1220703125) /**< 5^13 */
#define RANDLC_MASK ((UINT64_C(1) << 46) - 1)

/** Step *@x, and give it as a number between 0 and 1. */
static inline double randlc(uint64_t *x)
{
	*x = *x * RANDLC_A & RANDLC_MASK;
	return (double)(int64_t)*x * 0x1p-46;
}

/** What @x is after @n steps. */
static inline uint64_t randlc_skip(uint64_t x, uint64_t n)
{
	for (uint64_t a = RANDLC_A; n; n >>= 1, a = a * a & RANDLC_MASK)
		if (n & 1)
			x = x * a & RANDLC_MASK;
	return x;
}
