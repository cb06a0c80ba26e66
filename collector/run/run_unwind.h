/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Unwind tables of the stack's processes, put where the eBPF programs walk by them. */

#include "collector/run/run_internal.h"

struct probe_options;
struct unwind_table;

/** Before the stack starts, or is attached to: make the tables of what it will run, as far as that is known.
 * Else the run itself would have to wait for them. */
void run_unwind_expect(struct run *run);

/** Before the probes are opened. */
void run_unwind_prepare(struct run *run, struct probe_options *options);

/** The mappings of process @pid are known, or others than before. True: it may tell of code that it
 * makes as it runs. */
bool run_unwind_process(struct run *run, pid_t pid);

/** When it is over: make the tables that would have kept us from its markers. */
void run_unwind_close(struct run *run);

/** The guest's kernel, as soon as the probes are open. */
void run_unwind_kernel(struct run *run);

/** The table of a Linux guest's kernel was found in its memory; it is taken over. */
void run_unwind_kernel_found(struct run *run, struct unwind_table *table);

/** The guest's programs and libraries are known, or more of them than before. */
void run_unwind_guest(struct run *run);
