/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The timeline of a run: each lane's intervals in order, in blocks of bytes as the store has them
 * (common/timeline_code.h). Records come nearly in order: what a CPU takes from a lane first may be
 * here second. The intervals of a lane have no gap between them, so it is seen when one is missing.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/hash_index.h"
#include "probes/records.h"

#define TIMELINE_BLOCK_BYTES 32768 /* a block has no more */

/** Intervals of a lane in a part of a phase. */
struct timeline_block {
	int lane;      /**< or PROBE_LANE_NONE */
	unsigned part; /**< a phase after timeline_close() */
	uint64_t begin_ns, end_ns;
	uint64_t intervals; /**< each by itself */
	uint64_t merged;    /**< others, of which only the time by state is known ... */
	uint64_t merged_ns; /**< ... and their length */
	uint64_t lost_ns;   /**< of which nothing is known */
	uint8_t *data;
	size_t bytes;
};

/** What an interval is. */
struct timeline_detail {
	uint32_t state; /**< enum lane_state */
	struct probe_detail detail;
};

/** An interval, all in one part of a phase. */
struct timeline_interval {
	unsigned lane, part, state;
	unsigned cpu; /**< or TIMELINE_CPU_NONE */
	struct probe_detail detail;
	uint64_t begin_ns, end_ns; /**< nothing is done where it has no length */
};

struct timeline_lane;

struct timeline {
	struct timeline_lane *lanes; /**< while it is recorded */
	unsigned n_lanes;
	struct timeline_block *blocks;
	size_t n_blocks;
	struct timeline_detail *details; /**< what the blocks' numbers mean */
	size_t n_details;
	struct hash_index index;
	size_t bytes;      /**< that all of this takes, nearly */
	size_t bytes_most; /**< past which nothing is taken any more; 0: no limit */
	bool failed;       /**< there was no memory: something is missing */
};

/** For so many lanes. -ENOMEM. */
int timeline_new(unsigned lanes, size_t bytes_most, struct timeline **ret);

/** All lanes begin at @begin_ns. */
void timeline_begin(struct timeline *t, uint64_t begin_ns);

void timeline_add(struct timeline *t, const struct timeline_interval *interval);
void timeline_add_merged(struct timeline *t, unsigned lane, const struct merged_intervals *merged);

/** No more come: what is missing up to @end_ns is lost. Part k of a phase becomes @phase_of_part[k]. */
void timeline_close(
	struct timeline *t, uint64_t end_ns, const uint8_t phase_of_part[static PROBE_PARTS_MAX]);

/** NULL is fine. */
void timeline_free(struct timeline *t);
