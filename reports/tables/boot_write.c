/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The boot's steps as text, CSV and JSON. */

#include <errno.h>
#include <math.h>

#include "common/boot_step.h"
#include "common/cleanup.h"
#include "common/utf8.h"
#include "reports/tables/columns.h"
#include "reports/tables/tables_internal.h"
#include "reports/text/csv.h"
#include "reports/text/format.h"
#include "reports/text/json.h"

#define NAME_WIDTH   18
#define SOURCE_LEAST 20
#define SOURCE_MOST  36

/* What the other columns leave. */
static int source_width(FILE *out)
{
	int left = table_width(out) - (NAME_WIDTH + 2) - columns_width(boot_columns) - 7 - 2;

	if (left < SOURCE_LEAST)
		return SOURCE_LEAST;
	return left > SOURCE_MOST ? SOURCE_MOST : left;
}

static void put_step(struct table *t, const struct boot_part *p, double boot_ns, int source_columns)
{
	char name[256], source[256];

	snprintf(name, sizeof(name), "  %.*s", (int)utf8_within(p->name, 200), p->name);
	snprintf(source, sizeof(source), "  %.*s", (int)utf8_within(p->source, 200), p->source);
	table_cell(t, name, NAME_WIDTH + 2);
	columns_put(boot_columns, p, t);
	table_cell(t, format_percent(p->mean_ns, boot_ns).text, -7);
	table_cell(t, source, source_columns + 2);
	table_row(t);
}

static int put_configuration(
	struct table *t, const struct boot_configuration *c, int source_columns)
{
	char other[64] = "";
	int r;

	if (c->n_other)
		snprintf(other, sizeof(other), " (%zu more with other steps)", c->n_other);
	r = put_configuration_line(t, c->configuration, ": %s s, %zu %s%s",
		format_spread(&c->boot_ns).text, c->n_runs, c->n_runs == 1 ? "run" : "runs", other);
	for (size_t i = 0; i < c->n_steps; i++)
		put_step(t, &c->steps[i], c->boot_ns.mean, source_columns);
	return r;
}

int boot_write_text(const struct boot_report *b, FILE *out, const struct style *style)
{
	int q, r = 0;
	struct table *t;

	if (b->n_configurations == 0)
		return 0;
	fprintf(out, "\n%sBoot, taken apart%s\n", style->bold, style->plain);
	t = table_begin();
	table_cell(t, "step", NAME_WIDTH + 2);
	columns_put_titles(boot_columns, t);
	table_cell(t, "%", -7);
	table_cell(t, "  its end is marked by", source_width(out) + 2);
	table_row(t);
	for (size_t i = 0; i < b->n_configurations && r == 0; i++)
		r = put_configuration(t, &b->configurations[i], source_width(out));
	q = table_end(t, out, style);
	return r < 0 ? r : q;
}

int tables_write_boot_csv(const struct analysis *a, FILE *out)
{
	const struct boot_report *b = a->boot;

	fputs("guest,cores,position", out);
	columns_csv_names(boot_columns, false, out);
	fputc('\n', out);
	for (size_t i = 0; i < b->n_configurations; i++) {
		const struct boot_configuration *c = &b->configurations[i];

		for (size_t j = 0; j < c->n_steps; j++) {
			csv_text(out, c->configuration->name);
			fprintf(out, ",%lld,%zu", (long long)c->configuration->cores, j);
			columns_csv(boot_columns, &c->steps[j], false, out);
			fputc('\n', out);
		}
	}
	return ferror(out) ? -EIO : 0;
}

json_t *boot_configuration_json(
	const struct boot_report *b, const struct configuration *configuration)
{
	const struct boot_configuration *c = boot_report_configuration(b, configuration);

	return columns_json_rows(boot_columns, c ? c->steps : NULL, c ? c->n_steps : 0);
}

json_t *boot_run_json(const struct summary *s, int64_t run)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	json_t *array = json_array();
	bool bad = !array;
	int r;

	if (!store_has_table(s->store, "boot_step"))
		return array;
	r = store_prepare(s->store, &query,
		"SELECT name, start_ns, end_ns, source FROM boot_step WHERE run = ? ORDER BY "
		"position");
	if (r >= 0)
		sqlite3_bind_int64(query, 1, run);
	while (r >= 0 && (r = store_step(s->store, query)) > 0) {
		json_t *o = json_object();

		bad |= put(o, "name", text(store_text(s->store, query, 0)));
		bad |= put(o, "start_ns", number(store_number(query, 1)));
		bad |= put(o, "end_ns", number(store_number(query, 2)));
		bad |= put(o, "source", text(store_text(s->store, query, 3)));
		bad |= json_array_append_new(array, o) < 0;
	}
	return finish(array, bad || r < 0);
}
