/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * What samples saw of a guest's run queues: how many threads waited for each vCPU, and for how long a vCPU had
 * nothing to run while threads were queued for others (lost parallelism).
 *
 * Each vCPU that has a CPU of the host's is sampled, so at each instant there are as many that may be: what a tick
 * sees counts for its period, divided by their number. Of time in which none has one nothing is known.
 */

#include <stddef.h>
#include <stdint.h>

#include "probes/records.h"

/** Begin with slices of that length; where there are too many, two become one. */
#define QUEUE_SLICE_NS   100000000ULL
#define QUEUE_SLICES_MAX 512

/** Of a lane in a phase, in a slice of time. */
struct queue_slice {
	uint32_t phase, lane;
	uint64_t begin_ns;   /**< of the slice, which may begin before the phase */
	uint64_t ticks;      /**< that hit the lane */
	uint64_t queued;     /**< sum over them: threads queued for it */
	uint64_t most;       /**< of these at once */
	uint64_t lost_ticks; /**< when others had nothing to run */
	double lost_ns;      /**< vCPU time of those others, as far as it would have been of use */
	double lost_blocked_ns; /**< of that: while they were blocked on the host, and did not poll */
};

struct queue_book {
	struct queue_slice *slices;
	size_t n;
	uint64_t start_ns; /**< from which slices are counted */
	uint64_t slice_ns; /**< 0: none was added yet */
	uint64_t ticks;    /**< that looked at run queues */
	uint64_t lost; /**< ticks for which there was no room, or that could not read a run queue */
};

/** A tick that hit @lane at @time_ns, in @phase; @period_ns is that of the ticks. */
void queue_book_add(struct queue_book *b, uint32_t phase, uint32_t lane, uint64_t time_ns,
	const struct guest_queues *q, uint64_t period_ns);

void queue_book_done(struct queue_book *b);
