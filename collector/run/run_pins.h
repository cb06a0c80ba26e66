/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Lanes on the CPUs of the plan. */

#include "collector/run/run_internal.h"

/** Bind @tid, a thread of @lane, to the plan's CPU, unless it is bound so already. */
void run_pin_lane(struct run *run, unsigned lane, pid_t tid);

/**
 * When @phase begins, or "" at the end: look where lanes are, warn of what differs from the plan,
 * and put it right. Before the second phase the program may still be starting: then without a word.
 */
void run_check_pins(struct run *run, const char *phase);

/** Keep what was seen, for the store. -ENOMEM. */
int run_take_pins(struct run *run);
