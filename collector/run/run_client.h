/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The client of a server (--client): a load generator on the host, beside the lanes. It is started once
 * the server in the stack answers at its port. The run is the client's: the boot lasts until its exec,
 * the phase "run" from there to its exit. Then the server is ended, which is no failure.
 */

#include <poll.h>

#include "collector/run/run_internal.h"

#define CLIENT_FDS 2

/** What it needs; nothing happens where there is none. After the guest was made. -errno with a message. */
int run_client_prepare(struct run *run, struct error *error);

/** What run_watch() is to wait for, all negative where there is nothing. Returns in how many ms at the
 * latest to call run_client_turn(); INT_MAX: no matter. */
int run_client_watch(const struct run *run, struct pollfd ret[CLIENT_FDS]);

/** Does the server answer? Then start the client. What has it said, has it ended? Returns false when
 * the run is over. */
bool run_client_turn(struct run *run, const struct pollfd fds[CLIENT_FDS]);

/** The run is over: end the client if it still runs, and ask the server to end. Returns whether the
 * stack will end by itself: true where there is no client. */
bool run_client_stop(struct run *run);

/** If the run failed, why. */
void run_client_explain(struct run *run);

/** The run takes too long: what has not happened. */
void run_client_fail_late(struct run *run);

void run_client_done(struct run *run);
