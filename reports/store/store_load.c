/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "reports/store/store_internal.h"

/** Fills one element from one row. Texts that must be there are checked by the caller's schema. */
typedef void (*read_row_t)(struct store_reader *s, sqlite3_stmt *row, void *element);

static const char *text_or_empty(struct store_reader *s, sqlite3_stmt *row, int column)
{
	const char *text = store_text(s, row, column);

	return text ? text : "";
}

static void read_run(struct store_reader *s, sqlite3_stmt *row, void *element)
{
	struct store_run *run = element;

	*run = (struct store_run){
		.id = store_number(row, 0),
		.guest = text_or_empty(s, row, 1),
		.cores = store_number(row, 2),
		.scenario = text_or_empty(s, row, 3),
		.repetition = store_number(row, 4),
		.position = store_number(row, 5),
		.accel = text_or_empty(s, row, 6),
		.status = text_or_empty(s, row, 7),
		.error = store_text(s, row, 8),
		.start_ns = store_number(row, 9),
		.end_ns = store_number(row, 10),
		.boot_ns = store_number(row, 11),
		.runtime_ns = store_number(row, 12),
		.guest_runtime_ns = store_number(row, 13),
		.lost_events = store_number(row, 14),
		.closed = store_number(row, 15),
		.audited = store_number(row, 16),
		.residual_ns = store_number(row, 17),
		.start_utc = store_text(s, row, 18),
		.split = store_text(s, row, 19),
		.frequency_hz = store_number(row, 20),
		.command = store_text(s, row, 21),
		.raster_sha256 = store_text(s, row, 22),
		.block = store_number(row, 23),
		.counted = sqlite3_column_int(row, 24),
		.label = text_or_empty(s, row, 25),
		.variant = text_or_empty(s, row, 26),
	};
	run->ok = strcmp(run->status, "ok") == 0;
}

static void read_setting(struct store_reader *s, sqlite3_stmt *row, void *element)
{
	const char *value = store_lines(s, row, 1);

	*(struct store_setting *)element =
		(struct store_setting){text_or_empty(s, row, 0), value ? value : ""};
}

static void read_phase(struct store_reader *s, sqlite3_stmt *row, void *element)
{
	*(struct store_phase *)element = (struct store_phase){store_number(row, 0),
		text_or_empty(s, row, 1), store_number(row, 2), store_number(row, 3)};
}

static void read_account(struct store_reader *s, sqlite3_stmt *row, void *element)
{
	*(struct store_account *)element = (struct store_account){
		.run = store_number(row, 0),
		.phase = text_or_empty(s, row, 1),
		.helper = sqlite3_column_int(row, 2),
		.state = text_or_empty(s, row, 3),
		.detail = text_or_empty(s, row, 4),
		.ns = store_number(row, 5),
		.exact = sqlite3_column_int(row, 6),
		.count = store_number(row, 7),
	};
}

static void read_split(struct store_reader *s, sqlite3_stmt *row, void *element)
{
	*(struct store_split *)element = (struct store_split){store_number(row, 0),
		text_or_empty(s, row, 1), store_number(row, 2), store_number(row, 3)};
}

static void read_audit(struct store_reader *s, sqlite3_stmt *row, void *element)
{
	*(struct store_audit *)element = (struct store_audit){
		.run = store_number(row, 0),
		.phase = text_or_empty(s, row, 1),
		.lane = store_number(row, 2),
		.what = text_or_empty(s, row, 3),
		.books_ns = store_number(row, 4),
		.other_ns = store_number(row, 5),
		.bound_ns = store_number(row, 6),
	};
}

static void read_counter(struct store_reader *s, sqlite3_stmt *row, void *element)
{
	*(struct store_counter *)element =
		(struct store_counter){store_number(row, 0), text_or_empty(s, row, 1),
			store_number(row, 2), store_number(row, 3), store_number(row, 4)};
}

