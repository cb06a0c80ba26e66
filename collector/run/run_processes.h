/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The processes of the stack, and when their maps are read. */

#include "collector/run/run_internal.h"

/**
 * Process @pid is of the stack: its maps are taken while it lives, now and with every snapshot.
 * Where it is gone already, those of @origin stand for them (0: none).
 */
void run_know_process(struct run *run, pid_t pid, pid_t origin);

/** Take the maps of these while they live. */
void run_snapshot_maps(struct run *run);

/** The same of those whose size has changed since. */
void run_renew_maps(struct run *run);

/** The same of process @pid. */
void run_renew_process(struct run *run, pid_t pid);

/** Process @pid was seen at @now in code that it made, and of which nothing is known. */
void run_renew_code(struct run *run, pid_t pid, uint64_t now);
