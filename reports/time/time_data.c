/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/time/time_data.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "reports/text/json_text.h"
#include "reports/time/base64.h"
#include "reports/time/time_samples.h"
#include "reports/time/time_walk.h"

/* Of a block, beside its data. A row takes half of it. */
#define BYTES_BLOCK 80
/* More than any store has. */
#define BYTES_MOST (1LL << 40)

/** Adds what @sql says of each run. */
static int add_bytes(struct store_reader *store, const char *table, const char *sql, size_t *bytes)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	const struct store_tables *t = store_tables(store);
	int r;

	if (!store_has_table(store, table))
		return 0;
	r = store_prepare(store, &query, sql);
	while (r >= 0 && (r = store_step(store, query)) > 0) {
		const struct store_run *run = store_run(store, store_number(query, 0));
		int64_t data = store_number(query, 1), n = store_number(query, 2);

		if (run && data >= 0 && data < BYTES_MOST && n >= 0 && n < BYTES_MOST)
			bytes[run - t->runs] += (size_t)(data * 4 / 3 + n * BYTES_BLOCK);
	}
	return r;
}

int time_data_bytes(struct store_reader *store, size_t **ret)
{
	_cleanup_free_ size_t *bytes = calloc(store_tables(store)->n_runs + 1, sizeof(*bytes));
	int r;

	if (!bytes)
		return -ENOMEM;
	if (time_is_there(store)) {
		r = add_bytes(store, "timeline",
			"SELECT run, sum(length(data)), count(*) FROM timeline GROUP BY run",
			bytes);
		if (r >= 0)
			r = add_bytes(store, "row",
				"SELECT run, 0, count(*) / 2 FROM row WHERE run IN (SELECT run FROM timeline)"
				" GROUP BY run",
				bytes);
		if (r >= 0)
			r = add_bytes(store, "sample_time",
				"SELECT run, sum(length(data)), count(*) FROM sample_time"
				" WHERE run IN (SELECT run FROM timeline) GROUP BY run",
				bytes);
		/* With its stack and the names that are new in it, about. */
		if (r >= 0 && time_has_samples(store))
			r = add_bytes(store, "sample",
				"SELECT run, 0, count(*) * 5 / 2 FROM sample WHERE number IS NOT NULL"
				" AND run IN (SELECT run FROM timeline) GROUP BY run",
				bytes);
		if (r < 0)
			return r;
	}
	*ret = bytes;
	bytes = NULL;
	return 0;
}

int64_t time_since(const struct store_run *run, int64_t ns)
{
	int64_t since;

	if (ns == STORE_NULL || run->start_ns == STORE_NULL ||
		__builtin_sub_overflow(ns, run->start_ns, &since))
		return 0;
	return since;
}

/** The query's numbers from @column on, as instants of the run. */
static void put_instants(const struct store_run *run, sqlite3_stmt *query, int column, FILE *out)
{
	fprintf(out, "%" PRId64 ",%" PRId64, time_since(run, store_number(query, column)),
		time_since(run, store_number(query, column + 1)));
}

static int put_details(struct store_reader *store, const struct store_run *run, FILE *out)
{
	_cleanup_free_ struct time_meaning *list = NULL;
	size_t n = 0;
	int r = time_meanings(store, run->id, &list, &n);

	fputs(",\"details\":[", out);
	for (size_t i = 0; i < n; i++) {
		fputs(i ? ",[" : "[", out);
		json_put_text(out, list[i].state);
		fputc(',', out);
		json_put_text(out, list[i].detail);
		fputc(',', out);
		json_put_text(out, list[i].taken_by);
		fputc(']', out);
	}
	fputc(']', out);
	return r;
}

static void put_phases(struct store_reader *store, const struct store_run *run, FILE *out)
{
	const struct store_tables *t = store_tables(store);
	size_t n = 0;

	fputs(",\"phases\":[", out);
	for (size_t i = 0; i < t->n_phases; i++) {
		const struct store_phase *p = &t->phases[i];

		if (p->run != run->id)
			continue;
		fputs(n++ ? ",[" : "[", out);
		json_put_text(out, p->name);
		fprintf(out, ",%" PRId64 ",%" PRId64 "]", time_since(run, p->start_ns),
			time_since(run, p->end_ns));
	}
	fputc(']', out);
}

static int put_lane(
	struct store_reader *store, const struct store_run *run, sqlite3_stmt *query, FILE *out)
{
	int n = 0, r;

	while ((r = store_step(store, query)) > 0) {
		const char *phase = store_text(store, query, 0);
		const void *data = sqlite3_column_blob(query, 5);

		if (!phase)
			return -ENOMEM;
		fputs(n++ ? ",[" : "[", out);
		json_put_text(out, phase);
		fprintf(out, ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",\"",
			time_since(run, store_number(query, 1)), store_number(query, 2),
			store_number(query, 3), store_number(query, 4));
		base64_put(out, data, (size_t)sqlite3_column_bytes(query, 5));
		fputs("\"]", out);
	}
	return r;
}

static int put_lanes(struct store_reader *store, const struct store_run *run, FILE *out)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	int r = store_prepare(store, &query,
		"SELECT phase, begin_ns, merged, merged_ns, lost_ns, data FROM timeline"
		" WHERE run = ?1 AND lane = ?2 ORDER BY begin_ns");

	fputs(",\n\"lanes\":[", out);
	for (int64_t lane = 0; r >= 0 && lane < run->cores; lane++) {
		sqlite3_reset(query);
		sqlite3_bind_int64(query, 1, run->id);
		sqlite3_bind_int64(query, 2, lane);
		fputs(lane ? ",\n[" : "[", out);
		r = put_lane(store, run, query, out);
		fputc(']', out);
	}
	fputc(']', out);
	return r;
}

static int put_rows(struct store_reader *store, const struct store_run *run, FILE *out)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	int n = 0,
	    r = store_prepare(store, &query,
		    "SELECT task, lane, start_ns, end_ns FROM row WHERE run = ?1 AND lane >= 0"
		    " ORDER BY lane, start_ns");

	fputs(",\n\"rows\":[", out);
	if (r >= 0)
		sqlite3_bind_int64(query, 1, run->id);
	while (r >= 0 && (r = store_step(store, query)) > 0) {
		fprintf(out, "%s[%" PRId64 ",%" PRId64 ",", n++ ? "," : "", store_number(query, 0),
			store_number(query, 1));
		put_instants(run, query, 2, out);
		fputc(']', out);
	}
	fputc(']', out);
	return r;
}

int time_data_write(struct store_reader *store, const struct store_run *run, FILE *out)
{
	int r;

	fprintf(out, "{\"run\":%" PRId64, run->id);
	put_phases(store, run, out);
	r = put_details(store, run, out);
	if (r >= 0)
		r = put_lanes(store, run, out);
	if (r >= 0)
		r = put_rows(store, run, out);
	if (r >= 0 && time_has_samples(store))
		r = time_samples_write(store, run, out);
	fputs("}\n", out);
	return r;
}