/* A damaged store may hold anything: what is no number is not known. */
static double real_number(sqlite3_stmt *row, int column)
{
	int type = sqlite3_column_type(row, column);
	double value = sqlite3_column_double(row, column);

	return (type == SQLITE_FLOAT || type == SQLITE_INTEGER) && isfinite(value) ? value : NAN;
}

static enum output_wish read_wish(const char *word)
{
	for (enum output_wish wish = WISH_HIGHER; word && wish <= WISH_LOWER; wish++)
		if (strcmp(word, output_wish_name(wish)) == 0)
			return wish;
	return WISH_NONE;
}

static void read_metric(struct store_reader *s, sqlite3_stmt *row, void *element)
{
	*(struct store_metric *)element = (struct store_metric){
		.run = store_number(row, 0),
		.name = text_or_empty(s, row, 1),
		.value = real_number(row, 2),
		.wish = read_wish(store_text(s, row, 3)),
	};
}

static void read_output(struct store_reader *s, sqlite3_stmt *row, void *element)
{
	*(struct store_output *)element = (struct store_output){
		.run = store_number(row, 0),
		.sha256 = text_or_empty(s, row, 1),
		.lines = store_number(row, 2),
		.bytes = store_number(row, 3),
		.last = text_or_empty(s, row, 4),
		.result = store_text(s, row, 5),
	};
}

static void read_thread(struct store_reader *s, sqlite3_stmt *row, void *element)
{
	*(struct store_thread *)element = (struct store_thread){
		.run = store_number(row, 0),
		.name = text_or_empty(s, row, 1),
		.threads = store_number(row, 2),
		.processes = store_number(row, 3),
		.cpu_ns = store_number(row, 4),
		.wait_ns = store_number(row, 5),
		.wait_siblings_ns = store_number(row, 6),
		.blocked_ns = store_number(row, 7),
		.switches = store_number(row, 8),
		.migrations = store_number(row, 9),
		.cause = store_text(s, row, 10),
		.cause_ns = store_number(row, 11),
	};
}

static void read_warning(struct store_reader *s, sqlite3_stmt *row, void *element)
{
	*(struct store_warning *)element =
		(struct store_warning){store_number(row, 0), text_or_empty(s, row, 1)};
}

/*
 * Sums are total(), a floating-point sum, cast back: sum() raises an error on overflow, which a
 * hostile store could provoke, and total() is exact below 2^53 ns = 104 days.
 */
#define RUN_SQL(variant)                                                                           \
	"SELECT id, guest, cores, scenario, repetition, position, accel, status, error, start_ns," \
	" end_ns, boot_ns, runtime_ns, guest_runtime_ns, lost_events, closed, audited,"            \
	" residual_ns, start_utc, split, frequency_hz, command, raster_sha256,"                    \
	" block, counted, label, " variant                                                         \
	" FROM run WHERE id IS NOT NULL AND cores BETWEEN 1 AND 65536 ORDER BY id"
/* Who took the CPU is said with the name, where it was one of the stack or the collector. */
#define ACCOUNT_SQL(detail)                                                                        \
	"SELECT run, phase, lane < 0 AS helper, state, " detail " AS words,"                       \
	" CAST(total(ns) AS INTEGER), min(exact <> 0),"                                            \
	" CASE WHEN count(count) > 0 THEN CAST(total(count) AS INTEGER) END"                       \
	" FROM account GROUP BY run, phase, helper, state, words ORDER BY run, phase, state"
#define DETAIL_AND_TAKER                                                                           \
	"CASE WHEN taken_by IS NULL OR taken_by = 'other' THEN detail"                             \
	" ELSE detail || ' (' || taken_by || ')' END"
#define SPLIT_SQL                                                                                  \
	"SELECT run, phase, CAST(total(lane_ns) AS INTEGER), CAST(total(lane_samples) AS INTEGER)" \
	" FROM (SELECT run, phase, lane, total(ns) AS lane_ns, max(coalesce(samples, 0))"          \
	" AS lane_samples FROM account WHERE exact = 0 AND lane >= 0 GROUP BY run, phase, lane)"   \
	" GROUP BY run, phase"
