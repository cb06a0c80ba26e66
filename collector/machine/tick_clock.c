/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/machine/tick_clock.h"

#include <errno.h>
#include <math.h>

#include "common/clock.h"

#define ATTEMPTS 7

#ifdef __x86_64__
/* Not before what comes before it in the program, nor after what comes after it. */
static uint64_t read_ticks(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high)::"memory");
	return (uint64_t)high << 32 | low;
}

int tick_clock_read(struct tick_reading *ret)
{
	struct tick_reading best = {.after = UINT64_MAX};

	for (int i = 0; i < ATTEMPTS; i++) {
		struct tick_reading r;

		r.before = read_ticks();
		r.ns = clock_ns();
		r.after = read_ticks();
		if (r.after > r.before && r.after - r.before < best.after - best.before)
			best = r;
	}
	if (best.after == UINT64_MAX)
		return -EAGAIN;
	*ret = best;
	return 0;
}
#else
int tick_clock_read(struct tick_reading *ret)
{
	(void)ret;
	return -EOPNOTSUPP;
}
#endif

/* Of a line through the first reading: how much later than it the truth is at @ticks, where the clock was @ns. */
static double later(const struct tick_line *line, uint64_t ticks, uint64_t ns)
{
	return (double)(int64_t)(ns - line->at_ns) -
	       (double)(int64_t)(ticks - line->ticks) * line->ns_per_tick;
}

/* Least squares through the middles, with the last as origin: a guest's counter may not have begun at the first.
 */
static int fit(const struct tick_reading *r, size_t n, struct tick_line *line)
{
	double x = 0, y = 0, xx = 0, xy = 0, mean_x, mean_y, spread, offset;

	for (size_t i = 0; i < n; i++) {
		double dx = (double)(int64_t)(r[i].before - r[n - 1].before) +
			    (double)(r[i].after - r[i].before) / 2;
		double dy = (double)(int64_t)(r[i].ns - r[n - 1].ns);

		x += dx;
		y += dy;
		xx += dx * dx;
		xy += dx * dy;
	}
	mean_x = x / (double)n;
	mean_y = y / (double)n;
	spread = xx - x * mean_x;
	if (!(spread > 0))
		return -ENODATA;
	line->ns_per_tick = (xy - x * mean_y) / spread;
	offset = mean_y - line->ns_per_tick * mean_x;
	line->ticks = r[n - 1].before;
	line->at_ns = r[n - 1].ns + (uint64_t)llround(offset);
	return isfinite(line->ns_per_tick) && line->ns_per_tick > 0 ? 0 : -ENODATA;
}

int tick_clock_fit(const struct tick_reading *readings, size_t n, struct tick_line *ret)
{
	struct tick_line line = {.readings = n};
	double low = INFINITY, high = -INFINITY;
	int r = n < 2 ? -ENODATA : fit(readings, n, &line);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		const struct tick_reading *one = &readings[i];

		/* The clock reached ns after the tick `before`, and had not passed it by more when `after` came. */
		low = fmin(low, later(&line, one->after, one->ns));
		high = fmax(high, later(&line, one->before, one->ns));
	}
	line.low_ns = (int64_t)floor(low);
	line.high_ns = (int64_t)ceil(high);
	line.begin_ns = readings[0].ns;
	line.end_ns = readings[n - 1].ns;
	*ret = line;
	return 0;
}

uint64_t tick_line_ns(const struct tick_line *line, uint64_t ticks)
{
	double since = (double)(int64_t)(ticks - line->ticks) * line->ns_per_tick;

	if (since < -(double)line->at_ns || since > (double)(INT64_MAX - (int64_t)line->at_ns))
		return 0;
	return line->at_ns + (uint64_t)llround(since);
}

int tick_line_move(struct tick_line *line, double ratio, int64_t offset)
{
	double ticks = (double)line->ticks * ratio;
	uint64_t moved = ratio == 1 ? line->ticks : (uint64_t)llround(ticks);

	if (__builtin_add_overflow((int64_t)moved, offset, (int64_t *)&moved) || (int64_t)moved < 0)
		return -ERANGE;
	line->ticks = moved;
	line->ns_per_tick /= ratio;
	return 0;
}
