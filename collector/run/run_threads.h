/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The threads of a program whose lanes are CPUs: what each did, kept for the store, and their sums
 * against the kernel's clocks. */

#include "collector/run/run_internal.h"

/** The server's client begins at @begin_ns, and the run with it: what threads did before is not counted. */
void run_mark_threads(struct run *run, uint64_t begin_ns);

/** A thread has ended, or the books have. */
void run_take_thread(const struct thread_record *record, void *userdata);

/** Drop what lies outside of the run, sort by CPU time. After the probes are finished. */
void run_close_threads(struct run *run);

/** All threads' time on a CPU and their waiting against the kernel's. -ENOMEM. */
int run_audit_threads(struct run *run);
