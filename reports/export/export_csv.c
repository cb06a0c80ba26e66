/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/export/export.h"
#include "reports/tables/tables.h"
#include "reports/text/csv.h"

/* What else is exported: tables of the store with the words that tell their rows apart. Columns are
 * named in the first line; times of these are whole nanoseconds, as the store's. */
#define VARIANT     "r.variant"
#define RUN_COLUMNS "r.id AS run, r.guest, r.cores, " VARIANT ", r.label, r.repetition"
#define QUEUE_COLUMNS                                                                              \
	"q.phase, q.lane, q.begin_ns, q.slice_ns, q.ticks, q.queued, q.most, q.lost_ticks, q.lost_ns"
#define QUEUES " FROM guest_queue q JOIN run r ON r.id = q.run ORDER BY r.id, q.rowid"

static const struct {
	const char *file;
	const char *sql;
	const char *table;  /* that older stores lack: then there is no file */
	const char *column; /* that they lack in it: then @old_sql it is */
	const char *old_sql;
} store_tables_sql[] = {
	{"phases.csv",
		"SELECT " RUN_COLUMNS ", p.name AS phase, p.start_ns, p.end_ns,"
		" p.end_ns - p.start_ns AS duration_ns FROM phase p JOIN run r ON r.id = p.run"
		" ORDER BY r.id, p.start_ns"},
	{"accounts.csv",
		"SELECT " RUN_COLUMNS ", a.phase, a.lane, a.state, a.detail, a.ns, a.exact,"
		" a.samples, a.count, a.taken_by FROM account a JOIN run r ON r.id = a.run"
		" ORDER BY r.id, a.rowid"},
	{"audits.csv",
		"SELECT " RUN_COLUMNS ", a.phase, a.lane, a.what, a.books_ns, a.other_ns,"
		" a.bound_ns FROM audit a JOIN run r ON r.id = a.run ORDER BY r.id, a.rowid"},
	{"counters.csv",
		"SELECT " RUN_COLUMNS ", c.lane, c.name, c.value, c.enabled_ns, c.running_ns"
		" FROM counter c JOIN run r ON r.id = c.run ORDER BY r.id, c.rowid"},
	{"guest_tasks.csv",
		"SELECT " RUN_COLUMNS ", t.phase, t.instant, t.id, t.process, t.name, t.state,"
		" t.cpu, t.cpu_ns, t.switches, t.preemptions, t.migrations, t.torn"
		" FROM guest_task t JOIN run r ON r.id = t.run ORDER BY r.id, t.rowid",
		"guest_task"},
	{"guest_cpus.csv",
		"SELECT " RUN_COLUMNS ", t.phase, t.instant, t.cpu, t.queued, t.thread, t.idle,"
		" t.switches, t.torn, t.taken_ns, t.read_ns"
		" FROM guest_cpu t JOIN run r ON r.id = t.run ORDER BY r.id, t.rowid",
		"guest_cpu"},
	{"guest_timers.csv",
		"SELECT " RUN_COLUMNS ", t.phase, t.instant, t.address, t.state, t.due_ns,"
		" t.list_cpu, t.links_cpu, t.expired, t.owner_kind, t.owner, t.owner_name,"
		" t.owner_cpu, t.owned, t.fault, t.torn"
		" FROM guest_timer t JOIN run r ON r.id = t.run ORDER BY r.id, t.rowid",
		"guest_timer"},
	{"guest_timer_cpus.csv",
		"SELECT " RUN_COLUMNS ", t.phase, t.instant, t.cpu, t.timers, t.counted,"
		" t.misfiled, t.clock_ns, t.next_ns, t.torn, t.trouble"
		" FROM guest_timer_cpu t JOIN run r ON r.id = t.run ORDER BY r.id, t.rowid",
		"guest_timer_cpu"},
	{"guest_books.csv",
		"SELECT " RUN_COLUMNS ", b.phase, b.id, b.process, b.cpu, b.name, b.idle,"
		" b.running_ns, b.queued_ns, b.waiting_ns, b.absent_ns, b.unknown_ns, b.over_ns,"
		" b.within_ns, b.exact, b.readings, b.queued_readings, b.switches, b.preemptions,"
		" b.migrations FROM guest_book b JOIN run r ON r.id = b.run ORDER BY r.id, b.rowid",
		"guest_book"},
	{"guest_queues.csv", "SELECT " RUN_COLUMNS ", " QUEUE_COLUMNS ", q.lost_blocked_ns" QUEUES,
		"guest_queue", "lost_blocked_ns",
		"SELECT " RUN_COLUMNS ", " QUEUE_COLUMNS ", NULL AS lost_blocked_ns" QUEUES},
	{"guest_stuck.csv",
		"SELECT " RUN_COLUMNS ", q.phase, q.lane, q.ns, q.count FROM guest_stuck q"
		" JOIN run r ON r.id = q.run ORDER BY r.id, q.rowid",
		"guest_stuck"},
	{"detours.csv",
		"SELECT " RUN_COLUMNS ", d.lane, d.start_ns, d.length_ns, d.cause, d.detail,"
		" d.taken_by, d.cause_ns FROM detour d JOIN run r ON r.id = d.run"
		" ORDER BY r.id, d.rowid",
		"detour"},
	{"detour_causes.csv",
		"SELECT " RUN_COLUMNS ", d.lane, d.cause, d.detail, d.taken_by, d.detours, d.ns,"
		" d.around_ns, d.sampled_ns FROM detour_cause d JOIN run r ON r.id = d.run"
		" ORDER BY r.id, d.rowid",
		"detour_cause"},
	{"clocks.csv",
		"SELECT " RUN_COLUMNS
		", c.lane, c.source, c.ticks, c.at_ns, c.ns_per_tick, c.low_ns,"
		" c.high_ns, c.begin_ns, c.end_ns, c.readings FROM clock c JOIN run r ON r.id = c.run"
		" ORDER BY r.id, c.rowid",
		"clock"},
	{"rows.csv", "SELECT " RUN_COLUMNS ", t.task, t.lane, t.start_ns, t.end_ns"
		     " FROM row t JOIN run r ON r.id = t.run ORDER BY r.id, t.rowid"},
};

