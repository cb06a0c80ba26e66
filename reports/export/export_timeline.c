/* SPDX-License-Identifier: GPL-2.0-or-later */

/* timeline.csv: the store's blocks of intervals, flat. */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "common/timeline_code.h"
#include "reports/export/export.h"
#include "reports/text/csv.h"

/* What the numbers in the blocks of a run mean: a row of timeline_detail. */
struct meaning {
	const char *state, *detail, *taken_by;
};

struct meanings {
	int64_t run;
	struct meaning *list; /* by number */
	size_t n;
};

/* A block, and what it is of. */
struct block {
	int64_t run, lane, end_ns;
	const char *phase;
	struct timeline_reader reader;
};

static int read_meanings(struct store_reader *store, struct meanings *m, int64_t run)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	int r = store_prepare(store, &query,
		"SELECT id, state, detail, taken_by FROM timeline_detail WHERE run = ?1 ORDER BY id");

	m->run = run;
	m->n = 0;
	if (r < 0)
		return r;
	sqlite3_bind_int64(query, 1, run);
	while ((r = store_step(store, query)) > 0) {
		struct meaning one = {
			.state = store_text(store, query, 1),
			.detail = store_text(store, query, 2),
			.taken_by = sqlite3_column_type(query, 3) == SQLITE_NULL
					    ? ""
					    : store_text(store, query, 3),
		};

		if (sqlite3_column_int64(query, 0) != (int64_t)m->n)
			return -EBADMSG;
		if (!one.state || !one.detail || !one.taken_by || ARRAY_ADD(m->list, m->n, one) < 0)
			return -ENOMEM;
	}
	return r;
}

static void put_line(FILE *out, const struct block *b, const struct timeline_item *item,
	const struct meaning *what, uint64_t ns)
{
	const uint64_t end_ns = item->begin_ns + item->ns;

	fprintf(out, "%" PRId64 ",", b->run);
	csv_text(out, b->phase);
	fprintf(out, ",%" PRId64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",", (int64_t)b->lane,
		item->begin_ns, end_ns, ns);
	csv_text(out, what->state);
	fputc(',', out);
	csv_text(out, what->detail);
	fputc(',', out);
	csv_text(out, what->taken_by);
	fputc(',', out);
	if (item->kind == TIMELINE_INTERVAL && item->cpu != TIMELINE_CPU_NONE)
		fprintf(out, "%u", item->cpu);
	fprintf(out, ",%llu\n", (unsigned long long)item->count);
}

static int put_item(FILE *out, const struct block *b, const struct timeline_item *item,
	const struct meanings *m)
{
	static const struct meaning lost = {"lost", "", ""};

	if (item->kind == TIMELINE_GAP)
		put_line(out, b, item, &lost, item->ns);
	else if (item->kind == TIMELINE_INTERVAL && item->what < m->n)
		put_line(out, b, item, &m->list[item->what], item->ns);
	else if (item->kind == TIMELINE_INTERVAL)
		return -EBADMSG;
	for (uint32_t i = 0; i < item->n_parts; i++) {
		if (item->parts[i].what >= m->n)
			return -EBADMSG;
		put_line(out, b, item, &m->list[item->parts[i].what], item->parts[i].ns);
	}
	return 0;
}

static int put_block(FILE *out, struct block *b, const struct meanings *m)
{
	struct timeline_item item;
	int r;

	while ((r = timeline_next(&b->reader, &item)) > 0) {
		r = put_item(out, b, &item, m);
		if (r < 0)
			return r;
	}
	return r < 0 || b->reader.begin_ns != (uint64_t)b->end_ns ? -EBADMSG : 0;
}

static int damaged(const struct export_job *job, int r, const struct block *b)
{
	if (r != -EBADMSG || *store_reader_error(job->store))
		return export_store_error(job, r);
	return error_set(job->error, r, "the timeline of lane %lld in run %lld is damaged",
		(long long)b->lane, (long long)b->run);
}

static int fill_blocks(const struct export_job *job, struct meanings *m, FILE *out)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	struct block b = {0};
	int r = store_prepare(job->store, &query,
		"SELECT run, lane, phase, begin_ns, end_ns, data FROM timeline"
		" ORDER BY run, lane, begin_ns");

	while (r >= 0 && (r = store_step(job->store, query)) > 0) {
		const void *data = sqlite3_column_blob(query, 5);

		b.run = sqlite3_column_int64(query, 0);
		b.lane = sqlite3_column_int64(query, 1);
		b.phase = store_text(job->store, query, 2);
		b.end_ns = sqlite3_column_int64(query, 4);
		b.reader = timeline_read(data, (size_t)sqlite3_column_bytes(query, 5),
			(uint64_t)sqlite3_column_int64(query, 3));
		if (!b.phase)
			return -ENOMEM;
		if (!m->list || m->run != b.run)
			r = read_meanings(job->store, m, b.run);
		if (r >= 0)
			r = put_block(out, &b, m);
	}
	return r < 0 ? damaged(job, r, &b) : 0;
}

static int fill(void *userdata, FILE *out)
{
	const struct export_job *job = userdata;
	struct meanings m = {0};
	int r;

	fputs("run,phase,lane,begin_ns,end_ns,ns,state,detail,taken_by,cpu,merged\n", out);
	r = fill_blocks(job, &m, out);
	free(m.list);
	return r;
}

int export_timeline(const struct export_job *job)
{
	void *userdata = (void *)(uintptr_t)job;

	if (!store_has_table(job->store, "timeline") ||
		!store_has_table(job->store, "timeline_detail"))
		return 0;
	return output_file(job->output, "timeline.csv", fill, userdata, job->error);
}
