/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/store/store_merge.h"

enum { BIND_RUN = 1, BIND_FRAME, BIND_STACK, BIND_SUFFIX };

/* What becomes of a column on the way; all others stay as they are. */
static const struct {
	const char *table; /* NULL: in every table that has it */
	const char *column;
	const char *expression;
} changed[] = {
	{"run", "id", "id + ?1"},
	{"run", "guest", "guest || ?4"},
	{"frame", "id", "id + ?2"},
	{"stack", "id", "id + ?3"},
	{"stack", "parent", "parent + ?3"},
	{"stack", "frame", "frame + ?2"},
	{"sample", "stack", "stack + ?3"},
	{NULL, "run", "run + ?1"},
};

static const char *expression_of(const char *table, const char *column)
{
	for (size_t i = 0; i < ARRAY_SIZE(changed); i++)
		if ((!changed[i].table || strcmp(changed[i].table, table) == 0) &&
			strcmp(changed[i].column, column) == 0)
			return changed[i].expression;
	return NULL;
}

static int highest(sqlite3 *db, const char *sql, int64_t *ret)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &query, NULL) != SQLITE_OK)
		return -EBADMSG;
	if (sqlite3_step(query) != SQLITE_ROW)
		return -EBADMSG;
	*ret = sqlite3_column_int64(query, 0);
	return 0;
}

/** INSERT ... SELECT of the columns that both have; *ret is NULL if there are none. */
static int copy_statement(sqlite3 *db, const char *table, char **ret)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	_cleanup_free_ char *into = NULL, *from = NULL;
	size_t into_size, from_size, n = 0;
	FILE *left, *right;
	int step;

	if (sqlite3_prepare_v2(db,
		    "SELECT name FROM pragma_table_info(?1, 'main') JOIN pragma_table_info(?1,"
		    " 'src') USING (name)",
		    -1, &query, NULL) != SQLITE_OK)
		return -EBADMSG;
	sqlite3_bind_text(query, 1, table, -1, SQLITE_STATIC);
	left = open_memstream(&into, &into_size);
	right = open_memstream(&from, &from_size);
	while (left && right && (step = sqlite3_step(query)) == SQLITE_ROW) {
		/* The names are our schema's: nothing in them needs quoting. */
		const char *column = (const char *)sqlite3_column_text(query, 0);
		const char *expression = expression_of(table, column);

		fprintf(left, "%s%s", n ? ", " : "", column);
		fprintf(right, "%s%s", n ? ", " : "", expression ? expression : column);
		n++;
	}
	if (!left || !right || (fclose(left) | fclose(right)) != 0)
		return -ENOMEM;
	if (step != SQLITE_DONE)
		return -EBADMSG;
	*ret = NULL;
	if (n && asprintf(ret, "INSERT INTO main.%s (%s) SELECT %s FROM src.%s", table, into, from,
			 table) < 0)
		return -ENOMEM;
	return 0;
}

static int copy_table(sqlite3 *db, const char *table, const int64_t offsets[static 3],
	const struct source *source, struct error *error)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	_cleanup_free_ char *sql = NULL;
	int r = copy_statement(db, table, &sql);

	if (r == -ENOMEM)
		return error_set_errno(error, r, "cannot merge %s", source->path);
	if (r < 0)
		return merge_error(db, source->path, error);
	if (!sql)
		return 0;
	if (sqlite3_prepare_v2(db, sql, -1, &query, NULL) != SQLITE_OK)
		return merge_error(db, source->path, error);
	for (int i = BIND_RUN; i <= BIND_STACK; i++)
		sqlite3_bind_int64(query, i, offsets[i - BIND_RUN]);
	sqlite3_bind_text(query, BIND_SUFFIX, source->suffix, -1, SQLITE_STATIC);
	return sqlite3_step(query) == SQLITE_DONE ? 0 : merge_error(db, source->path, error);
}

int copy_tables(
	sqlite3 *db, const struct source *source, int64_t *ret_run_offset, struct error *error)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	int64_t offsets[3] = {};
	int step;

	if (highest(db, "SELECT coalesce(max(id), 0) FROM main.run", &offsets[0]) < 0 ||
		highest(db, "SELECT coalesce(max(id), 0) FROM main.frame", &offsets[1]) < 0 ||
		highest(db, "SELECT coalesce(max(id), 0) FROM main.stack", &offsets[2]) < 0)
		return merge_error(db, source->path, error);
	if (sqlite3_prepare_v2(db,
		    "SELECT name FROM main.sqlite_master WHERE type = 'table'"
		    " AND name NOT IN ('experiment', 'warning') AND name NOT LIKE 'sqlite_%'",
		    -1, &query, NULL) != SQLITE_OK)
		return merge_error(db, source->path, error);
	while ((step = sqlite3_step(query)) == SQLITE_ROW) {
		int r = copy_table(
			db, (const char *)sqlite3_column_text(query, 0), offsets, source, error);

		if (r < 0)
			return r;
	}
	*ret_run_offset = offsets[0];
	return step == SQLITE_DONE ? 0 : merge_error(db, source->path, error);
}
