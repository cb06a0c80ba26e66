/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far the work of a run's lanes had come at each instant. */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "reports/noise/noise_internal.h"

/* Of the time of a lane's detours, what may be missing: some may begin before the run's clock does. */
#define UNTOLD_MOST 0.1

void noise_lanes_clear(struct noise_lanes *l)
{
	for (size_t i = 0; i < l->n; i++)
		replay_clear(&l->list[i]);
	free(l->list);
	*l = (struct noise_lanes){.n = 0};
}

static struct replay_lane *add_lane(struct noise_lanes *l)
{
	struct replay_lane *lane = ARRAY_PUSH(l->list, l->n);

	if (lane)
		*lane = (struct replay_lane){.n = 0};
	return lane;
}

int noise_lanes_of_series(
	const struct noise_series_list *l, const struct store_run *run, struct noise_lanes *ret)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct noise_series *s = &l->list[i];
		struct replay_lane *lane = s->run == run ? add_lane(ret) : NULL;
		double at = s->begin_ns, done = 0;

		if (s->run != run)
			continue;
		if (!lane || replay_point(lane, at, done, 0) < 0)
			return -ENOMEM;
		for (size_t k = 0; k < s->n; k++) {
			at += s->step_ns;
			done += fmax(s->step_ns - s->values[k], 0);
			if (replay_point(lane, at, done, 0) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

/* Of a lane: when it was measured, and what is not kept of its detours. */
static const char lane_sql[] =
	"SELECT d.worker, p.start_ns, d.time_ns, (SELECT sum(c.ns) FROM detour_cause c WHERE c.run = d.run"
	" AND c.lane = d.worker AND c.cause = 'not kept'), (SELECT sum(t.length_ns) FROM detour t"
	" WHERE t.run = d.run AND t.lane = d.worker), d.sum_ns"
	" FROM distribution d JOIN phase p ON p.run = d.run AND p.name = 'measure'"
	" WHERE d.run = ?1 AND d.kernel = 'detour' ORDER BY d.worker";
static const char detour_sql[] = "SELECT start_ns, length_ns, cause, cause_ns FROM detour"
				 " WHERE run = ?1 AND lane = ?2 ORDER BY start_ns";

/* The points of a lane whose work goes on at @speed between its detours. */
struct tracer {
	struct replay_lane *lane;
	double at, done, gone, speed;
};

static int go_on(struct tracer *t, double until)
{
	if (until <= t->at)
		return 0;
	t->done += (until - t->at) * t->speed;
	t->at = until;
	return replay_point(t->lane, t->at, t->done, t->gone);
}

static int hold_up(struct tracer *t, double length, double gone)
{
	t->at += length;
	t->gone += gone;
	return length > 0 ? replay_point(t->lane, t->at, t->done, t->gone) : 0;
}

static int take_detour(
	struct store_reader *store, sqlite3_stmt *row, const char *without, struct tracer *t)
{
	double begin = sqlite3_column_double(row, 0), length = sqlite3_column_double(row, 1),
	       gone = 0;
	const char *cause = store_text(store, row, 2);
	int r;

	if (!cause)
		return -ENOMEM;
	/* None begins before the one ahead of it is over but by the clock's bounds. */
	length = fmax(fmin(length, begin + length - t->at), 0);
	r = go_on(t, begin);
	if (without && strcmp(cause, without) == 0)
		gone = fmin(fmax(sqlite3_column_double(row, 3), 0), length);
	return r < 0 ? r : hold_up(t, length, gone);
}

static int trace(struct summary const *s, sqlite3_stmt *detours, sqlite3_stmt *row,
	const struct store_run *run, const char *without, struct noise_lanes *ret)
{
	double begin = sqlite3_column_double(row, 1), time = sqlite3_column_double(row, 2);
	double other = sqlite3_column_double(row, 3), kept = sqlite3_column_double(row, 4);
	struct tracer t = {.lane = add_lane(ret), .at = begin, .speed = 1};
	int r = t.lane ? replay_point(t.lane, begin, 0, 0) : -ENOMEM;

	if (time > kept && other > 0)
		t.speed = fmax(1 - other / (time - kept), 0);
	sqlite3_reset(detours);
	sqlite3_bind_int64(detours, 1, run->id);
	sqlite3_bind_int64(detours, 2, store_number(row, 0));
	while (r >= 0 && (r = store_step(s->store, detours)) > 0)
		r = take_detour(s->store, detours, without, &t);
	return r < 0 ? r : go_on(&t, begin + time);
}

/* Detours that are kept one by one and those that are not are about all that was measured. Else, as where none were kept,
 * nothing can be said of steps. */
static bool is_all_told(sqlite3_stmt *row)
{
	double told = sqlite3_column_double(row, 3) + sqlite3_column_double(row, 4);
	double all = sqlite3_column_double(row, 5);
	bool some = sqlite3_column_type(row, 4) != SQLITE_NULL || all <= 0;

	return some && fabs(told - all) <= UNTOLD_MOST * all;
}

int noise_lanes_of_detours(const struct summary *s, const struct store_run *run,
	const char *without, struct noise_lanes *ret)
{
	_cleanup_query_ sqlite3_stmt *lanes = NULL, *detours = NULL;
	int r;

	if (!store_has_table(s->store, "detour") || !store_has_table(s->store, "distribution"))
		return 0;
	r = store_prepare(s->store, &lanes, lane_sql);
	if (r >= 0)
		r = store_prepare(s->store, &detours, detour_sql);
	if (r < 0)
		return r;
	sqlite3_bind_int64(lanes, 1, run->id);
	while ((r = store_step(s->store, lanes)) > 0) {
		if (!is_all_told(lanes))
			continue;
		r = trace(s, detours, lanes, run, without, ret);
		if (r < 0)
			break;
	}
	return r;
}
