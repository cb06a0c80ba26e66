/* SPDX-License-Identifier: GPL-2.0-or-later */
/** A program whose one function is slower by a known share, by the build: -DEXTRA_PERMILLE=20 makes all of it 2 % longer. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef EXTRA_PERMILLE
#define EXTRA_PERMILLE 0
#endif

/* Steps of each function, of a thousand; each step is a multiplication that needs the one before. */
enum { PARSE = 600, HASH = 400 };

/* noinline, and no tail calls: the functions are to be seen in stacks. */
__attribute__((noinline)) static uint64_t parse_block(uint64_t x, uint64_t unit)
{
	for (uint64_t i = 0; i < PARSE * unit; i++)
		x = x * 6364136223846793005U + 1442695040888963407U;
	return x ^ 1;
}

__attribute__((noinline)) static uint64_t hash_block(uint64_t x, uint64_t unit)
{
	for (uint64_t i = 0; i < (HASH + EXTRA_PERMILLE) * unit; i++)
		x = x * 6364136223846793005U + 1442695040888963407U;
	return x ^ 2;
}

int main(int argc, char **argv)
{
	uint64_t unit = argc > 1 ? strtoull(argv[1], NULL, 10) : 50, x = 1;

	for (int round = 0; round < 1000; round++)
		x = hash_block(parse_block(x, unit), unit);
	printf("%u\n", (unsigned int)(x & 1));
	return 0;
}
