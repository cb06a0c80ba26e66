/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Why a lane was held up: its detours, as the program saw them, beside what the host saw of it at
 * the same time. A detour's time is split without a rest:
 *
 * - what the timeline has in another state than on the lane's CPU is that state's;
 * - time on its CPU that a sample ends, and that the sample does not show in the program's own loop, is
 *   what the sample shows;
 * - of other time on its CPU, the way into the kernel and back belongs to what lies beside it, up to
 *   DETOUR_AROUND_NS or that one's own length on each side;
 * - what is left is split like what samples show of the same detour, and without such is unmatched.
 *
 * The detour's one cause is that which took most of it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/books/detail.h"
#include "common/hash_index.h"

#define DETOUR_AROUND_NS 10000

/** What held a lane up. */
struct detour_cause {
	const char *kind; /**< the store's word; static */
	char detail[DETAIL_SIZE];
	const char *taken_by; /**< of preempted: the store's word; else NULL */
};

/** The causes that there are, by number. The first ones are fixed. */
enum {
	DETOUR_UNMATCHED,
	DETOUR_NOT_KEPT,
	DETOUR_ONCPU, /**< not a cause: the lane was on its CPU */
	DETOUR_LOOP,  /**< not a cause: the program's own loop, in a sample */
	DETOUR_FIXED
};

struct detour_causes {
	struct detour_cause *list;
	size_t n;
	struct hash_index index; /**< of those that are not fixed */
};

/** With the fixed ones. -ENOMEM. */
int detour_causes_new(struct detour_causes *ret);

/** The number of a cause, which is added where it is new. -ENOMEM. */
int detour_cause_number(
	struct detour_causes *c, const char *kind, const char *detail, const char *taken_by);

void detour_causes_done(struct detour_causes *c);

/** A part of a lane's time: whole, or merged intervals of which only the time of each is known. */
struct detour_span {
	uint64_t begin_ns, end_ns;
	uint32_t cause; /**< or DETOUR_ONCPU */
	uint32_t
		n_more; /**< so many spans follow that are merged with this one: their lengths count, and the
			    first one's begin and last one's end */
};

/** What a sample shows of what came before it (DETOUR_LOOP: nothing). */
struct detour_hint {
	uint64_t time_ns;
	uint32_t cause;
};

/** What the host saw of a lane, in order of time. Merged spans are used up as they are given to detours. */
struct detour_lane {
	struct detour_span *spans;
	size_t n_spans;
	const struct detour_hint *hints;
	size_t n_hints;
};

/** A detour with its cause. */
struct explained_detour {
	uint64_t begin_ns, end_ns;
	uint32_t cause;
	uint64_t cause_ns; /**< of it */
};

/** Of a cause: its time in all detours. */
struct detour_sum {
	uint64_t detours; /**< whose one cause it is */
	uint64_t ns, around_ns, sampled_ns;
};

/**
 * Explain @d, @n of them in order of time, by what was seen of the lane: fills in cause and cause_ns, and adds to @sums
 * (one for each of @causes), whose ns grow by the length of all. -ENOMEM.
 */
int detours_explain(const struct detour_lane *lane, const struct detour_causes *causes,
	struct explained_detour *d, size_t n, struct detour_sum *sums);
