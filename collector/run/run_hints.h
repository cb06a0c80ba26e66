/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * What samples say of why a lane was held up. A sample of a detour shows another thread of the guest than is
 * usual for the lane, or an interrupt or another function of the guest, or another function of the host:
 * the first of these that differs from what samples show of the lane beside its detours.
 */

#include "collector/run/run_internal.h"

/** Of a stack of the profile: causes by their numbers, DETOUR_LOOP where there is none. */
struct stack_causes {
	uint32_t thread, function, host;
};

struct run_hints {
	struct stack_causes *of_entry; /**< one for each of the profile's entries */
};

/** Looks up all that samples may show; the run's causes are complete then. -ENOMEM. */
int run_hints_new(struct run *run, struct run_hints *ret);

/** The hints of d's lane, in order of time, of its detours' time; *ret is malloced. -ENOMEM. */
int run_hints_of_lane(struct run_hints *h, const struct run *run, const struct run_detours *d,
	struct detour_hint **ret, size_t *ret_n);

void run_hints_done(struct run_hints *h);
