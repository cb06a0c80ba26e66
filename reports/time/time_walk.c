/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/time/time_walk.h"

#include <errno.h>
#include <stdlib.h>

#include "common/array.h"
#include "common/cleanup.h"

struct walk {
	struct time_place place;
	struct time_meaning *meanings;
	int64_t end_ns; /* of the block */
	time_visit_t visit;
	void *userdata;
};

bool time_is_there(struct store_reader *store)
{
	return store_has_table(store, "timeline") && store_has_table(store, "timeline_detail");
}

int time_meanings(struct store_reader *store, int64_t run, struct time_meaning **ret, size_t *ret_n)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	_cleanup_free_ struct time_meaning *list = NULL;
	size_t n = 0;
	int r = store_prepare(store, &query,
		"SELECT id, state, detail, taken_by FROM timeline_detail WHERE run = ?1 ORDER BY id");

	if (r < 0)
		return r;
	sqlite3_bind_int64(query, 1, run);
	while ((r = store_step(store, query)) > 0) {
		struct time_meaning one = {
			.state = store_text(store, query, 1),
			.detail = store_text(store, query, 2),
			.taken_by = sqlite3_column_type(query, 3) == SQLITE_NULL
					    ? ""
					    : store_text(store, query, 3),
		};

		if (sqlite3_column_int64(query, 0) != (int64_t)n)
			return -EBADMSG;
		if (!one.state || !one.detail || !one.taken_by || ARRAY_ADD(list, n, one) < 0)
			return -ENOMEM;
	}
	if (r < 0)
		return r;
	*ret = list;
	list = NULL;
	*ret_n = n;
	return 0;
}

static int read_meanings(struct store_reader *store, struct walk *w)
{
	free(w->meanings);
	w->meanings = NULL;
	w->place.n_meanings = 0;
	return time_meanings(store, w->place.run, &w->meanings, &w->place.n_meanings);
}

static bool is_known(const struct time_place *place, const struct timeline_item *item)
{
	if (item->kind == TIMELINE_INTERVAL && item->what >= place->n_meanings)
		return false;
	for (uint32_t i = 0; i < item->n_parts; i++)
		if (item->parts[i].what >= place->n_meanings)
			return false;
	return true;
}

static int walk_block(struct walk *w, struct timeline_reader *reader)
{
	struct timeline_item item;
	int r;

	w->place.meanings = w->meanings;
	while ((r = timeline_next(reader, &item)) > 0) {
		r = is_known(&w->place, &item) ? w->visit(&w->place, &item, w->userdata) : -EBADMSG;
		if (r < 0)
			return r;
	}
	return r < 0 || reader->begin_ns != (uint64_t)w->end_ns ? -EBADMSG : 0;
}

static int walk_row(struct store_reader *store, struct walk *w, sqlite3_stmt *query)
{
	const void *data = sqlite3_column_blob(query, 5);
	struct timeline_reader reader = timeline_read(data, (size_t)sqlite3_column_bytes(query, 5),
		(uint64_t)sqlite3_column_int64(query, 3));
	int64_t run = sqlite3_column_int64(query, 0);
	int r = 0;

	w->place.lane = sqlite3_column_int64(query, 1);
	w->place.phase = store_text(store, query, 2);
	w->end_ns = sqlite3_column_int64(query, 4);
	if (!w->place.phase)
		return -ENOMEM;
	if (!w->meanings || w->place.run != run) {
		w->place.run = run;
		r = read_meanings(store, w);
	}
	return r < 0 ? r : walk_block(w, &reader);
}

static int tell(struct store_reader *store, const struct walk *w, int r, struct error *error)
{
	if (r != -EBADMSG)
		return r;
	if (*store_reader_error(store))
		return error_set(error, r, "%s", store_reader_error(store));
	return error_set(error, r, "the timeline of lane %lld in run %lld is damaged",
		(long long)w->place.lane, (long long)w->place.run);
}

int time_walk(struct store_reader *store, int64_t run, time_visit_t visit, void *userdata,
	struct error *error)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	struct walk w = {.visit = visit, .userdata = userdata};
	int r = store_prepare(store, &query,
		"SELECT run, lane, phase, begin_ns, end_ns, data FROM timeline"
		" WHERE ?1 IS NULL OR run = ?1 ORDER BY run, lane, begin_ns");

	if (r >= 0 && run != STORE_NULL)
		sqlite3_bind_int64(query, 1, run);
	while (r >= 0 && (r = store_step(store, query)) > 0)
		r = walk_row(store, &w, query);
	free(w.meanings);
	return r < 0 ? tell(store, &w, r, error) : 0;
}
