/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * What a running Linux guest's kernel tells of itself: where it has the tasks that its CPUs are at work
 * for, all its threads and run queues, and how its stacks are walked (ORC). Its symbols are needed for that, out of a file or of the
 * kernel's memory; its type information (BTF) and its ORC are in its memory, too. All of it is large, so
 * a thread of its own looks: the reader of a program's markers must not wait.
 */

#include <stdbool.h>

#include "collector/inside/guest_memory.h"
#include "collector/inside/guest_sched.h"
#include "collector/inside/guest_timers.h"
#include "collector/unwind/unwind_table.h"
#include "guests/inside.h"

/** What to look for, and what in. Texts are borrowed until the end. */
struct guest_facts_source {
	bool wants_tasks;
	bool wants_table;
	struct guest_memory *memory;   /**< taken over */
	uint64_t cr3;                  /**< where the kernel is mapped; 0: not known */
	struct guest_root_symbol root; /**< by which that is found then */
	const char *symbols;           /**< a file of symbols that lie where it says; NULL: none */
	const char *
		kallsyms; /**< else this file, which is made of the kernel's own table if it is not there */
};

/** What was found. */
struct guest_facts {
	bool has_tasks;
	bool has_table;
	struct guest_task_layout tasks;
	struct sched_layout sched;   /**< of kind SCHED_NONE: it was not found */
	struct timers_layout timers; /**< likewise */
	struct unwind_table table;   /**< the caller's */
};

struct guest_look;

/** Begin to look. -ENOMEM, -EAGAIN: no thread. */
int guest_look_start(const struct guest_facts_source *source, struct guest_look **ret);

/** False: it still looks. Else what it found is the caller's, once. */
bool guest_look_take(struct guest_look *look, struct guest_facts *ret);

/** Waits until it has looked. NULL is fine. */
void guest_look_free(struct guest_look *look);
