/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Page tables and frame chains of a guest that means no good, for those who walk them from outside.
 * The program's own code, stack and data stay mapped, so it goes on burning.
 */

#include <stdint.h>

#include "tests/calibrator/fake.h"

struct hostile_mode {
	const char *name;
	/** Fill in values for RBP that lead into trouble; returns how many. NULL: leave RBP alone.
	 */
	unsigned (*traps)(uint64_t *root, uint64_t *ret_rbp);
	enum fake_lie lie; /**< of the scheduler's data; page tables stay honest then */
};

/** Ended by a row without a name. */
extern const struct hostile_mode hostile_table[];

/**
 * loop		a table that is its own next level, on all four levels; a frame that is its own caller
 * range	tables and pages far beyond RAM; a frame across the end of RAM
 * unmapped	frames where nothing is mapped, at addresses that are not canonical, at the very end
 * switch	two page tables in turn: CR3 changes with every slice
 * sched-...	the scheduler's data of the fake threads: a list without an end, one that leads nowhere, one that is
 *		rewritten all the time
 */
#define HOSTILE_TRAPS_MAX 8

/** Make the tables of @mode. 0 or -ENOMEM. */
int hostile_init(const struct hostile_mode *mode);

/** Each vCPU, before slice number @slice: CR3 and the value for RBP of that slice. */
void hostile_step(uint64_t slice, uint64_t *ret_rbp);

/** Each vCPU, at the end: the honest page tables again. */
void hostile_leave(void);
