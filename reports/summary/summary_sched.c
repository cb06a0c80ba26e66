/* SPDX-License-Identifier: GPL-2.0-or-later */
/** What a guest's own scheduler counted in each phase: differences of what was read at its begin and end. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "reports/summary/summary_internal.h"

/* How long it is from one reading to the other. */
#define SPAN                                                                                       \
	"WITH span AS (SELECT run, phase,"                                                         \
	" max(CASE instant WHEN 'end' THEN taken_ns END)"                                          \
	" - max(CASE instant WHEN 'begin' THEN taken_ns END) AS ns"                                \
	" FROM guest_cpu GROUP BY run, phase HAVING ns > 0) "

/* A thread that is not there at the begin began in the phase, with nothing counted. The idle threads of Linux
 * have all the same number; each has its CPU. */
static const char work_sql[] = SPAN
	"SELECT e.run, e.phase, e.name, count(*), total(max(e.cpu_ns - ifnull(b.cpu_ns, 0), 0)),"
	" total(max(e.switches - ifnull(b.switches, 0), 0)),"
	" total(max(e.preemptions - ifnull(b.preemptions, 0), 0)),"
	" total(max(e.migrations - ifnull(b.migrations, 0), 0))"
	" FROM guest_task e JOIN span USING (run, phase) LEFT JOIN guest_task b"
	" ON b.run = e.run AND b.phase = e.phase AND b.id = e.id AND b.instant = 'begin'"
	" AND (e.id != 0 OR b.cpu = e.cpu)"
	" WHERE e.instant = 'end' GROUP BY e.run, e.phase, e.name";
/* Time of its CPUs, and that in which they halted, by the books: Linux's idle threads (number 0) count none, and OSv's do. */
static const char span_sql[] = SPAN
	"SELECT run, phase, ns, ns * (SELECT count(*) FROM guest_cpu c WHERE c.run = span.run"
	" AND c.phase = span.phase AND c.instant = 'end'),"
	" CASE WHEN EXISTS (SELECT 1 FROM guest_task t WHERE t.run = span.run AND t.phase = span.phase"
	" AND t.id = 0) THEN (SELECT sum(a.ns) FROM account a WHERE a.run = span.run"
	" AND a.phase = span.phase AND a.state = 'blocked' AND a.lane >= 0) ELSE 0 END FROM span";

/* Of a phase's time, what no thread has that is in the reading at its end. */
static const char unknown_name[] = "(ended or uncounted)";

/* Of a phase of a configuration. */
struct span {
	struct configuration *configuration;
	const char *phase;
	double ns; /* this and what follows: of all runs */
	double cpu_ns, halted_ns;
	double runs;
	bool unhalted; /* of a run it is not known how long its CPUs halted */
};

struct spans {
	struct span *list;
	size_t n;
};

static struct span *find_span(struct spans *spans, const struct configuration *c, const char *phase)
{
	for (size_t i = 0; i < spans->n; i++)
		if (spans->list[i].configuration == c && spans->list[i].phase == phase)
			return &spans->list[i];
	return NULL;
}

static struct configuration *configuration_at(struct summary *s, sqlite3_stmt *row)
{
	const struct store_run *run = store_run(s->store, store_number(row, 0));

	return run && run->ok && run->counted ? summary_configuration(s, run) : NULL;
}

static int take_span(struct summary *s, sqlite3_stmt *row, struct spans *spans)
{
	struct configuration *c = configuration_at(s, row);
	const char *phase = store_text(s->store, row, 1);
	struct span *span;

	if (!phase)
		return -ENOMEM;
	if (!c)
		return 0;
	span = find_span(spans, c, phase);
	if (!span) {
		span = ARRAY_PUSH(spans->list, spans->n);
		if (!span)
			return -ENOMEM;
		*span = (struct span){.configuration = c, .phase = phase};
	}
	span->ns += sqlite3_column_double(row, 2);
	span->cpu_ns += sqlite3_column_double(row, 3);
	span->halted_ns += sqlite3_column_double(row, 4);
	span->unhalted |= sqlite3_column_type(row, 4) == SQLITE_NULL;
	span->runs++;
	return 0;
}

/* The row of that name in that phase, made if need be. NULL: no memory. */
static struct guest_work *find_work(struct configuration *c, const char *phase, const char *name)
{
	struct guest_work *w;

