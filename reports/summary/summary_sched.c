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
#define WORK_SQL(condition)                                                                            \
	SPAN "SELECT e.run, e.phase, e.name, count(*), total(max(e.cpu_ns - ifnull(b.cpu_ns, 0), 0))," \
	     " total(max(e.switches - ifnull(b.switches, 0), 0)),"                                     \
	     " total(max(e.preemptions - ifnull(b.preemptions, 0), 0)),"                               \
	     " total(max(e.migrations - ifnull(b.migrations, 0), 0))"                                  \
	     " FROM guest_task e JOIN span USING (run, phase) LEFT JOIN guest_task b"                  \
	     " ON b.run = e.run AND b.phase = e.phase AND b.id = e.id AND b.instant = 'begin'"         \
	     " AND (e.id != 0 OR b.cpu = e.cpu)"                                                       \
	     " WHERE e.instant = 'end'" condition " GROUP BY e.run, e.phase, e.name"
/* Where there are books of them, these have it all. */
#define WITHOUT_BOOKS                                                                              \
	" AND NOT EXISTS (SELECT 1 FROM guest_book g WHERE g.run = e.run AND g.phase = e.phase)"
/* Of no reading within the phase: what is left beside its running may be queued or waiting. Older stores call it waiting. */
#define UNREAD "(NOT exact AND NOT idle AND readings = 0)"
static const char book_sql[] =
	"SELECT run, phase, CASE WHEN idle THEN '(idle)' ELSE name END AS thread, count(*),"
	" total(running_ns), total(switches), total(preemptions), total(migrations),"
	" sum(CASE WHEN NOT " UNREAD " THEN queued_ns END),"
	" sum(CASE WHEN NOT " UNREAD " THEN waiting_ns END), total(absent_ns),"
	" total(unknown_ns + CASE WHEN " UNREAD " THEN queued_ns + waiting_ns ELSE 0 END),"
	" total(over_ns), max(within_ns),"
	" min(exact), total(readings), total(queued_readings), idle != 0 AS is_idle, max(readings) FROM guest_book"
	" GROUP BY run, phase, is_idle, thread";
/* Time of its CPUs, and that in which they halted, by the books: Linux's idle threads (number 0) count none, and OSv's do. */
static const char span_sql[] = SPAN
	"SELECT run, phase, ns, ns * (SELECT count(*) FROM guest_cpu c WHERE c.run = span.run"
	" AND c.phase = span.phase AND c.instant = 'end'),"
	" CASE WHEN EXISTS (SELECT 1 FROM guest_task t WHERE t.run = span.run AND t.phase = span.phase"
	" AND t.id = 0) THEN (SELECT sum(a.ns) FROM account a WHERE a.run = span.run"
	" AND a.phase = span.phase AND a.state = 'blocked' AND a.lane >= 0) ELSE 0 END FROM span";

/* Of a phase's time, what no thread has. */
static const char unknown_name[] = "(not counted)";

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

/* A row without books: none is known. NULL: no memory. */
static struct guest_work *add_work(struct configuration *c, const char *phase, const char *name)
{
	struct guest_work *w = ARRAY_PUSH(c->work, c->n_work);

	if (w)
		*w = (struct guest_work){.phase = phase,
			.name = name,
			.queued_ns = NAN,
			.queued_low_ns = NAN,
			.queued_high_ns = NAN,
			.waiting_ns = NAN,
			.absent_ns = NAN,
			.unknown_ns = NAN,
			.over_ns = NAN,
			.within_ns = NAN};
	return w;
}

/* The row of that name in that phase, made if need be: no thread's name makes it an idle one. NULL: no memory. */
static struct guest_work *find_work(
	struct configuration *c, const char *phase, const char *name, bool idle)
{
	struct guest_work *w;

	for (size_t i = 0; i < c->n_work; i++)
		if (c->work[i].phase == phase && c->work[i].name == name && c->work[i].idle == idle)
			return &c->work[i];
	w = add_work(c, phase, name);
	if (w)
		w->idle = idle;
	return w;
}

