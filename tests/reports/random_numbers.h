/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The tests' own random numbers, the same in every run: splitmix64 (Steele, Lea, Flood, OOPSLA 2014). */

#include <stdint.h>

static uint64_t random_state = 1; /* the seed, which a test may set */

/** 0 to 1, without 1. */
static inline double uniform(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

/** A normal distribution of mean 0 and variance 1, by the sum of twelve. */
static inline double normal(void)
{
	double sum = -6;

	for (int i = 0; i < 12; i++)
		sum += uniform();
	return sum;
}
