/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far the work of a run's lanes had come at each instant. */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

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
	free(l->taken);
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
	" FROM distribution d JOIN (SELECT run, min(start_ns) AS start_ns FROM phase WHERE name = 'measure'"
	" GROUP BY run) p ON p.run = d.run"
	" WHERE d.run = ?1 AND d.kernel = 'detour' ORDER BY d.worker";
static const char detour_sql[] = "SELECT start_ns, length_ns, cause, cause_ns FROM detour"
				 " WHERE run = ?1 AND lane = ?2 ORDER BY start_ns";

/* The points of the last lane, whose work goes on at @speed between its detours, until @end. */
struct tracer {
	struct noise_lanes *lanes;
	double at, end, done, speed;
};

static int add_point(const struct tracer *t)
{
	return replay_point(&t->lanes->list[t->lanes->n - 1], t->at, t->done, 0);
}

static int go_on(struct tracer *t, double until)
{
	until = fmin(until, t->end);
	if (until <= t->at)
		return 0;
	t->done += (until - t->at) * t->speed;
	t->at = until;
	return add_point(t);
}

static int hold_up(struct tracer *t, double length, const char *cause, double ns)
{
	struct noise_lanes *l = t->lanes;
	struct noise_taken taken = {.lane = l->n - 1, .cause = cause, .ns = ns};
	int r;

	if (!(length > 0))
		return 0;
	t->at += length;
	r = add_point(t);
	taken.point = l->list[l->n - 1].n - 1;
	return r < 0 ? r : ARRAY_ADD(l->taken, l->n_taken, taken);
}

static int take_detour(struct store_reader *store, sqlite3_stmt *row, struct tracer *t)
{
	double begin = sqlite3_column_double(row, 0), length = sqlite3_column_double(row, 1);
	const char *cause = store_text(store, row, 2);
	int r;

	if (!cause)
		return -ENOMEM;
	/* None begins before the one ahead of it is over but by the clock's bounds. */
	length = fmax(fmin(length, begin + length - t->at), 0);
	r = go_on(t, begin);
	return r < 0 ? r
		     : hold_up(t, length, cause,
			       fmin(fmax(sqlite3_column_double(row, 3), 0), length));
}

static int trace(struct summary const *s, sqlite3_stmt *detours, sqlite3_stmt *row,
	const struct store_run *run, struct noise_lanes *ret)
{
	double begin = sqlite3_column_double(row, 1), time = sqlite3_column_double(row, 2);
	double other = sqlite3_column_double(row, 3), kept = sqlite3_column_double(row, 4);
	struct tracer t = {.lanes = ret, .at = begin, .end = begin + time, .speed = 1};
	int r = add_lane(ret) ? add_point(&t) : -ENOMEM;

	if (time > kept && other > 0)
		t.speed = fmax(1 - other / (time - kept), 0);
	sqlite3_reset(detours);
	sqlite3_bind_int64(detours, 1, run->id);
	sqlite3_bind_int64(detours, 2, store_number(row, 0));
	while (r >= 0 && (r = store_step(s->store, detours)) > 0)
		r = take_detour(s->store, detours, &t);
	return r < 0 ? r : go_on(&t, t.end);
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

/* By worker: as many as the run has cores, each once, measured for no longer than the run. */
static bool is_sound(sqlite3_stmt *row, const struct store_run *run, size_t before, int64_t last)
{
	return (int64_t)before < run->cores && (before == 0 || store_number(row, 0) > last) &&
	       noise_time_fits(run, sqlite3_column_double(row, 2));
}

int noise_lanes_of_detours(
	const struct summary *s, const struct store_run *run, struct noise_lanes *ret)
{
	_cleanup_query_ sqlite3_stmt *lanes = NULL, *detours = NULL;
	int64_t worker = 0;
	int r;

	if (!store_has_table(s->store, "detour") || !store_has_table(s->store, "distribution"))
		return 0;
	r = store_prepare(s->store, &lanes, lane_sql);
	if (r >= 0)
		r = store_prepare(s->store, &detours, detour_sql);
	if (r < 0)
		return r;
	sqlite3_bind_int64(lanes, 1, run->id);
	for (size_t n = 0; (r = store_step(s->store, lanes)) > 0; n++) {
		if (!is_sound(lanes, run, n, worker))
			return store_damaged(s->store, "distribution", run->id);
		worker = store_number(lanes, 0);
		if (is_all_told(lanes))
			r = trace(s, detours, lanes, run, ret);
		if (r < 0)
			break;
	}
	return r;
}

void noise_lanes_without(struct noise_lanes *l, const char *cause)
{
	size_t k = 0;

	for (size_t i = 0; i < l->n; i++) {
		double gone = 0;

		for (size_t p = 0; p < l->list[i].n; p++) {
			for (; k < l->n_taken && l->taken[k].lane == i && l->taken[k].point == p;
				k++)
				gone += l->taken[k].cause == cause ? l->taken[k].ns : 0;
			l->list[i].gone_ns[p] = gone;
		}
	}
}