#define COUNTER_SQL                                                                                \
	"SELECT run, name, CASE WHEN count(value) = count(*) THEN CAST(total(value) AS INTEGER) "  \
	"END,"                                                                                     \
	" CAST(total(enabled_ns) AS INTEGER), CAST(total(running_ns) AS INTEGER)"                  \
	" FROM counter GROUP BY run, name ORDER BY run, min(rowid)"

#define METRIC_SQL "SELECT run, name, value, better FROM metric ORDER BY run, rowid"
#define OUTPUT_SQL "SELECT run, sha256, lines, bytes, last, result FROM output ORDER BY run, rowid"
/* max() of the aggregate takes detail from the same row. */
#define THREAD_SQL                                                                                 \
	"SELECT t.run, t.name, t.threads, t.processes, t.cpu, t.wait, t.siblings, t.blocked,"      \
	" t.switches, t.migrations, c.detail, max(c.ns) FROM"                                      \
	" (SELECT run, name, CAST(total(threads) AS INTEGER) AS threads,"                          \
	" count(DISTINCT process) AS processes, CAST(total(cpu_ns) AS INTEGER) AS cpu,"            \
	" CAST(total(wait_ns) AS INTEGER) AS wait,"                                                \
	" CAST(total(wait_siblings_ns) AS INTEGER) AS siblings,"                                   \
	" CAST(total(blocked_ns) AS INTEGER) AS blocked,"                                          \
	" CAST(total(switches) AS INTEGER) AS switches,"                                           \
	" CAST(total(migrations) AS INTEGER) AS migrations FROM thread GROUP BY run, name) AS t"   \
	" LEFT JOIN (SELECT b.run, name, detail, CAST(total(ns) AS INTEGER) AS ns"                 \
	" FROM thread_blocked AS b JOIN thread ON thread.run = b.run AND thread.id = b.thread"     \
	" GROUP BY 1, 2, 3) AS c ON c.run = t.run AND c.name = t.name"                             \
	" GROUP BY t.run, t.name ORDER BY t.run, t.cpu DESC, t.name"

/* In place of a table that older stores have not. */
#define NO_ROWS "SELECT NULL, NULL, NULL, NULL, NULL, NULL LIMIT 0"

static int load_table(struct store_reader *s, const char *sql, read_row_t read, size_t size,
	void **ret, size_t *ret_n)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	_cleanup_free_ char *elements = NULL;
	size_t n = 0;
	int r = store_prepare(s, &query, sql);

	if (r < 0)
		return r;
	while ((r = store_step(s, query)) > 0) {
		char *larger = array_larger(elements, n, 1, size);

		if (!larger)
			return error_set_errno(&s->last, -ENOMEM, "cannot read %s", s->path);
		elements = larger;
		read(s, query, elements + n * size);
		n++;
	}
	if (r < 0)
		return r;
	*ret = TAKE_PTR(elements);
	*ret_n = n;
	return 0;
}

