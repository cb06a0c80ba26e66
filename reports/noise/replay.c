/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/noise/replay.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/array.h"
#include "common/cleanup.h"

int replay_point(struct replay_lane *l, double at_ns, double done_ns, double gone_ns)
{
	size_t n = l->n, also_n = l->n;

	/* All grow together. */
	if (ARRAY_ADD(l->at_ns, n, at_ns) < 0 || ARRAY_ADD(l->done_ns, also_n, done_ns) < 0 ||
		ARRAY_ADD(l->gone_ns, l->n, gone_ns) < 0)
		return -ENOMEM;
	return 0;
}

void replay_clear(struct replay_lane *l)
{
	free(l->at_ns);
	free(l->done_ns);
	free(l->gone_ns);
	*l = (struct replay_lane){.n = 0};
}

/* Between the points @i and @i + 1 of @from, what belongs to @value in @to. */
static double between(const double *from, const double *to, size_t i, double value)
{
	double span = from[i + 1] - from[i];

	return span > 0 ? to[i] + (value - from[i]) / span * (to[i + 1] - to[i]) : to[i + 1];
}

/* When the lane has done @work_ns more than at @begin_ns; *place: the point before that. NAN: not any more. */
static double done_at(const struct replay_lane *l, size_t *place, double begin_ns, double work_ns)
{
	double target;
	size_t i = *place;

	while (i + 2 < l->n && l->at_ns[i + 1] <= begin_ns)
		i++;
	*place = i;
	target = between(l->at_ns, l->done_ns, i, begin_ns) + work_ns;
	while (i + 2 < l->n && l->done_ns[i + 1] < target)
		i++;
	return l->done_ns[i + 1] >= target ? between(l->done_ns, l->at_ns, i, target) : NAN;
}

/* What is taken out from @begin_ns, which is behind the point @place, to @end_ns. */
static double gone_in(const struct replay_lane *l, size_t place, double begin_ns, double end_ns)
{
	size_t i = place;

	while (i + 2 < l->n && l->at_ns[i + 1] < end_ns)
		i++;
	return fmax(between(l->at_ns, l->gone_ns, i, end_ns) -
			    between(l->at_ns, l->gone_ns, place, begin_ns),
		0);
}

/* Each step is that much of a lane's work. */
static bool has_too_many_steps(const struct replay_lane *l, double work_ns)
{
	return !((l->done_ns[l->n - 1] - l->done_ns[0]) / work_ns <= REPLAY_STEPS_MAX);
}

int replay(const struct replay_lane *lanes, size_t n, double work_ns, replay_step_t step,
	void *userdata)
{
	_cleanup_free_ size_t *places = calloc(n + 1, sizeof(*places));
	double now = -INFINITY;

	if (!places)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (lanes[i].n < 2)
			return 0;
		if (has_too_many_steps(&lanes[i], work_ns))
			return -EBADMSG;
		now = fmax(now, lanes[i].at_ns[0]);
	}
	for (;;) {
		double last = now, left = now;
		int r;

		for (size_t i = 0; i < n; i++) {
			double at = done_at(&lanes[i], &places[i], now, work_ns);

			if (isnan(at))
				return 0;
			last = fmax(last, at);
			left = fmax(left, at - gone_in(&lanes[i], places[i], now, at));
		}
		/* No work takes less than its own time but for digits. */
		r = step(fmax(left - now - work_ns, 0), userdata);
		if (r < 0 || last <= now)
			return r;
		now = last;
	}
}
