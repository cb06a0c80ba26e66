/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Detours one by one, in ticks of the time stamp counter, and as marker lines: the longest of a
 * worker are kept, of the others how many there were and how long all took.
 *
 *	detours kernel=NAME worker=K n=N ticks=N kept=N	one for each worker: all detours, and their
 *			length in all; how many of them follow
 *	detour-times kernel=NAME worker=K t=TICKS data=DIGITS	as many lines as it takes
 *
 * DIGITS are numbers as in digits.h, two for each detour: ticks from the end of the one before (of
 * the first in a line: from t) to its begin, and its length. They are in order of time.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/marker.h"
#include "workload/distribution.h"

#define DETOURS_KEPT_MAX 65536 /**< of a worker */

struct detour {
	uint64_t begin, end; /**< in ticks */
};

struct detours {
	struct detour
		*kept; /**< room for @room: a heap, the shortest first, until detours_sort() */
	size_t room, n_kept;
	uint64_t n, ticks; /**< of all */
};

/** One from @begin to @end. Takes the place of the shortest that is kept, if it is longer. */
void detours_add(struct detours *d, uint64_t begin, uint64_t end);

/** Bring those that are kept into the order of time. None may be added after that. */
void detours_sort(struct detours *d);

/** What is said of a worker's detours beside their times. */
struct detours_head {
	char kernel[DISTRIBUTION_NAME];
	uint64_t worker, n, ticks, kept;
};

/** The body of the marker `detours`. */
void detours_encode_head(char ret_body[MARKER_LINE_MAX], const char *kernel, unsigned worker,
	const struct detours *d);

/** The body of a marker `detour-times` from number *@from on, which is moved on. 0: there was nothing left. */
int detours_encode_times(char ret_body[MARKER_LINE_MAX], const char *kernel, unsigned worker,
	const struct detours *d, size_t *from);

/** 0; -ENODATA: another marker, or a field lacks; -EBADMSG: malformed. No number is above INT64_MAX. */
int detours_decode_head(const struct marker *m, struct detours_head *ret);

/** Appends to @ret, which has room for @room and has *@n. As detours_decode_head(); -EBADMSG: also if there are more. */
int detours_decode_times(const struct marker *m, struct detour *ret, size_t room, size_t *n);