int store_load(struct store_reader *s)
{
	struct store_tables *t = &s->tables;
	const struct {
		const char *sql;
		read_row_t read;
		size_t size;
		void *elements;
		size_t *n;
	} plan[] = {
		{store_has_column(s, "run", "variant") ? RUN_SQL("variant") : RUN_SQL("NULL"),
			read_run, sizeof(*t->runs), &t->runs, &t->n_runs},
		{"SELECT key, value FROM experiment ORDER BY key", read_setting,
			sizeof(*t->settings), &t->settings, &t->n_settings},
		{"SELECT run, name, start_ns, end_ns FROM phase ORDER BY run, start_ns", read_phase,
			sizeof(*t->phases), &t->phases, &t->n_phases},
		{store_has_column(s, "account", "taken_by") ? ACCOUNT_SQL(DETAIL_AND_TAKER)
							    : ACCOUNT_SQL("detail"),
			read_account, sizeof(*t->accounts), &t->accounts, &t->n_accounts},
		{SPLIT_SQL, read_split, sizeof(*t->splits), &t->splits, &t->n_splits},
		{"SELECT run, phase, lane, what, books_ns, other_ns, bound_ns FROM audit"
		 " ORDER BY run, phase, lane, what",
			read_audit, sizeof(*t->audits), &t->audits, &t->n_audits},
		{store_has_table(s, "metric") ? METRIC_SQL : NO_ROWS, read_metric,
			sizeof(*t->metrics), &t->metrics, &t->n_metrics},
		{store_has_table(s, "output") ? OUTPUT_SQL : NO_ROWS, read_output,
			sizeof(*t->outputs), &t->outputs, &t->n_outputs},
		{store_has_table(s, "thread") ? THREAD_SQL : NO_ROWS, read_thread,
			sizeof(*t->threads), &t->threads, &t->n_threads},
		{COUNTER_SQL, read_counter, sizeof(*t->counters), &t->counters, &t->n_counters},
		{"SELECT run, text FROM warning ORDER BY run IS NOT NULL, run, rowid", read_warning,
			sizeof(*t->warnings), &t->warnings, &t->n_warnings},
	};

	for (size_t i = 0; i < ARRAY_SIZE(plan); i++) {
		void *elements = NULL;
		int r = load_table(
			s, plan[i].sql, plan[i].read, plan[i].size, &elements, plan[i].n);

		if (r < 0)
			return r;
		memcpy(plan[i].elements, &elements, sizeof(elements));
	}
	return 0;
}

static void read_stack(struct store_reader *s, sqlite3_stmt *row, void *element)
{
	(void)s;
	*(struct store_stack *)element = (struct store_stack){
		store_number(row, 0), store_number(row, 1), store_number(row, 2)};
}

static void read_frame(struct store_reader *s, sqlite3_stmt *row, void *element)
{
	struct store_frame *frame = element;

	*frame = (struct store_frame){store_number(row, 0), text_or_empty(s, row, 1),
		text_or_empty(s, row, 2), text_or_empty(s, row, 3), store_number(row, 4) == 1};
	if (!*frame->symbol)
		frame->symbol = "[unknown]";
}

int store_stacks(struct store_reader *s, const struct store_stacks **ret)
{
	struct store_stacks *t = &s->stacks;
	void *elements = NULL;
	int r;

	if (s->has_stacks) {
		*ret = t;
		return 0;
	}
	r = load_table(s, "SELECT id, parent, frame FROM stack ORDER BY id", read_stack,
		sizeof(*t->stacks), &elements, &t->n_stacks);
	if (r < 0)
		return r;
	free(t->stacks);
	t->stacks = elements;
	r = load_table(s, "SELECT id, side, module, symbol, inlined FROM frame ORDER BY id",
		read_frame, sizeof(*t->frames), &elements, &t->n_frames);
	if (r < 0)
		return r;
	t->frames = elements;
	s->has_stacks = true;
	*ret = t;
	return 0;
}

void store_set_order(struct store_reader *s, enum stack_order order)
{
	s->stacks.order = order;
}

/** Both kinds of rows begin with their id. */
static int compare_id(const void *key, const void *row)
{
	int64_t a = *(const int64_t *)key, b = *(const int64_t *)row;

	return (a > b) - (a < b);
}

/** The row of that id: mostly the id's own place, as ids count from 1 without a gap. */
static const void *find_id(const void *rows, size_t n, size_t size, int64_t id)
{
	if (id >= 1 && (uint64_t)id <= n) {
		const void *row = (const char *)rows + (size_t)(id - 1) * size;

		if (*(const int64_t *)row == id)
			return row;
	}
	return n ? bsearch(&id, rows, n, size, compare_id) : NULL;
}

const struct store_stack *store_stack(const struct store_stacks *s, int64_t id)
{
	return find_id(s->stacks, s->n_stacks, sizeof(*s->stacks), id);
}

const struct store_frame *store_frame(const struct store_stacks *s, int64_t id)
{
	return find_id(s->frames, s->n_frames, sizeof(*s->frames), id);
}
