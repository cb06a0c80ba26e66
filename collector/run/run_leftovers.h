/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Processes that the program leaves behind. */

#include "collector/run/run_internal.h"

#define CHILDREN_KEPT 64

struct child_list {
	pid_t pids[CHILDREN_KEPT];
	size_t n;
};

/** Before the stack starts: our children by now; and whoever loses its parent becomes one. */
void run_note_children(struct child_list *ret);

/**
 * End whatever of the stack outlives its first process, however it detached itself, and say so.
 * @wait: for the first process, a moment.
 */
void run_end_leftovers(struct run *run, const struct child_list *before, bool wait);

/** Say what a virtual machine or a container ended with the program; before run_close_threads(). */
void run_tell_leftovers(struct run *run);