/** A table of the store that is written as it is. */
struct table_file {
	const struct export_job *job;
	const char *sql;
};

static int put_column(struct store_reader *store, sqlite3_stmt *query, int column, FILE *out)
{
	const char *text;

	if (column > 0)
		fputc(',', out);
	if (sqlite3_column_type(query, column) == SQLITE_NULL)
		return 0;
	text = store_text(store, query, column);
	csv_text(out, text);
	return text ? 0 : -ENOMEM;
}

static int fill_table(void *userdata, FILE *out)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	const struct table_file *t = userdata;
	int r = store_prepare(t->job->store, &query, t->sql);

	if (r < 0)
		return export_store_error(t->job, r);
	for (int i = 0; i < sqlite3_column_count(query); i++)
		fprintf(out, "%s%s", i ? "," : "", sqlite3_column_name(query, i));
	fputc('\n', out);
	while ((r = store_step(t->job->store, query)) > 0) {
		for (int i = 0; i < sqlite3_column_count(query); i++)
			if (put_column(t->job->store, query, i, out) < 0)
				return -ENOMEM;
		fputc('\n', out);
	}
	return r == -EBADMSG ? export_store_error(t->job, r) : r;
}

static int fill_configurations(void *userdata, FILE *out)
{
	const struct export_job *job = userdata;

	return tables_write_configurations_csv(job->analysis, out);
}

static int fill_runs(void *userdata, FILE *out)
{
	const struct export_job *job = userdata;

	return tables_write_runs_csv(job->analysis, out);
}

static int fill_metrics(void *userdata, FILE *out)
{
	const struct export_job *job = userdata;

	return tables_write_metrics_csv(job->analysis, out);
}

