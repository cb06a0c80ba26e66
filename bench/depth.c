/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What bench/stack-depth measures: nearly all its time is spent in a function that is so many calls
 * deep, counted from main. Built without frame pointers. depth DEPTH STEPS
 */
#include <stdint.h>
#include <stdlib.h>

static volatile uint64_t sink;

static __attribute__((noinline)) void burn(unsigned depth, uint64_t steps)
{
	if (depth > 1) {
		burn(depth - 1, steps);
	} else {
		for (uint64_t i = 0; i < steps; i++)
			sink = sink * 6364136223846793005ULL + 1442695040888963407ULL;
	}
	sink++;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	burn((unsigned)strtoul(argv[1], NULL, 10) - 1, strtoull(argv[2], NULL, 10));
	return 0;
}