/* Counters alone: 0, or the row (*ret), which is NULL if it counts nowhere. */
static int take_counters(struct summary *s, sqlite3_stmt *row, bool idle, struct guest_work **ret)
{
	struct configuration *c = configuration_at(s, row);
	const char *phase = store_text(s->store, row, 1), *name = store_text(s->store, row, 2);
	struct guest_work *w;

	*ret = NULL;
	if (!phase || !name)
		return -ENOMEM;
	if (!c)
		return 0;
	w = *ret = find_work(c, phase, name, idle);
	if (!w)
		return -ENOMEM;
	w->threads += sqlite3_column_double(row, 3);
	w->cpu_ns += sqlite3_column_double(row, 4);
	w->switches += sqlite3_column_double(row, 5);
	w->preemptions += sqlite3_column_double(row, 6);
	w->migrations += sqlite3_column_double(row, 7);
	return 0;
}

static int take_work(struct summary *s, sqlite3_stmt *row)
{
	struct guest_work *w;

	return take_counters(s, row, false, &w);
}

static void add_known(double *sum, sqlite3_stmt *row, int column)
{
	double value = sqlite3_column_double(row, column);

	if (sqlite3_column_type(row, column) != SQLITE_NULL)
		*sum = isnan(*sum) ? value : *sum + value;
}

/* Of its books, too. */
static int take_book(struct summary *s, sqlite3_stmt *row)
{
	struct guest_work *w;
	int r = take_counters(s, row, sqlite3_column_int(row, 17) != 0, &w);

	if (r < 0 || !w)
		return r;
	w->exact = (isnan(w->unknown_ns) || w->exact) && sqlite3_column_int(row, 14);
	add_known(&w->queued_ns, row, 8);
	add_known(&w->waiting_ns, row, 9);
	add_known(&w->absent_ns, row, 10);
	add_known(&w->unknown_ns, row, 11);
	add_known(&w->over_ns, row, 12);
	w->within_ns = fmax(w->within_ns, sqlite3_column_double(row, 13));
	w->readings += sqlite3_column_double(row, 15);
	w->queued_readings += sqlite3_column_double(row, 16);
	w->instants += sqlite3_column_double(row, 18);
	return 0;
}

/* Linux does not count what its idle threads take: nearly all of that time its CPUs halt, which the books of the lanes know. */
static void fill_idle(struct configuration *c, const struct span *span)
{
	for (size_t i = 0; i < c->n_work; i++) {
		struct guest_work *w = &c->work[i];
		double halted;

		if (!w->idle || w->phase != span->phase || !(w->unknown_ns > 0) || span->unhalted)
			continue;
		halted = fmin(span->halted_ns, w->unknown_ns);
		w->cpu_ns += halted;
		w->unknown_ns -= halted;
		w->over_ns += span->halted_ns - halted;
	}
}

static bool has_idle(const struct configuration *c, const struct span *span)
{
	for (size_t i = 0; i < c->n_work; i++)
		if (c->work[i].idle && c->work[i].phase == span->phase)
			return true;
	return false;
}

/* Those that did nothing in any run are none of the table's. */
static void drop_still(struct configuration *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_work; i++) {
		const struct guest_work *w = &c->work[i];

		if (w->cpu_ns > 0 || w->switches > 0 || w->queued_ns > 0 || w->idle || w->unknown)
			c->work[n++] = *w;
	}
	c->n_work = n;
}

/* A row for what the others do not know of, which is the last of its phase. Below 0 where the guest's clocks count more than the
 * host's: with it all sum to the CPUs' time. */
