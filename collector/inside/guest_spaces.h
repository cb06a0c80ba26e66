/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The address spaces of a guest: which there are, which process each is of, and what lies in it. A
 * process is known by its kernel's word (struct guest_task) where that can be had, else by the root of
 * its page tables alone. What was found in one is never used for another.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/books/profile.h"
#include "collector/inside/guest_memory.h"
#include "collector/symbols/symbol_space.h"
#include "guests/inside.h"
#include "probes/records.h"

/* OSv: the kernel, then programs and what they map, then all of memory, several times. */
#define OSV_PROGRAM_FROM 0x100000000000ULL
#define OSV_PROGRAM_TO   0x400000000000ULL

/** Where a file lies in an address space. */
struct guest_place {
	bool found;
	uint64_t bias;
};

struct guest_space {
	uint64_t root;
	uint64_t
		tables; /**< those that user mode has: a kernel that hides itself keeps programs' code from
			    being executed by its own */
	struct guest_task
		who; /**< with its last name; GUEST_TASK_UNKNOWN: the root is all that is known */
	uint64_t samples; /**< in user mode, since the end of the boot */
	bool changed;     /**< it had samples since it was last searched */
	bool over;        /**< another has its root by now: nothing of it can be found any more */
	bool is_program;  /**< the program that is measured lies in it */
	struct symbol_space *names; /**< of what was found in it; NULL: nothing was */
	struct guest_place *places; /**< of each of the guest's files; NULL: none */
	bool has_vdso;              /**< its kernel's code for programs was found in it */
};

struct guest_spaces {
	const struct guest_inside *inside; /**< borrowed, as is names */
	struct symbols *names;
	const char
		*vdso; /**< the file to write the kernel's vDSO to; borrowed; NULL: it has none */
	struct symbol_space
		*shared; /**< where all run in one address space: what is found goes here */
	struct guest_space *items;
	size_t n;
	bool of_window; /**< samples are counted since the boot's end: there, others than the program ran */
	bool tasks_known;   /**< a process was known by its kernel's word */
	bool program_known; /**< the program was found in one of them */
	uint64_t users_low; /**< samples of user mode whose root has no GUEST_USER_TABLES bit */
};

/** A sample with frames of the guest, while it has page tables. */
void guest_spaces_sample(struct guest_spaces *s, const struct guest_sample *g, bool boot);

/** The one with the most samples in user mode; NULL: none has any. */
const struct guest_space *guest_spaces_main(const struct guest_spaces *s);

/** Where to look for what; each takes longer than the one before. */
enum guest_search {
	GUEST_SEARCH_PROGRAM, /**< for the program, and where that is, for its libraries */
	GUEST_SEARCH_CHANGED, /**< also for all files where something ran since the last search */
	GUEST_SEARCH_ALL,     /**< and everywhere else */
};

/** Search them. 0, -EAGAIN (too early: there is none), -ENOMEM. */
int guest_spaces_search(
	struct guest_spaces *s, const struct guest_memory *m, enum guest_search what);

/** The address space that @e's frames of user mode are in; NULL: not known, or not for certain. */
struct guest_space *guest_spaces_of(const struct guest_spaces *s, const struct profile_entry *e);

void guest_spaces_done(struct guest_spaces *s);
