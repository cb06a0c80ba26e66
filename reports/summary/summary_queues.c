/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Run queues of guests: what idle vCPUs could have been of use in, and what waited for vCPUs that waited themselves. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "reports/summary/summary_internal.h"

#define SPREAD_SHARE "0.9" /* of lost parallelism, within which most of it was */

static const char queue_sql[] =
	"SELECT run, phase, total(ticks), total(queued), max(most), total(lost_ticks), total(lost_ns)"
	" FROM guest_queue GROUP BY run, phase";
static const char stuck_sql[] =
	"SELECT run, phase, total(ns), total(count) FROM guest_stuck GROUP BY run, phase";
/* The same as the threads' books have it. */
static const char booked_sql[] =
	"SELECT run, phase, total(queued_ns) FROM guest_book b WHERE idle = 0 AND EXISTS (SELECT 1"
	" FROM guest_queue q WHERE q.run = b.run AND q.phase = b.phase) GROUP BY run, phase";
/* From the phase's begin to the end of the slice of time by which most was lost. */
static const char within_sql[] =
	"WITH slice AS (SELECT run, phase, begin_ns + slice_ns AS until, sum(lost_ns) AS lost"
	" FROM guest_queue GROUP BY run, phase, begin_ns), sums AS (SELECT *,"
	" sum(lost) OVER (PARTITION BY run, phase ORDER BY until) AS so_far,"
	" sum(lost) OVER (PARTITION BY run, phase) AS whole FROM slice)"
	" SELECT s.run, s.phase, min(min(until), p.end_ns) - p.start_ns FROM sums s JOIN phase p"
	" ON p.run = s.run AND p.name = s.phase WHERE whole > 0 AND so_far >= " SPREAD_SHARE
	" * whole GROUP BY s.run, s.phase";

/* The row of a phase, made if need be. NULL: no memory. */
static struct guest_queueing *find_row(struct configuration *c, const char *phase)
{
	struct guest_queueing *q;

	for (size_t i = 0; i < c->n_queueing; i++)
		if (c->queueing[i].phase == phase)
			return &c->queueing[i];
	q = ARRAY_PUSH(c->queueing, c->n_queueing);
	if (!q)
		return NULL;
	*q = (struct guest_queueing){.phase = phase, .position = c->n_phases, .booked = NAN};
	for (size_t k = 0; k < c->n_phases; k++) {
		if (strcmp(c->phases[k].name, phase) != 0)
			continue;
		q->position = k;
		q->lane_ns = c->phase_ns[k].mean * (double)c->cores;
	}
	return q;
}

static int row_of(struct summary *s, sqlite3_stmt *row, struct guest_queueing **ret)
{
	const struct store_run *run = store_run(s->store, store_number(row, 0));
	const char *phase = store_text(s->store, row, 1);
	struct configuration *c;

	*ret = NULL;
	if (!phase)
		return -ENOMEM;
	c = run && run->ok && run->counted ? summary_configuration(s, run) : NULL;
	if (!c)
		return 0;
	*ret = find_row(c, phase);
	return *ret ? 1 : -ENOMEM;
}

static void take_queue(struct guest_queueing *q, sqlite3_stmt *row)
{
	double most = sqlite3_column_double(row, 4);

	q->runs++;
	q->ticks += sqlite3_column_double(row, 2);
	q->queued += sqlite3_column_double(row, 3);
	q->most = most > q->most ? most : q->most;
	q->lost_ticks += sqlite3_column_double(row, 5);
	q->lost_ns += sqlite3_column_double(row, 6);
}

static void take_booked(struct guest_queueing *q, sqlite3_stmt *row)
{
	q->booked = (isnan(q->booked) ? 0 : q->booked) + sqlite3_column_double(row, 2);
}

static void take_stuck(struct guest_queueing *q, sqlite3_stmt *row)
{
	q->stuck_ns += sqlite3_column_double(row, 2);
	q->stuck_count += sqlite3_column_double(row, 3);
}

static void take_within(struct guest_queueing *q, sqlite3_stmt *row)
{
	q->within_ns += sqlite3_column_double(row, 2);
	q->within_runs++;
}

static int take_rows(struct summary *s, const char *sql,
	void (*take)(struct guest_queueing *q, sqlite3_stmt *row))
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	int r = store_prepare(s->store, &query, sql);

	while (r >= 0 && (r = store_step(s->store, query)) > 0) {
		struct guest_queueing *q;

		r = row_of(s, query, &q);
		if (r > 0)
			take(q, query);
	}
	return r < 0 ? r : 0;
}

static int by_position(const void *a, const void *b)
{
	const struct guest_queueing *x = a, *y = b;

	return x->position < y->position ? -1 : x->position > y->position;
}

/* Sums of all runs become means. The interval is that of the share of ticks. */
static void finish(struct configuration *c)
{
	for (size_t i = 0; i < c->n_queueing; i++) {
		struct guest_queueing *q = &c->queueing[i];
		double runs = q->runs > 0 ? q->runs : 1, low = 0, high = 0;
		double share = q->ticks > 0 ? q->lost_ticks / q->ticks : 0;

		q->lost_ns /= runs;
		q->stuck_ns /= runs;
		q->booked = q->lane_ns > 0 ? q->booked / runs / q->lane_ns : NAN;
		q->stuck_count /= runs;
		q->queued = q->ticks > 0 ? q->queued / q->ticks : 0;
		q->within_ns = q->within_runs > 0 ? q->within_ns / q->within_runs : NAN;
		if (q->ticks > 0)
			proportion_interval(share, q->ticks, &low, &high);
		q->lost_low_ns = share > 0 ? q->lost_ns * low / share : 0;
		q->lost_high_ns = share > 0 ? q->lost_ns * high / share : high * q->lane_ns;
	}
	if (c->n_queueing)
		qsort(c->queueing, c->n_queueing, sizeof(*c->queueing), by_position);
}

int summary_make_queues(struct summary *s)
{
	int r;

	if (!store_has_table(s->store, "guest_queue") || !store_has_table(s->store, "guest_stuck"))
		return 0;
	r = take_rows(s, queue_sql, take_queue);
	if (r == 0)
		r = take_rows(s, stuck_sql, take_stuck);
	if (r == 0)
		r = take_rows(s, within_sql, take_within);
	if (r == 0 && store_has_table(s->store, "guest_book"))
		r = take_rows(s, booked_sql, take_booked);
	for (size_t i = 0; i < s->n_configurations && r == 0; i++)
		finish(&s->configurations[i]);
	return r;
}
