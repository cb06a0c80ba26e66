/* SPDX-License-Identifier: GPL-2.0-or-later */
/** What explanations call lost parallelism and double scheduling: time of the books, split out of the states that it lies in. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/detail_words.h"
#include "reports/summary/summary_internal.h"
#include "reports/text/text.h"

/* Stores of older programs, and what was merged from them, do not know whether idle vCPUs were blocked: most are. */
#define LOST_SQL(blocked)                                                                          \
	"SELECT run, phase, total(lost_ns), total(" blocked ") FROM guest_queue"                   \
	" WHERE lost_ns > 0 GROUP BY run, phase"
static const char stuck_sql[] =
	"SELECT run, phase, total(ns), 0 FROM guest_stuck WHERE ns > 0 GROUP BY run, phase";

const struct state_info *term_info(int term)
{
	static const struct state_info
		unknown = {"other", "states this report does not know", "#ffffff"},
		others[TERM_COUNT - STATE_COUNT] = {{"residual", "not accounted for", "#9a9a94"},
			{"lost parallelism",
				"a vCPU has nothing to run while a thread is queued for another one",
				"#999933"},
			{"double scheduling",
				"the host runs something else while threads are queued for the vCPU",
				"#cc6677"}};

	if (term == STATE_NONE)
		return &unknown;
	return term < STATE_COUNT ? &state_table[term] : &others[term - STATE_COUNT];
}

const struct book_series *configuration_terms(
	const struct configuration *configuration, const char *name)
{
	for (size_t i = 0; configuration && i < configuration->n_phases; i++)
		if (same_text(configuration->series.phases[i].name, name))
			return &configuration->series.split_phases[i];
	return NULL;
}

/* The books of a configuration of its own, to be split. */
static int begin_split(struct configuration *c)
{
	struct run_series *series = &c->series;
	struct book_series *window, *phases;
	int r = 0;

	if (series->split_window != &series->window)
		return 0;
	window = calloc(1, sizeof(*window));
	phases = calloc(c->n_phases + 1, sizeof(*phases));
	if (!window || !phases) {
		free(window);
		free(phases);
		return -ENOMEM;
	}
	series->split_window = window;
	series->split_phases = phases;
	r = book_copy(&series->window, series->n, window);
	for (size_t i = 0; i < c->n_phases && r >= 0; i++)
		r = book_copy(&series->phases[i], series->n, &phases[i]);
	return r;
}

/* Where time is taken from: a state's @detail, or (NULL) all of it. */
struct source {
	int state;
	const char *detail;
};

static bool is_source(const struct detail_series *d, const struct source *from)
{
	return (int)d->state == from->state &&
	       (!from->detail || strcmp(d->detail, from->detail) == 0);
}

/* A phase of a run, and the term that is split out of its states. */
struct target {
	struct book_series *phase;
	struct book_series *window; /* NULL: the phase is no part of it */
	size_t run;
	int term;
};

static void move_time(const struct target *t, const struct detail_series *d, double ns)
{
	struct book_series *books[] = {t->phase, t->window};

	for (size_t k = 0; k < 2 && books[k]; k++) {
		struct book_series *b = books[k];

		for (size_t i = 0; i < b->n_details; i++)
			if (b->details[i].state == d->state && b->details[i].detail == d->detail)
				b->details[i].ns[t->run] -= ns;
		b->term_ns[d->state][t->run] -= ns;
		b->term_ns[t->term][t->run] += ns;
		b->sampled[t->term] |= t->term == TERM_LOST_PARALLELISM;
		b->sampled[d->state] |= t->term == TERM_LOST_PARALLELISM;
	}
}

