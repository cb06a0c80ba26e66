/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** A stack's process: common/spawn.h with the stack's own fields. */

#include "common/error.h"
#include "guests/guest.h"

/** spawn_held(): g->argv → g->pid, pidfd, console_fd, release_fd. */
int guest_spawn(struct guest *g, const int *cpus, size_t n_cpus, struct error *error);

/** spawn_reap() of g->pid; sets g->wait_status, g->reaped. 0 as well if there is nothing to reap.
 */
int guest_reap(struct guest *g, int timeout_ms);

/** Kill the process group of g->pid and reap it. Idempotent. */
void guest_kill(struct guest *g);
