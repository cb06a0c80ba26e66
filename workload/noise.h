/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * noise: how evenly a stack lets a program run, asked by kernels (small loops that measure
 * themselves). Each worker has one lane of memory, which nobody else writes to while it measures.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "workload/detours.h"
#include "workload/distribution.h"
#include "workload/pin.h"

struct noise_kernel;

struct noise_lane {
	_Alignas(64) struct distribution *found;
	struct detours detours; /**< one by one; of no room: of a kernel that has none */
	uint32_t *
		series; /**< ftq: of each quantum its turns; after measuring what is missing to the best, in ns */
	uint64_t turns;      /**< fwq: work in a quantum; ftq: between two looks at the clock */
	uint64_t threshold;  /**< detour: in ticks */
	uint64_t begin, end; /**< of what was measured, in ticks */
	uint64_t lost_ns;    /**< as in struct distribution_head */
	uint64_t begin_ns;   /**< CLOCK_MONOTONIC at begin */
	bool begun;          /**< it did not fail before noise_begin() */
	int result;          /**< negative errno: it could not be measured */
	void *own;           /**< a kernel's between its begin and end */
};

struct noise {
	const struct noise_kernel *kernel;
	const struct pin_map *map;
	unsigned n_lanes;
	uint64_t duration_ns, quantum_ns;
	uint64_t threshold_ns; /**< given; 0: measured */
	uint64_t records;      /**< detours that each lane keeps at most */
	uint64_t quanta;       /**< given or worked out: of fixed quanta, on each lane */
	double ns_per_tick;
	struct noise_lane *lanes;
	_Alignas(64) _Atomic uint32_t waiting; /**< lanes that wait for the others */
	_Atomic uint32_t shared;               /**< a word for kernels; 0 at first */
	_Atomic uint64_t last_round;           /**< of kernels that go in rounds */
};

struct noise_kernel {
	const char *name, *title;
	bool quantum; /**< it uses -quantum ... */
	bool quanta;  /**< ... and makes a fixed number of these: -quanta */
	bool detours; /**< its values are detours, which are kept one by one: -threshold, -records */
	/** Before measuring, on each lane, all at once; NULL: nothing. 0 or a negative errno. */
	int (*calibrate)(struct noise *n, unsigned lane);
	/** Measure, on each lane, all at once. 0 or a negative errno. */
	int (*measure)(struct noise *n, unsigned lane);
};

/** Of quanta and detours; needs nothing but a processor. Ended by a NULL name. */
extern const struct noise_kernel noise_quanta_kernels[];

/** What needs an operating system: threads, clocks, memory. In `bare` there is none of them. */
extern const struct noise_kernel noise_system_kernels[];

/** Why kernels of another name may be missing here, or "". */
extern const char noise_system_lack[];

/** How long it is from one timer tick of the kernel below to the next; 0: not known, or there is none. */
uint64_t noise_tick_ns(void);

/** The time stamp counter, or CLOCK_MONOTONIC in ns where there is none. */
static inline uint64_t noise_ticks(void)
{
#ifdef __x86_64__
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
	return (uint64_t)high << 32 | low;
#else
	uint64_t emit_now_ns(void);

	return emit_now_ns();
#endif
}

/** How many ns a number of ticks is. */
static inline uint64_t noise_ns(const struct noise *n, uint64_t ticks)
{
	return (uint64_t)((double)ticks * n->ns_per_tick);
}

static inline uint64_t noise_as_ticks(const struct noise *n, uint64_t ns)
{
	return (uint64_t)((double)ns / n->ns_per_tick);
}

/** Wait until all lanes are here; then the lane's measurement begins. */
void noise_begin(struct noise *n, struct noise_lane *l);

/** It ends. */
void noise_end(struct noise_lane *l);

/** Report the lane's series, if it has one. 0, or a negative errno of emit_marker(). */
int noise_report_series(const struct noise *n, unsigned lane);

/** From @begin to @end; a counter that goes back, as between processors, shows no time. */
static inline uint64_t noise_gap(uint64_t begin, uint64_t end)
{
	return (int64_t)(end - begin) > 0 ? end - begin : 0;
}

/** Count a value that was measured until @now, in ticks. */
static inline void noise_add(struct noise *n, struct noise_lane *l, uint64_t value_ns, uint64_t now)
{
	distribution_add(l->found, value_ns, l->begin_ns + noise_ns(n, noise_gap(l->begin, now)));
}
