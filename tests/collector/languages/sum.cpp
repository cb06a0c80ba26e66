/* SPDX-License-Identifier: GPL-2.0-or-later */

/* OpenMP's threads compute parts of one number: sum PARTS STEPS. The test knows what comes out. */
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <omp.h>

static uint32_t part(uint32_t x, long steps)
{
	while (steps-- > 0)
		x = x * 1664525 + 1013904223;
	return x;
}

int main(int argc, char **argv)
{
	const long parts = argc > 2 ? std::atol(argv[1]) : 0, steps = argc > 2 ? std::atol(argv[2]) : 0;
	uint32_t sum = 0;

#pragma omp parallel for reduction(+ : sum) schedule(dynamic)
	for (long i = 0; i < parts; i++)
		sum += part(static_cast<uint32_t>(i), steps);
	std::cout << "at once " << omp_get_max_threads() << std::endl;
	std::cout << "result " << sum << std::endl;
}
