/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The few pieces of Go's arithmetic on amd64 that the picture depends on, to the last bit.
 *
 * The guests' libm differ (glibc, musl inside OSv, none at all in a bare kernel), and a logarithm
 * that differs in its last bit can change a pixel. So these are written out here, from the
 * published algorithms: the logarithm of FreeBSD's e_log.c in the order of operations of Go's amd64
 * version, the cosine of the Cephes library. They need no library and no floating-point environment
 * but the default one. Compile with -ffp-contract=off: a fused multiply-add would change results.
 */

#include <stdint.h>

#define GO_PI 0x1.921fb54442d18p+1

/** |x|. */
static inline double go_abs(double x)
{
	return __builtin_fabs(x);
}

/**
 * Go's int(x): toward zero; what does not fit, infinities and NaN give INT64_MIN, as the
 * processor's instruction (CVTTSD2SQ) does. C leaves that case undefined.
 */
static inline int64_t go_int(double x)
{
	const double limit = 9223372036854775808.0; /* 2^63 */

	if (x >= -limit && x < limit)
		return (int64_t)x;
	return INT64_MIN;
}

/** Go's uint32(x) on amd64: the low half of int(x). */
static inline uint32_t go_uint32(double x)
{
	return (uint32_t)go_int(x);
}

/** Go's math.Log. Below zero: NaN; zero: minus infinity; infinity and NaN: themselves. */
double go_log(double x);

/** Go's math.Cos for 0 <= x < 2^29 (all that the palettes need; no reduction of larger ones). */
double go_cos(double x);
