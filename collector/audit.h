/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The audit: books against clocks that the probes did not use. A partition of one clock sums to the
 * whole by construction, so that alone proves nothing.
 *
 * The kernel keeps, for each thread, its execution time and its run-queue delay
 * (/proc/PID/task/TID/ schedstat: Documentation/scheduler/sched-stats.rst). They are read where
 * phases meet. A reading takes time; half of what it took, and the time between it and the
 * boundary, bound its error.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "collector/books.h"

struct audit_reading {
	bool valid;
	bool on_cpu;       /**< the lane held its CPU when it was read */
	uint64_t at_ns;    /**< middle of the reading */
	uint64_t error_ns; /**< half of what it took */
	uint64_t exec_ns;
	uint64_t delay_ns;
};

struct audit_row {
	unsigned phase;
	int lane;
	const char *what; /**< cpu_time, run_delay, cgroup_usage, cgroup_throttled, guest_clock */
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
#define AUDIT_SWITCH_NS 10000
/** Share of wall time by which clocks may differ. */
#define AUDIT_SHARE 0.001

/** Read the kernel's clocks of thread @tid of process @tgid. Invalid if it is gone. */
struct audit_reading audit_read(pid_t tgid, pid_t tid, const struct lane_record *lane);

/**
 * Compare a lane's books in a phase with the readings at its begin and end. @outside_ns: what the
 * kernel's task clock left out on purpose (stolen time). -ENOMEM.
 */
int audit_lane(struct audit *a, const struct books *b, const struct phase *phase, unsigned index,
	int lane, const struct audit_reading *begin, const struct audit_reading *end,
	const struct lane_record *record);

/** Add any other comparison. -ENOMEM. */
int audit_add(struct audit *a, const struct audit_row *row);

void audit_done(struct audit *a);
