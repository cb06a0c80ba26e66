/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Looking into a virtual machine. What goes wrong here costs the guest's stacks, never the run. */

#include "collector/run/run_internal.h"

/** QEMU's process. */
pid_t run_guest_process(const struct run *run);

/** Make the view, and say in @options where registers are. Before the probes are opened. -ENOMEM.
 */
int run_guest_prepare(struct run *run, struct probe_options *options, struct error *error);

/** Once QEMU has made the guest's memory, tell the probes. To be called until it has. */
void run_guest_find_memory(struct run *run);

/** How its memory is laid out is known once QEMU's monitor has answered. */
bool run_guest_is_unplaced(const struct run *run);

/** Of a machine that is not ours, tell them again where memory was plugged in or taken away. To be called often. */
void run_guest_watch_memory(struct run *run);

/**
 * Under emulation: once the first vCPU is about to begin, tell the probes where registers are. To
 * be called until it has; @last: it will not come to that any more, so what is known of this
 * version of QEMU has to do.
 */
void run_guest_find_registers(struct run *run, bool last);

/** Is that still to be done? */
bool run_guest_awaits_registers(const struct run *run);

/** Before the books are closed: what was read of the guest is dropped where it cannot be right. */
void run_guest_judge(struct run *run);

/** A sample with what is in it of the guest. */
void run_guest_sample(struct run *run, const struct record_sample *s, const uint64_t *frames);

/** While the guest runs: find its program in its memory. At every phase, since more gets loaded. */
void run_guest_find_program(struct run *run);

/**
 * The same for a program of the user's own, which tells of no phases and is gone when its end is told:
 * while it runs, ever more rarely. Returns in how many ms to call again; INT_MAX: no more.
 */
int run_guest_look(struct run *run);

/** At the end, while the guest still runs: its kernel's symbols. */
void run_guest_find_kernel(struct run *run);

/** The subsystem of the guest that @e was in. */
void run_guest_detail(
	struct run *run, const struct profile_entry *e, char ret_detail[static DETAIL_SIZE]);

/** Say what share of the guest's stacks is whole, and why the others are not. */
void run_guest_close(struct run *run);
