/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The processor's time stamp counter on CLOCK_MONOTONIC: both are read again and again, a line is laid through the
 * readings, and how far the truth can be from it is worked out from when each reading began and ended.
 */

#include <stddef.h>
#include <stdint.h>

/** CLOCK_MONOTONIC was ns at some time while the counter went from before to after. */
struct tick_reading {
	uint64_t before, after; /**< ticks */
	uint64_t ns;
};

/** Tick t was at at_ns + (t - ticks) * ns_per_tick; in truth low_ns to high_ns later than that. */
struct tick_line {
	uint64_t ticks, at_ns;
	double ns_per_tick;
	int64_t low_ns, high_ns;
	uint64_t begin_ns, end_ns; /**< of the first and the last reading */
	uint64_t readings;
};

/** Read both, a few times: the narrowest reading. -EOPNOTSUPP: this processor has no such counter.
 * -EAGAIN: each time it went back, as that of another processor may. */
int tick_clock_read(struct tick_reading *ret);

/** Lay the line through @n readings, in order of time. -ENODATA: fewer than two, or of no different instants. */
int tick_clock_fit(const struct tick_reading *readings, size_t n, struct tick_line *ret);

/** The instant of a tick by the line, rounded. 0: before CLOCK_MONOTONIC began, or beyond what it can show. */
uint64_t tick_line_ns(const struct tick_line *line, uint64_t ticks);

/**
 * The line of another counter, which is (@ratio * ticks) + @offset of this one: a guest's. -ERANGE: it would be
 * negative.
 */
int tick_line_move(struct tick_line *line, double ratio, int64_t offset);
