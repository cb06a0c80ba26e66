/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/noise/replay.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/array.h"
#include "common/cleanup.h"

int replay_point(struct replay_lane *l, double at_ns, double done_ns)
{
	size_t n = l->n;

	/* Both grow together. */
	if (ARRAY_ADD(l->at_ns, n, at_ns) < 0 || ARRAY_ADD(l->done_ns, l->n, done_ns) < 0)
		return -ENOMEM;
	return 0;
}

void replay_clear(struct replay_lane *l)
{
	free(l->at_ns);
	free(l->done_ns);
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
		now = fmax(now, lanes[i].at_ns[0]);
	}
	for (;;) {
		double last = now;
		int r;

		for (size_t i = 0; i < n; i++) {
			double at = done_at(&lanes[i], &places[i], now, work_ns);

			if (isnan(at))
				return 0;
			last = fmax(last, at);
		}
		/* No work takes less than its own time but for digits. */
		r = step(fmax(last - now - work_ns, 0), userdata);
		if (r < 0 || last <= now)
			return r;
		now = last;
	}
}