	for (size_t i = 0; i < c->n_work; i++)
		if (c->work[i].phase == phase && c->work[i].name == name)
			return &c->work[i];
	w = ARRAY_PUSH(c->work, c->n_work);
	if (w)
		*w = (struct guest_work){.phase = phase, .name = name};
	return w;
}

static int take_work(struct summary *s, sqlite3_stmt *row)
{
	struct configuration *c = configuration_at(s, row);
	const char *phase = store_text(s->store, row, 1), *name = store_text(s->store, row, 2);
	double cpu_ns = sqlite3_column_double(row, 4), switches = sqlite3_column_double(row, 5);
	struct guest_work *w;

	if (!phase || !name)
		return -ENOMEM;
	if (!c || (cpu_ns <= 0 && switches <= 0))
		return 0;
	w = find_work(c, phase, name);
	if (!w)
		return -ENOMEM;
	w->threads += sqlite3_column_double(row, 3);
	w->cpu_ns += cpu_ns;
	w->switches += switches;
	w->preemptions += sqlite3_column_double(row, 6);
	w->migrations += sqlite3_column_double(row, 7);
	return 0;
}

/* A row for what the others do not know of, which is the last of its phase. */
static int add_unknown(struct configuration *c, const struct span *span)
{
	double known = span->halted_ns;
	struct guest_work *w;

	if (span->unhalted)
		return 0;
	for (size_t i = 0; i < c->n_work; i++)
		known += c->work[i].phase == span->phase ? c->work[i].cpu_ns : 0;
	w = ARRAY_PUSH(c->work, c->n_work);
	if (!w)
		return -ENOMEM;
	*w = (struct guest_work){.phase = span->phase,
		.name = unknown_name,
		.unknown = true,
		.threads = NAN,
		.cpu_ns = span->cpu_ns > known ? span->cpu_ns - known : 0,
		.switches = NAN,
		.preemptions = NAN,
		.migrations = NAN};
	return 0;
}

static int by_phase_and_time(const void *a, const void *b)
{
	const struct guest_work *x = a, *y = b;

	if (x->position != y->position)
		return x->position < y->position ? -1 : 1;
	if (x->unknown != y->unknown)
		return x->unknown ? 1 : -1;
	if (x->cpu_ns != y->cpu_ns)
		return x->cpu_ns < y->cpu_ns ? 1 : -1;
	return strcmp(x->name, y->name);
}

/* Sums of all runs become means, and counts so many a second. */
static void finish(struct configuration *c, struct spans *spans)
{
	for (size_t i = 0; i < c->n_work; i++) {
		struct guest_work *w = &c->work[i];
		const struct span *span = find_span(spans, c, w->phase);
		double seconds = span ? span->ns / 1e9 : 1, runs = span ? span->runs : 1;

		w->threads /= runs;
		w->cpu_ns /= runs;
		w->whole_ns = span ? span->cpu_ns / runs : NAN;
		w->switches /= seconds;
		w->preemptions /= seconds;
		w->migrations /= seconds;
		w->position = c->n_phases;
		for (size_t k = 0; k < c->n_phases; k++)
			if (strcmp(c->phases[k].name, w->phase) == 0)
				w->position = k;
	}
	if (c->n_work)
		qsort(c->work, c->n_work, sizeof(*c->work), by_phase_and_time);
}

int summary_make_sched(struct summary *s)
{
	_cleanup_query_ sqlite3_stmt *span = NULL, *work = NULL;
	struct spans spans = {0};
	int r;

	if (!store_has_table(s->store, "guest_task") || !store_has_table(s->store, "guest_cpu"))
		return 0;
	r = store_prepare(s->store, &span, span_sql);
	while (r >= 0 && (r = store_step(s->store, span)) > 0)
		r = take_span(s, span, &spans);
	if (r >= 0)
		r = store_prepare(s->store, &work, work_sql);
	while (r >= 0 && (r = store_step(s->store, work)) > 0)
		r = take_work(s, work);
	for (size_t i = 0; i < spans.n && r >= 0; i++)
		r = add_unknown(spans.list[i].configuration, &spans.list[i]);
	for (size_t i = 0; i < s->n_configurations && r >= 0; i++)
		finish(&s->configurations[i], &spans);
	free(spans.list);
	return r < 0 ? r : 0;
}
