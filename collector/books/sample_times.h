/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * When the samples of a run were taken, in blocks of bytes as the store has them (docs/database.md,
 * table sample_time): a few bytes for each.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SAMPLE_BLOCK_BYTES 32768 /* a block has no more */

/** Samples of a lane. */
struct sample_block {
	int lane;          /**< or PROBE_LANE_NONE */
	uint64_t begin_ns; /**< from which the first is counted */
	uint64_t last_ns;  /**< of the last, as they came */
	uint64_t samples;
	uint8_t *data;
	size_t bytes;
};

struct sample_times {
	struct sample_block *blocks;
	size_t n;
	size_t bytes;
	size_t bytes_most; /**< past which nothing is kept any more; 0: no limit */
	uint64_t missing;  /**< samples whose instant was not kept */
};

/** For nothing more than @bytes_most. NULL: no memory. */
struct sample_times *sample_times_new(size_t bytes_most);

/** One of @lane at @time_ns; @number is that of its row. Nearly in order. */
void sample_times_add(struct sample_times *t, int lane, uint64_t time_ns, size_t number);

/** NULL is fine. */
void sample_times_free(struct sample_times *t);
