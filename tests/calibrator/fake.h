/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Fake threads, and the scheduler's data of them that guests/fake_sched.h describes: honest, or not (-hostile). */

#include <stdbool.h>
#include <stdint.h>

#include "guests/bare/vcpu.h"
#include "guests/fake_sched.h"

/** Data for @n_threads threads on vCPUs 0 to @n_cpus - 1. -ENOMEM. */
int fake_init(unsigned n_threads, unsigned n_cpus);

/** A thread's vCPU; they are dealt out before any of them begins. */
void fake_deal(unsigned thread, unsigned cpu);

/** @now_ns: all threads of @cpu could run from now on. */
void fake_begin(unsigned cpu, uint64_t now_ns);

/** @thread gets its vCPU; and loses it, having had it for @ns, while others wait. */
void fake_run(unsigned thread, uint64_t now_ns);
void fake_stop(unsigned thread, uint64_t now_ns, uint64_t ns);

/** None of @cpu's threads has anything to do any more. */
void fake_end(unsigned cpu, uint64_t now_ns);

/** How the data lie. */
enum fake_lie {
	FAKE_HONEST,
	FAKE_LOOP,    /**< the list comes back to its own middle, and never ends */
	FAKE_NOWHERE, /**< it leads out of memory */
	FAKE_REWRITE, /**< it is made anew in another order, with other numbers, at each step */
};

/** Lie that way from the next fake_run() on, on whatever vCPU. */
void fake_lie(enum fake_lie lie);
