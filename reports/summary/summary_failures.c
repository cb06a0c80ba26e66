/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The reading of a guest's scheduler with which a failed run ends. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "reports/summary/summary_internal.h"

/* A reading from before the last phase is no news of the end. */
#define LAST_PHASE                                                                                 \
	" instant = 'end' AND run = ?1 AND phase ="                                                \
	" (SELECT name FROM phase WHERE run = ?1 ORDER BY start_ns DESC LIMIT 1)"

static const char cpus_sql[] =
	"SELECT c.cpu, c.queued, c.thread, (SELECT t.name FROM guest_task t"
	" WHERE t.run = c.run AND t.phase = c.phase AND t.instant = 'end'"
	" AND t.id = c.thread AND (t.id != 0 OR t.cpu = c.cpu)), c.torn, c.phase"
	" FROM guest_cpu c WHERE" LAST_PHASE " ORDER BY c.cpu";
static const char lists_sql[] =
	"SELECT cpu, timers, counted, misfiled, clock_ns, next_ns, torn, trouble"
	" FROM guest_timer_cpu WHERE" LAST_PHASE;
static const char threads_sql[] =
	"SELECT id, name, state, cpu, cpu_ns, torn FROM guest_task WHERE" LAST_PHASE
	" ORDER BY CASE state WHEN 'running' THEN 0 WHEN 'queued' THEN 1 WHEN 'waking' THEN 2"
	" WHEN 'waiting' THEN 4 WHEN 'terminated' THEN 5 WHEN 'ended' THEN 5"
	" WHEN 'unstarted' THEN 6 ELSE 3 END, id, cpu";
static const char timers_sql[] =
	"SELECT owner_kind, owner, owner_name, owner_cpu, list_cpu, state, fault, due_ns, torn, links_cpu"
	" FROM guest_timer WHERE" LAST_PHASE " ORDER BY fault IS NULL, due_ns";

/* Fill in a row; false: no memory. */
typedef bool (*take_t)(struct failure *f, struct store_reader *store, sqlite3_stmt *row);

static bool take_cpu(struct failure *f, struct store_reader *store, sqlite3_stmt *row)
{
	struct failure_cpu c = {.cpu = store_number(row, 0),
		.queued = store_number(row, 1),
		.thread = store_number(row, 2),
		.thread_name = store_text(store, row, 3),
		.timers = STORE_NULL,
		.counted = STORE_NULL,
		.misfiled = STORE_NULL,
		.clock_ns = STORE_NULL,
		.next_ns = STORE_NULL,
		.torn = store_number(row, 4)};

	f->phase = store_text(store, row, 5);
	return ARRAY_ADD(f->cpus, f->n_cpus, c) == 0;
}

static bool take_list(struct failure *f, struct store_reader *store, sqlite3_stmt *row)
{
	for (size_t i = 0; i < f->n_cpus; i++) {
		struct failure_cpu *c = &f->cpus[i];

		if (c->cpu != store_number(row, 0))
			continue;
		c->timers = store_number(row, 1);
		c->counted = store_number(row, 2);
		c->misfiled = store_number(row, 3);
		c->clock_ns = store_number(row, 4);
		c->next_ns = store_number(row, 5);
		if (store_number(row, 6) == 1)
			c->torn = 1;
		c->trouble = store_text(store, row, 7);
		if (c->clock_ns > f->clock_ns)
			f->clock_ns = c->clock_ns;
	}
	return true;
}

static bool take_thread(struct failure *f, struct store_reader *store, sqlite3_stmt *row)
{
	struct failure_thread t = {.id = store_number(row, 0),
		.name = store_text(store, row, 1),
		.state = store_text(store, row, 2),
		.cpu = store_number(row, 3),
		.cpu_ns = store_number(row, 4),
		.torn = store_number(row, 5)};

	return ARRAY_ADD(f->threads, f->n_threads, t) == 0;
}

static bool take_timer(struct failure *f, struct store_reader *store, sqlite3_stmt *row)
{
	struct failure_timer t = {.owner_kind = store_text(store, row, 0),
		.owner = store_number(row, 1),
		.owner_name = store_text(store, row, 2),
		.owner_cpu = store_number(row, 3),
		.list_cpu = store_number(row, 4),
		.state = store_text(store, row, 5),
		.fault = store_text(store, row, 6),
		.due_ns = store_number(row, 7),
		.clock_ns = f->clock_ns,
		.torn = store_number(row, 8),
		.links_cpu = store_number(row, 9)};

	return ARRAY_ADD(f->timers, f->n_timers, t) == 0;
}

static int take_rows(
	struct summary *s, struct failure *f, const char *table, const char *sql, take_t take)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	int r;

	if (!store_has_table(s->store, table))
		return 0;
	r = store_prepare(s->store, &query, sql);
	if (r >= 0)
		sqlite3_bind_int64(query, 1, f->run->id);
	while (r >= 0 && (r = store_step(s->store, query)) > 0)
		if (!take(f, s->store, query))
			return -ENOMEM;
	return r < 0 ? r : 0;
}

static void clear(struct failure *f)
{
	free(f->cpus);
	free(f->threads);
	free(f->timers);
}

static int add(struct summary *s, const struct store_run *run)
{
	struct failure f = {.run = run, .clock_ns = STORE_NULL};
	int r = take_rows(s, &f, "guest_cpu", cpus_sql, take_cpu);

	if (r >= 0)
		r = take_rows(s, &f, "guest_timer_cpu", lists_sql, take_list);
	if (r >= 0)
		r = take_rows(s, &f, "guest_task", threads_sql, take_thread);
	if (r >= 0)
		r = take_rows(s, &f, "guest_timer", timers_sql, take_timer);
	if (r >= 0 && f.n_cpus + f.n_threads > 0)
		r = ARRAY_ADD(s->failures, s->n_failures, f);
	if (r < 0 || f.n_cpus + f.n_threads == 0)
		clear(&f);
	return r;
}

int summary_make_failures(struct summary *s)
{
	const struct store_tables *t = store_tables(s->store);
	int r = 0;

	if (!store_has_table(s->store, "guest_task"))
		return 0;
	for (size_t i = 0; i < t->n_runs && r >= 0; i++)
		if (!t->runs[i].ok)
			r = add(s, &t->runs[i]);
	return r;
}

void summary_clear_failures(struct summary *s)
{
	for (size_t i = 0; i < s->n_failures; i++)
		clear(&s->failures[i]);
	free(s->failures);
}
