/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Exits to the hypervisor of known kinds, in known numbers, from known functions.
 */

#include <stdint.h>

#include "common/error.h"

/** What causes them. */
struct exits {
	int64_t pages;  /**< alpha writes to as many pages that nobody has written to */
	int64_t writes; /**< beta writes as often to an MSR that hypervisors watch */
};

/** Take the pages, while only one vCPU runs. -ENOMEM, with a message. */
int exits_init(const struct exits *e, struct error *error);

/** Cause them all, on the vCPU that calls. */
void exits_cause(const struct exits *e);
