/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Detours that the program tells one by one: read from its markers, and explained by what the host saw. */

#include "collector/run/run_internal.h"

/** The markers `detours` and `detour-times`; see workload/detours.h. What a program says of itself is not trusted. */
void run_take_detours(struct run *run, const struct marker *m);
void run_take_detour_times(struct run *run, const struct marker *m);

/** When the books are closed and the clocks' lines are laid: give each detour its cause. -ENOMEM. */
int run_close_detours(struct run *run);
