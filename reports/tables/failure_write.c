/* SPDX-License-Identifier: GPL-2.0-or-later */

/* How the guests of failed runs ended, as text and as JSON. */

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/tables/columns.h"
#include "reports/tables/tables_internal.h"
#include "reports/text/format.h"
#include "reports/text/json.h"

/* Of a run, in a terminal; those of most interest come first. */
#define THREADS_SHOWN 8
#define TIMERS_SHOWN  12

static void put_more(struct table *t, size_t n, size_t shown, const char *what)
{
	char more[64];

	if (n <= shown)
		return;
	snprintf(more, sizeof(more), "  %zu more %s on the page", n - shown, what);
	table_line(t, more);
}

/* What is wrong with the row before. */
static void put_wrong(struct table *t, const char *what)
{
	char wrong[112];

	if (!what)
		return;
	snprintf(wrong, sizeof(wrong), "  ^ %s", what);
	table_line(t, wrong);
}

static int write_cpus(const struct failure *f, FILE *out, const struct style *style)
{
	struct table *t = table_begin();

	columns_put_titles(failure_cpu_columns, t);
	table_row(t);
	for (size_t i = 0; i < f->n_cpus; i++) {
		columns_put(failure_cpu_columns, &f->cpus[i], t);
		table_row(t);
		put_wrong(t, f->cpus[i].trouble);
	}
	return table_end(t, out, style);
}

static int write_threads(const struct failure *f, FILE *out, const struct style *style)
{
	struct table *t = table_begin();

	columns_put_titles(failure_thread_columns, t);
	table_row(t);
	for (size_t i = 0; i < f->n_threads && i < THREADS_SHOWN; i++) {
		columns_put(failure_thread_columns, &f->threads[i], t);
		table_row(t);
	}
	put_more(t, f->n_threads, THREADS_SHOWN, "threads");
	return table_end(t, out, style);
}

static int write_timers(const struct failure *f, FILE *out, const struct style *style)
{
	struct table *t = table_begin();

	columns_put_titles(failure_timer_columns, t);
	table_row(t);
	for (size_t i = 0; i < f->n_timers && i < TIMERS_SHOWN; i++) {
		columns_put(failure_timer_columns, &f->timers[i], t);
		table_row(t);
		put_wrong(t, f->timers[i].fault);
	}
	put_more(t, f->n_timers, TIMERS_SHOWN, "timers");
	return table_end(t, out, style);
}

static int write_failure(const struct failure *f, FILE *out, const struct style *style)
{
	int r;

	fprintf(out, "\n%sRun %lld failed in phase %s: the guest at that instant%s\n", style->bold,
		(long long)f->run->id, f->phase ? f->phase : "?", style->plain);
	r = write_cpus(f, out, style);
	if (r == 0 && f->n_threads)
		r = write_threads(f, out, style);
	if (r == 0 && f->n_timers)
		r = write_timers(f, out, style);
	return r;
}

int failures_write_text(const struct summary *s, FILE *out, const struct style *style)
{
	int r = 0;

	for (size_t i = 0; i < s->n_failures && r == 0; i++)
		r = write_failure(&s->failures[i], out, style);
	return r;
}

json_t *failure_json(const struct summary *s, const struct store_run *run)
{
	for (size_t i = 0; i < s->n_failures; i++) {
		const struct failure *f = &s->failures[i];
		json_t *o;
		bool bad = false;

		if (f->run != run)
			continue;
		o = json_object();
		bad |= put(o, "phase", text(f->phase));
		bad |= put(o, "cpus", columns_json_rows(failure_cpu_columns, f->cpus, f->n_cpus));
		bad |= put(o, "threads",
			columns_json_rows(failure_thread_columns, f->threads, f->n_threads));
		bad |= put(o, "timers",
			columns_json_rows(failure_timer_columns, f->timers, f->n_timers));
		return finish(o, bad);
	}
	return json_null();
}
