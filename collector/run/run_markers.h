/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the program in the stack says by its markers, and the phases that they, or others, begin. All
 * of it is untrusted input. */

#include "collector/run/run_internal.h"

/** A marker from the program. */
void run_on_marker(const struct marker *m, void *userdata);

/**
 * Phase @name begins now, and the one before it ends; the first one ends the boot. @guest_ns is the
 * program's own clock, 0: not known. Nothing happens when the run has ended.
 */
void run_begin_phase(struct run *run, const char *name, uint64_t guest_ns);

/** The same in two steps, for who has something to do in between: the first takes no time, and returns
 * false where no phase begins; the second looks at lanes and programs. */
bool run_open_phase(struct run *run, const char *name, uint64_t guest_ns);
void run_look_at_phase(struct run *run);

/** The boot ended at @now. Returns false if that is all that was asked for: then the run has ended. */
bool run_end_boot(struct run *run, uint64_t now);

/** The last phase ends now, and the run with it; nothing happens before a phase has begun. */
void run_end_phases(struct run *run);