static int add_unknown(struct configuration *c, const struct span *span)
{
	double known = 0;
	struct guest_work *w;

	if (span->unhalted)
		return 0;
	fill_idle(c, span);
	if (!has_idle(c, span))
		known = span->halted_ns;
	for (size_t i = 0; i < c->n_work; i++)
		known += c->work[i].phase == span->phase ? c->work[i].cpu_ns : 0;
	w = add_work(c, span->phase, unknown_name);
	if (!w)
		return -ENOMEM;
	w->unknown = true;
	w->cpu_ns = span->cpu_ns - known;
	w->threads = w->switches = w->preemptions = w->migrations = NAN;
	return 0;
}

static int by_phase_and_time(const void *a, const void *b)
{
	const struct guest_work *x = a, *y = b;

	if (x->position != y->position)
		return x->position < y->position ? -1 : 1;
	if (x->unknown != y->unknown)
		return x->unknown ? 1 : -1;
	if (x->idle != y->idle)
		return x->idle ? 1 : -1;
	if (x->cpu_ns != y->cpu_ns)
		return x->cpu_ns < y->cpu_ns ? 1 : -1;
	return strcmp(x->name, y->name);
}

/* Of how long it was queued: what so many readings can tell. */
static void finish_book(struct guest_work *w, double runs)
{
	double there, left, low = 0, high = 0;

	w->queued_ns /= runs;
	w->waiting_ns /= runs;
	w->absent_ns /= runs;
	w->unknown_ns /= runs;
	w->over_ns /= runs;
	if (w->idle) /* which waits for nothing */
		w->queued_ns = w->waiting_ns = NAN;
	w->queued_low_ns = w->queued_high_ns = w->queued_ns;
	left = w->queued_ns + w->waiting_ns; /* its running is known, and is none of it */
	there = w->cpu_ns + left;
	if (w->exact || !(w->readings > 0) || isnan(there))
		return;
	/* Threads that are read at one instant are queued together: these count, not the threads. */
	proportion_interval(w->queued_readings / w->readings, w->instants, &low, &high);
	w->queued_low_ns = fmin(low * there, w->queued_ns);
	w->queued_high_ns = fmin(fmax(high * there, w->queued_ns), left);
}

/* Sums of all runs become means, and counts so many a second. */
static void finish(struct configuration *c, struct spans *spans)
{
	drop_still(c);
	for (size_t i = 0; i < c->n_work; i++) {
		struct guest_work *w = &c->work[i];
		const struct span *span = find_span(spans, c, w->phase);
		double seconds = span ? span->ns / 1e9 : 1, runs = span ? span->runs : 1;

		w->threads /= runs;
		w->cpu_ns /= runs;
		finish_book(w, runs);
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

static int take_rows(
	struct summary *s, const char *sql, int (*take)(struct summary *s, sqlite3_stmt *row))
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	int r = store_prepare(s->store, &query, sql);

	while (r >= 0 && (r = store_step(s->store, query)) > 0)
		r = take(s, query);
	return r;
}

/* Threads by their books, and where there are none by the readings at a phase's begin and end. */
static int take_threads(struct summary *s)
{
	bool books = store_has_table(s->store, "guest_book");
	int r = books ? take_rows(s, book_sql, take_book) : 0;

	if (r < 0)
		return r;
	return take_rows(s, books ? WORK_SQL(WITHOUT_BOOKS) : WORK_SQL(""), take_work);
}

int summary_make_sched(struct summary *s)
{
	_cleanup_query_ sqlite3_stmt *span = NULL;
	struct spans spans = {0};
	int r;

	if (!store_has_table(s->store, "guest_task") || !store_has_table(s->store, "guest_cpu"))
		return 0;
	r = store_prepare(s->store, &span, span_sql);
	while (r >= 0 && (r = store_step(s->store, span)) > 0)
		r = take_span(s, span, &spans);
	if (r >= 0)
		r = take_threads(s);
	for (size_t i = 0; i < spans.n && r >= 0; i++)
		r = add_unknown(spans.list[i].configuration, &spans.list[i]);
	for (size_t i = 0; i < s->n_configurations && r >= 0; i++)
		finish(&s->configurations[i], &spans);
	free(spans.list);
	return r < 0 ? r : 0;
}
