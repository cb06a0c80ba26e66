/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/plan.h"

#include <errno.h>
#include <stdlib.h>

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014): the order
 * must be the same from the same seed on every machine, which rand() does not promise. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

int plan_make(struct plan *ret, const struct plan_cell *cells, size_t n_cells, unsigned repeat,
	uint64_t seed)
{
	struct run_request *runs = calloc(n_cells * repeat, sizeof(*runs));
	size_t n = 0;

	if (!runs)
		return -ENOMEM;
	for (unsigned block = 1; block <= repeat; block++) {
		struct run_request *first = runs + n;

		for (size_t i = 0; i < n_cells; i++, n++)
			runs[n] = (struct run_request){
				.ops = cells[i].ops,
				.accel = cells[i].accel,
				.lanes = cells[i].lanes,
				.placement = cells[i].placement,
				.repetition = block,
			};
		/* Fisher-Yates. The bias of the modulus is below 2^-50 for any plan. */
		for (size_t i = n_cells; i > 1; i--) {
			size_t j = next_random(&seed) % i;
			struct run_request other = first[j];

			first[j] = first[i - 1];
			first[i - 1] = other;
		}
	}
	for (size_t i = 0; i < n; i++) {
		runs[i].id = (unsigned)i + 1;
		runs[i].position = (unsigned)i + 1;
	}
	*ret = (struct plan){runs, n};
	return 0;
}

void plan_done(struct plan *p)
{
	free(p->runs);
	*p = (struct plan){0};
}