/* Take up to @ns, whole nanoseconds, from each detail in proportion to what it has. Returns what is left. */
static double take(const struct target *t, const struct source *from, double ns)
{
	double there = 0, left;

	for (size_t i = 0; i < t->phase->n_details; i++)
		if (is_source(&t->phase->details[i], from))
			there += t->phase->details[i].ns[t->run];
	left = fmin(ns, there);
	ns -= left;
	for (size_t i = 0; i < t->phase->n_details && left > 0; i++) {
		struct detail_series *d = &t->phase->details[i];
		double has = d->ns[t->run], part;

		if (!is_source(d, from))
			continue;
		part = has >= there ? left : fmin(floor(left * (has / there)), has);
		there -= has;
		left -= part;
		move_time(t, d, part);
	}
	return ns + left;
}

static double take_all(
	const struct target *t, const struct source *list, size_t n_sources, double ns)
{
	ns = floor(ns);
	for (size_t i = 0; i < n_sources && ns > 0; i++)
		ns = take(t, &list[i], ns);
	return ns;
}

/* What cannot be found in these states stays where it is. */
static void split_lost(const struct target *t, double lost_ns, double blocked_ns)
{
	static const struct source halted[] = {{STATE_BLOCKED, DETAIL_HALT},
		{STATE_BLOCKED, DETAIL_HALT_POLL}, {STATE_BLOCKED, NULL}},
				   polling[] = {{STATE_GUEST, DETAIL_IDLE}, {STATE_VMM, NULL}};

	blocked_ns = fmin(blocked_ns, lost_ns);
	take_all(t, halted, 3, blocked_ns);
	take_all(t, polling, 2, lost_ns - blocked_ns);
}

static void split_stuck(const struct target *t, double stuck_ns, double unused)
{
	static const struct source waiting[] = {{STATE_PREEMPTED, NULL}, {STATE_THROTTLED, NULL}};

	(void)unused;
	take_all(t, waiting, 2, stuck_ns);
}

/* False: it counts nowhere. */
static bool find_target(const struct configuration *c, int64_t run, size_t *ret)
{
	for (size_t i = 0; i < c->series.n; i++)
		if (c->series.runs[i]->id == run) {
			*ret = i;
			return true;
		}
	return false;
}

static int split_row(struct summary *s, sqlite3_stmt *row, int term,
	void (*split)(const struct target *t, double ns, double part_ns))
{
	int64_t id = store_number(row, 0);
	const char *name = store_text(s->store, row, 1);
	struct configuration *c = (struct configuration *)summary_configuration_of(s, id);
	struct target t = {.term = term};
	int r;

	if (!name)
		return -ENOMEM;
	if (!c || !find_target(c, id, &t.run))
		return 0;
	r = begin_split(c);
	for (size_t i = 0; i < c->n_phases && r >= 0; i++) {
		if (strcmp(c->phases[i].name, name) != 0)
			continue;
		t.phase = &c->series.split_phases[i];
		t.window = phase_is_outside(name) ? NULL : c->series.split_window;
		split(&t, sqlite3_column_double(row, 2), sqlite3_column_double(row, 3));
	}
	return r;
}

static int split_rows(struct summary *s, const char *sql, int term,
	void (*split)(const struct target *t, double ns, double part_ns))
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	int r = store_prepare(s->store, &query, sql);

	while (r >= 0 && (r = store_step(s->store, query)) > 0)
		r = split_row(s, query, term, split);
	return r < 0 ? r : 0;
}

int summary_make_terms(struct summary *s)
{
	int r = 0;

	for (size_t i = 0; i < s->n_configurations; i++) {
		struct run_series *series = &s->configurations[i].series;

		series->split_window = &series->window;
		series->split_phases = series->phases;
	}
	if (store_has_table(s->store, "guest_queue"))
		r = split_rows(s,
			store_has_column(s->store, "guest_queue", "lost_blocked_ns")
				? LOST_SQL("ifnull(lost_blocked_ns, lost_ns)")
				: LOST_SQL("lost_ns"),
			TERM_LOST_PARALLELISM, split_lost);
	if (r >= 0 && store_has_table(s->store, "guest_stuck"))
		r = split_rows(s, stuck_sql, TERM_DOUBLE_SCHEDULING, split_stuck);
	return r;
}
