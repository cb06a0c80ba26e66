/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The boot of a run, taken apart. What goes wrong here costs steps, never the run. */

#include "collector/run/run_internal.h"

/** Say in @options what is to be watched. Before the probes are opened. -ENOMEM. */
int run_boot_prepare(struct run *run, struct probe_options *options);

/** Watch. Once the stack's process is there, before the gate opens. */
void run_boot_watch(struct run *run);

void run_boot_event(const struct record_boot *record, void *userdata);

/** A sample; @frames are those of the record. */
void run_boot_sample(struct run *run, const struct record_sample *s, const uint64_t *frames);

/** What samples of the guest said of the boot was wrong. */
void run_boot_forget_samples(struct run *run);

/** Output, as it was read. */
void run_boot_console(struct run *run, const char *data, size_t n);

/** The first marker ends the boot: what was seen becomes steps. */
void run_boot_close(struct run *run);
