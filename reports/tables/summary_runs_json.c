/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Every run individually, for the JSON document. */
#include <errno.h>
#include <string.h>

#include "reports/tables/columns.h"
#include "reports/tables/tables_internal.h"
#include "reports/text/json.h"

static const struct column phases[] = {
	{"name", NULL, COLUMN_TEXT, offsetof(struct store_phase, name)},
	{"start_ns", NULL, COLUMN_TIME, offsetof(struct store_phase, start_ns)},
	{"end_ns", NULL, COLUMN_TIME, offsetof(struct store_phase, end_ns)},
};

static const struct column audits[] = {
	{"phase", NULL, COLUMN_TEXT, offsetof(struct store_audit, phase)},
	{"lane", NULL, COLUMN_NUMBER, offsetof(struct store_audit, lane)},
	{"what", NULL, COLUMN_TEXT, offsetof(struct store_audit, what)},
	{"books_ns", NULL, COLUMN_TIME, offsetof(struct store_audit, books_ns)},
	{"other_ns", NULL, COLUMN_TIME, offsetof(struct store_audit, other_ns)},
	{"bound_ns", NULL, COLUMN_TIME, offsetof(struct store_audit, bound_ns)},
};

static const struct column counters[] = {
	{"name", NULL, COLUMN_TEXT, offsetof(struct store_counter, name)},
	{"value", NULL, COLUMN_NUMBER, offsetof(struct store_counter, value)},
	{"enabled_ns", NULL, COLUMN_TIME, offsetof(struct store_counter, enabled_ns)},
	{"running_ns", NULL, COLUMN_TIME, offsetof(struct store_counter, running_ns)},
};

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
static json_t *rows_of(
	const struct columns *c, const void *rows, size_t n, size_t row_size, int64_t run)
{
	const char *first = rows;
	size_t n_rows = 0;

	for (; n > 0 && *(const int64_t *)first != run; n--)
		first += row_size;
	while (n_rows < n && *(const int64_t *)(first + n_rows * row_size) == run)
		n_rows++;
	return columns_json_rows(c, first, n_rows, row_size);
}

#define ROWS_OF(list_, t, member, run)                                                             \
	rows_of(&(const struct columns)COLUMNS(list_), (t)->member, (t)->n_##member,               \
		sizeof(*(t)->member), run)

static json_t *command(const char *value)
{
	json_t *parsed = value ? json_loads(value, 0, NULL) : NULL;

	return parsed ? parsed : text(value);
}

static json_t *run_json(const struct summary *s, const struct store_run *run)
{
	const struct store_tables *t = store_tables(s->store);
	json_t *o = json_object();
	bool bad = columns_json(&run_columns, run, o);

	bad |= columns_json(&run_columns_end, run, o);
	bad |= put(o, "command", command(run->command));
	bad |= put(o, "phases", ROWS_OF(phases, t, phases, run->id));
	bad |= put(o, "boot_steps", boot_run_json(s, run->id));
	bad |= put(o, "accounts", run_accounts(t, run->id));
	bad |= put(o, "audits", ROWS_OF(audits, t, audits, run->id));
	bad |= put(o, "counters", ROWS_OF(counters, t, counters, run->id));
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
