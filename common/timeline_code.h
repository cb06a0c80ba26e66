/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * How the store's timeline is written in bytes; docs/database.md describes it. A block is items that
 * follow each other without a gap: each begins where the one before ended, the first where the block
 * does.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** How much of it is kept. */
enum timeline_keep {
	TIMELINE_NONE,
	TIMELINE_FULL,
	TIMELINE_BUDGET, /**< past which short intervals are merged */
};

enum timeline_kind {
	TIMELINE_INTERVAL,
	TIMELINE_MOVED, /**< the same, on another CPU than the one before; a reader gets the first */
	TIMELINE_MERGED, /**< several intervals: their time by state */
	TIMELINE_GAP,    /**< what was here was lost */
};

/** As many as there are states, with room. */
#define TIMELINE_PARTS_MAX 16

/** Time of merged intervals in one state. */
struct timeline_part {
	uint32_t what;
	uint64_t ns;
};

struct timeline_item {
	enum timeline_kind kind;
	uint64_t begin_ns, ns;
	uint32_t what;    /**< an interval's: timeline_detail.id */
	uint32_t cpu;     /**< likewise */
	uint64_t count;   /**< merged: of the intervals */
	uint32_t n_parts; /**< likewise */
	struct timeline_part parts[TIMELINE_PARTS_MAX];
};

/** Before the first interval of a block; of an interval: not known. */
#define TIMELINE_CPU_NONE UINT32_MAX

/** Bytes that an item takes at most. */
#define TIMELINE_ITEM_BYTES (20 + TIMELINE_PARTS_MAX * 15)

/** Write @item, an interval that follows one on @cpu as TIMELINE_INTERVAL. Returns its bytes; begin_ns is
 * not among them. */
size_t timeline_put(uint8_t *at, const struct timeline_item *item, uint32_t cpu);

struct timeline_reader {
	const uint8_t *at;
	size_t left;
	uint64_t begin_ns; /**< of the next item */
	uint32_t cpu;
};

/** From a block that begins at @begin_ns. */
struct timeline_reader timeline_read(const void *data, size_t bytes, uint64_t begin_ns);

/** The next item: 1; 0: there is none; -EBADMSG: these are no items. */
int timeline_next(struct timeline_reader *r, struct timeline_item *ret);

/** Bytes that a sample's instant takes at most. */
#define SAMPLE_TIME_BYTES 20

/** Write that a sample, of row @number, came @later_ns after the one before. Returns the bytes. */
size_t sample_time_put(uint8_t *at, int64_t later_ns, uint64_t number);

struct sample_time {
	uint64_t time_ns;
	uint64_t number;
};

/** The next of a block that was begun as by timeline_read(). Returns as timeline_next(). */
int sample_time_next(struct timeline_reader *r, struct sample_time *ret);
