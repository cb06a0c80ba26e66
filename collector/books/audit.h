/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The audit: books against clocks that the probes did not use. A partition of one clock sums to the
 * whole by construction, so that alone proves nothing.
 *
 * The kernel keeps, for each thread, its execution time (se.sum_exec_runtime) and its run-queue
 * delay (sched_info.run_delay), both by the scheduler's own clock: what /proc/PID/schedstat shows
 * (Documentation/scheduler/sched-stats.rst). For a thread that runs they are as old as its last
 * tick, so they are taken where they are true, when the thread loses its CPU and at ticks, beside
 * the books of the same instant. A phase is compared between the first and the last such point in
 * it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/books/books.h"

struct audit_row {
	unsigned phase;
	int lane;
	const char *
		what; /**< cpu_time, run_delay, threads_..., cgroup_usage, cgroup_throttled, guest_clock */
	uint64_t books_ns;
	uint64_t other_ns;
	uint64_t bound_ns; /**< largest difference that counts as agreement */
};

struct audit {
	struct audit_row *rows;
	size_t n;
	bool agrees; /**< every row is within its bound */
	bool any;    /**< there was something to compare */
};

/** What one event may move between two clocks that stamp it at different places in the kernel. */
#define AUDIT_SWITCH_NS PROBE_SWITCH_NS
/** Share of wall time by which clocks may differ. */
#define AUDIT_SHARE 0.001

/** Compare a lane's books in phase @index with the kernel's clocks. -ENOMEM. */
int audit_lane(struct audit *a, const struct books *b, const struct phase *phase, unsigned index,
	int lane, const struct lane_record *record);

/** What the kernel's own clock of tasks left out of the lane's time in phase @index (stolen time, and
 * interrupts where built so), ns. */
uint64_t audit_gap_ns(const struct lane_record *record, unsigned index);

/** Add any other comparison. -ENOMEM. */
int audit_add(struct audit *a, const struct audit_row *row);

void audit_done(struct audit *a);
