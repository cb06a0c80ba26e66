/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Where a Linux guest's kernel has the tasks that its CPUs are at work for. Its symbols are needed for
 * that, out of a file or of the kernel's memory, and its type information (BTF), which is in its memory,
 * too. Both are large, so a thread of its own looks: the reader of a program's markers must not wait.
 */

#include "collector/inside/guest_memory.h"
#include "guests/inside.h"

/** What to look in. Texts are borrowed until the end. */
struct guest_tasks_source {
	struct guest_memory *memory;   /**< taken over */
	uint64_t cr3;                  /**< where the kernel is mapped; 0: not known */
	struct guest_root_symbol root; /**< by which that is found then */
	const char *symbols;           /**< a file of symbols that lie where it says; NULL: none */
	const char *
		kallsyms; /**< else this file, which is made of the kernel's own table if it is not there */
};

struct guest_tasks;

/** Begin to look. -ENOMEM, -EAGAIN: no thread. */
int guest_tasks_start(const struct guest_tasks_source *source, struct guest_tasks **ret);

/** -EAGAIN: it still looks. -ENODATA ...: not there, or not understood. */
int guest_tasks_result(const struct guest_tasks *t, struct guest_task_layout *ret);

/** Waits until it has looked. NULL is fine. */
void guest_tasks_free(struct guest_tasks *t);