static int fill_explanation(void *userdata, FILE *out)
{
	const struct export_job *job = userdata;

	return tables_write_explanation_csv(job->analysis, out);
}

static int fill_boot(void *userdata, FILE *out)
{
	const struct export_job *job = userdata;

	return tables_write_boot_csv(job->analysis, out);
}

static int fill_threads(void *userdata, FILE *out)
{
	const struct export_job *job = userdata;

	return tables_write_threads_csv(job->analysis, out);
}

static int fill_stack_ends(void *userdata, FILE *out)
{
	const struct export_job *job = userdata;

	return tables_write_stack_ends_csv(job->analysis, out);
}

static int fill_stack_modules(void *userdata, FILE *out)
{
	const struct export_job *job = userdata;

	return tables_write_stack_modules_csv(job->analysis, out);
}

static int fill_noise_ranks(void *userdata, FILE *out)
{
	const struct export_job *job = userdata;

	return tables_write_noise_ranks_csv(job->analysis->noise, out);
}

static int fill_noise_peaks(void *userdata, FILE *out)
{
	const struct export_job *job = userdata;

	return tables_write_noise_peaks_csv(job->analysis, out);
}

int export_tables(const struct export_job *job)
{
	void *userdata = (void *)(uintptr_t)job;
	int r = output_file(job->output, "summary.csv", fill_configurations, userdata, job->error);

	if (r >= 0)
		r = output_file(job->output, "runs.csv", fill_runs, userdata, job->error);
	if (r >= 0 && job->analysis->explanation->n_metrics)
		r = output_file(job->output, "metrics.csv", fill_metrics, userdata, job->error);
	if (r >= 0 && store_tables(job->store)->n_threads)
		r = output_file(job->output, "threads.csv", fill_threads, userdata, job->error);
	if (r >= 0 && tables_has_stacks(job->analysis))
		r = output_file(
			job->output, "stack_ends.csv", fill_stack_ends, userdata, job->error);
	if (r >= 0 && tables_has_stacks(job->analysis))
		r = output_file(
			job->output, "stack_modules.csv", fill_stack_modules, userdata, job->error);
	if (r >= 0 && job->analysis->noise->any)
		r = output_file(
			job->output, "noise_peaks.csv", fill_noise_peaks, userdata, job->error);
	if (r >= 0 && job->analysis->noise->any)
		r = output_file(
			job->output, "noise_ranks.csv", fill_noise_ranks, userdata, job->error);
	if (r >= 0)
		r = output_file(
			job->output, "explanation.csv", fill_explanation, userdata, job->error);
	return r < 0 ? r : output_file(job->output, "boot.csv", fill_boot, userdata, job->error);
}

/* Older stores lack that one column of runs: in their tables it is empty. Malloced. */
static char *without_variant(const char *sql)
{
	const char *at = strstr(sql, VARIANT);
	char *changed = NULL;

	return asprintf(&changed, "%.*sNULL AS variant%s", (int)(at - sql), sql,
		       at + strlen(VARIANT)) < 0
		       ? NULL
		       : changed;
}

int export_csv(const struct export_job *job)
{
	bool old = !store_has_column(job->store, "run", "variant");
	int r = export_tables(job);

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(store_tables_sql); i++) {
		struct table_file table = {job, store_tables_sql[i].sql};
		_cleanup_free_ char *changed = NULL;

		if (store_tables_sql[i].table &&
			!store_has_table(job->store, store_tables_sql[i].table))
			continue;
		if (store_tables_sql[i].column &&
			!store_has_column(
				job->store, store_tables_sql[i].table, store_tables_sql[i].column))
			table.sql = store_tables_sql[i].old_sql;
		if (old) {
			changed = without_variant(table.sql);
			table.sql = changed;
		}
		if (!table.sql)
			return -ENOMEM;
		r = output_file(
			job->output, store_tables_sql[i].file, fill_table, &table, job->error);
	}
	return r < 0 ? r : export_timeline(job);
}
