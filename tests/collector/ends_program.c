/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Does the same work in a function of each of six libraries: ends_program STEPS */

#include <stdint.h>
#include <stdlib.h>

void leaf_table(uint64_t steps);
void leaf_debug(uint64_t steps);
void leaf_pointers(uint64_t steps);
void leaf_sparse(uint64_t steps);
void leaf_gap(uint64_t steps);
void leaf_none(uint64_t steps);

static volatile int done;

int main(int argc, char **argv)
{
	const uint64_t steps = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;

	leaf_table(steps);
	leaf_debug(steps);
	leaf_pointers(steps);
	leaf_sparse(steps);
	leaf_gap(steps);
	leaf_none(steps);
	done++;
	return 0;
}
