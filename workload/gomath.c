/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workload/gomath.h"

#include <stddef.h>

#define SIGN_BIT      (UINT64_C(1) << 63)
#define MANTISSA_MASK ((UINT64_C(1) << 52) - 1)
#define INFINITY_BITS UINT64_C(0x7ff0000000000000)
#define HALF_EXPONENT 0x3fe

static uint64_t bits_of(double x)
{
	union {
		double value;
		uint64_t bits;
	} u = {.value = x};

	return u.bits;
}

static double from_bits(uint64_t bits)
{
	union {
		uint64_t bits;
		double value;
	} u = {.bits = bits};

	return u.value;
}

/** ((c[0] * x + c[1]) * x + ...): Horner's scheme, highest power first. */
static inline double polynomial(const double *c, size_t n, double x)
{
	double sum = c[0];

	for (size_t i = 1; i < n; i++)
		sum = sum * x + c[i];
	return sum;
}

/*
 * log(x) = k ln 2 + log(1 + f) with x = 2^k (1 + f), sqrt(1/2) <= 1 + f <= sqrt(2), and
 * log(1 + f) = 2 atanh(s), s = f / (2 + f), by a minimax polynomial in s^2 (FreeBSD, e_log.c).
 */
double go_log(double x)
{
	static const double odd[] = {0x1.2f112df3e5244p-3, 0x1.7466496cb03dep-3,
		0x1.2492494229359p-2, 0x1.5555555555593p-1};
	static const double even[] = {
		0x1.39a09d078c69fp-3, 0x1.c71c51d8e78afp-3, 0x1.999999997fa04p-2};
	static const double ln2_high = 0x1.62e42feep-1, ln2_low = 0x1.a39ef35793c76p-33;
	static const double half_sqrt2 = 0x1.6a09e667f3bcdp-1;
	uint64_t bits = bits_of(x);
	double k, f, s, s2, s4, rest, half_square;

	if (!(bits & ~SIGN_BIT))
		return from_bits(INFINITY_BITS | SIGN_BIT);
	if (bits & SIGN_BIT)
		return from_bits(INFINITY_BITS | 1 | (UINT64_C(1) << 51));
	if (bits >= INFINITY_BITS)
		return x;

	/* Subnormal numbers are not normalised here, as they are not in Go's amd64 code. */
	f = from_bits((bits & MANTISSA_MASK) | ((uint64_t)HALF_EXPONENT << 52));
	k = (double)((int)(bits >> 52) - HALF_EXPONENT);
	if (f <= half_sqrt2) {
		k -= 1;
		f *= 2;
	}
	f -= 1;

	s = f / (2 + f);
	s2 = s * s;
	s4 = s2 * s2;
	rest = s2 * polynomial(odd, 4, s4) + s4 * polynomial(even, 3, s4);
	half_square = 0.5 * f * f;
	return k * ln2_high - ((half_square - (s * (half_square + rest) + k * ln2_low)) - f);
}

/* Reduction to [-pi/4, pi/4] with pi/4 in three parts, then a polynomial for sine or cosine
 * (Cephes). */
double go_cos(double x)
{
	static const double sine[] = {0x1.5d8fd1fd19ccdp-33, -0x1.ae5e5a9291f5dp-26,
		0x1.71de3567d48a1p-19, -0x1.a01a019bfdf03p-13, 0x1.111111110f7dp-7,
		-0x1.5555555555548p-3};
	static const double cosine[] = {-0x1.8fa49a0861a9bp-37, 0x1.1ee9d7b4e3f05p-29,
		-0x1.27e4f7eac4bc6p-22, 0x1.a01a019c844f5p-16, -0x1.6c16c16c14f91p-10,
		0x1.555555555554bp-5};
	static const double pi4_a = 0x1.921fb4p-1, pi4_b = 0x1.4442dp-25,
			    pi4_c = 0x1.8469898cc517p-49;
	static const double four_over_pi = 0x1.45f306dc9c883p+0;
	uint64_t octant;
	double y, z, zz;

	x = go_abs(x);
	if (!(x < 0x1p29))
		return from_bits(INFINITY_BITS | 1 | (UINT64_C(1) << 51));
	octant = (uint64_t)(x * four_over_pi);
	octant += octant & 1;
	y = (double)octant;
	octant &= 7;
	z = ((x - y * pi4_a) - y * pi4_b) - y * pi4_c;
	zz = z * z;
	if (octant == 2 || octant == 6)
		y = z + z * zz * polynomial(sine, 6, zz);
	else
		y = 1.0 - 0.5 * zz + zz * zz * polynomial(cosine, 6, zz);
	return octant == 2 || octant == 4 ? -y : y;
}
