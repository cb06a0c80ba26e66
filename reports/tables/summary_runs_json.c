/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Every run individually, for the JSON document. */
#include <errno.h>
#include <string.h>

#include "reports/tables/columns.h"
#include "reports/tables/tables_internal.h"
#include "reports/text/json.h"

#define ROW struct store_phase
static const struct column stored_phase_columns[] = {
	TABLE,
	COL("name", NULL, TEXT, name),
	COL("start_ns", NULL, TIME, start_ns),
	COL("end_ns", NULL, TIME, end_ns),
	{},
};
#undef ROW

#define ROW struct store_counter
static const struct column counter_columns[] = {
	TABLE,
	COL("name", NULL, TEXT, name),
	COL("value", NULL, NUMBER, value),
	COL("enabled_ns", NULL, TIME, enabled_ns),
	COL("running_ns", NULL, TIME, running_ns),
	{},
};
#undef ROW

static const char *metric_wish(const void *row)
{
	return output_wish_name(((const struct store_metric *)row)->wish);
}

#define ROW struct store_metric
static const struct column stored_metric_columns[] = {
	TABLE,
	COL("name", NULL, TEXT, name),
	COL("value", NULL, REAL, value),
	{"better", NULL, COLUMN_TEXT, .text = metric_wish},
	{},
};
#undef ROW

#define ROW struct store_output
static const struct column output_columns[] = {
	TABLE,
	COL("sha256", NULL, TEXT, sha256),
	COL("lines", NULL, NUMBER, lines),
	COL("bytes", NULL, NUMBER, bytes),
	COL("last", NULL, TEXT, last),
	COL("result", NULL, TEXT, result),
	{},
};
#undef ROW

/** Rows of one phase and state are neighbours; their details are summed. */
static json_t *run_accounts(const struct store_tables *t, int64_t run)
{
	json_t *array = json_array();
	bool bad = !array;

	for (size_t i = 0; i < t->n_accounts; i++) {
		const struct store_account *first = &t->accounts[i];
		int64_t ns = first->ns;
		bool exact = first->exact;
		json_t *o;

		if (first->run != run)
			continue;
		while (i + 1 < t->n_accounts && t->accounts[i + 1].run == run &&
			t->accounts[i + 1].phase == first->phase &&
			t->accounts[i + 1].state == first->state) {
			i++;
			/* A damaged store may hold anything: keep within bounds. */
			if (__builtin_add_overflow(ns, t->accounts[i].ns, &ns))
				ns = INT64_MAX;
			exact &= t->accounts[i].exact;
		}
		o = json_object();
		bad |= put(o, "phase", text(first->phase));
		bad |= put(o, "state", text(first->state));
		bad |= put(o, "ns", number(ns));
		bad |= put(o, "exact", json_boolean(exact));
		bad |= json_array_append_new(array, o) < 0;
	}
	return finish(array, bad);
}

/** The rows of @run: they are neighbours, and say first what run they are of. */
static json_t *rows_of(const struct column *c, const void *rows, size_t n, int64_t run)
{
	const char *first = rows;
	size_t n_rows = 0;

	for (; n > 0 && *(const int64_t *)first != run; n--)
		first += c->offset;
	while (n_rows < n && *(const int64_t *)(first + n_rows * c->offset) == run)
		n_rows++;
	return columns_json_rows(c, first, n_rows);
}

/** What the run's program wrote, or null where that was not asked for. */
static json_t *output(const struct store_tables *t, int64_t run)
{
	for (size_t i = 0; i < t->n_outputs; i++)
		if (t->outputs[i].run == run)
			return columns_json_row(output_columns, &t->outputs[i]);
	return json_null();
}

static json_t *command(const char *value)
{
	json_t *parsed = value ? json_loads(value, 0, NULL) : NULL;

	return parsed ? parsed : text(value);
}

static json_t *run_json(const struct summary *s, const struct store_run *run)
{
	const struct store_tables *t = store_tables(s->store);
	json_t *o = json_object();
	bool bad = columns_json(run_columns, run, o);

	bad |= columns_json(run_columns_end, run, o);
	bad |= put(o, "command", command(run->command));
	bad |= put(o, "phases", rows_of(stored_phase_columns, t->phases, t->n_phases, run->id));
	bad |= put(o, "boot_steps", boot_run_json(s, run->id));
	bad |= put(o, "accounts", run_accounts(t, run->id));
	bad |= put(o, "audits", rows_of(audit_columns, t->audits, t->n_audits, run->id));
	bad |= put(o, "counters", rows_of(counter_columns, t->counters, t->n_counters, run->id));
	bad |= put(o, "metrics", rows_of(stored_metric_columns, t->metrics, t->n_metrics, run->id));
	bad |= put(o, "output", output(t, run->id));
	if (!run->ok)
		bad |= put(o, "guest_at_failure", failure_json(s, run));
	return finish(o, bad);
}

int summary_add_runs_json(const struct summary *s, json_t *document)
{
	const struct store_tables *t = store_tables(s->store);
	json_t *array = json_array();
	bool bad = !array;

	for (size_t i = 0; i < t->n_runs; i++)
		bad |= json_array_append_new(array, run_json(s, &t->runs[i])) < 0;
	bad |= put(document, "runs", array);
	return bad ? -ENOMEM : 0;
}
