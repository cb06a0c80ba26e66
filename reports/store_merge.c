/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/store_internal.h"
#include "schema.h"

/*
 * Stores are merged by copying them into one, with identifiers moved up by what is there already.
 * ?1 is the run offset, ?2 the frame offset, ?3 the stack offset, ?4 the folder's name.
 */
static const char *const copy_sql[] = {
	"INSERT INTO run SELECT id + ?1, guest || '@' || ?4, cores, scenario, repetition, position,"
	" accel, status, error, start_ns, end_ns, boot_ns, runtime_ns, guest_runtime_ns,"
	" lost_events, closed, audited, residual_ns, start_utc, split, frequency_hz, command,"
	" raster_sha256, block, counted, label FROM src.run",
	"INSERT INTO phase SELECT run + ?1, name, start_ns, end_ns FROM src.phase",
	"INSERT INTO boot_step SELECT run + ?1, position, name, start_ns, end_ns, source"
	" FROM src.boot_step",
	"INSERT INTO account SELECT run + ?1, phase, lane, state, detail, ns, exact, samples, count"
	" FROM src.account",
	"INSERT INTO audit SELECT run + ?1, phase, lane, what, books_ns, other_ns, bound_ns"
	" FROM src.audit",
	"INSERT INTO counter SELECT run + ?1, lane, name, value, enabled_ns, running_ns"
	" FROM src.counter",
	"INSERT INTO frame SELECT id + ?2, side, module, symbol, file, line FROM src.frame",
	"INSERT INTO stack SELECT id + ?3, parent + ?3, frame + ?2 FROM src.stack",
	"INSERT INTO sample (run, phase, lane, thread, kind, stack, weight_ns, count)"
	" SELECT run + ?1, phase, lane, thread, kind, stack + ?3, weight_ns, "
	"count"
	" FROM src.sample",
	"INSERT INTO warning SELECT run + ?1, CASE WHEN run IS NULL THEN ?4 || ': ' ELSE '' END"
	" || text FROM src.warning",
	/* A setting that says the same everywhere stays one line; what differs carries its folder.
	 */
	"INSERT INTO experiment SELECT key || ' (' || ?4 || ')', value FROM src.experiment",
};

static int merge_error(sqlite3 *db, const char *path, struct error *error)
{
	return error_set(
		error, -EBADMSG, "cannot merge the store %s: %s", path, sqlite3_errmsg(db));
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

static int attach(sqlite3 *db, const char *file, const char *path, struct error *error)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	_cleanup_free_ char *uri = store_uri(file);

	if (!uri)
		return error_set_errno(error, -ENOMEM, "cannot open %s", path);
	if (sqlite3_prepare_v2(db, "ATTACH ? AS src", -1, &query, NULL) != SQLITE_OK)
		return merge_error(db, path, error);
	sqlite3_bind_text(query, 1, uri, -1, SQLITE_STATIC);
	return sqlite3_step(query) == SQLITE_DONE ? 0 : merge_error(db, path, error);
}

static int copy_all(sqlite3 *db, const char *label, const char *path, struct error *error)
{
	int64_t offsets[3] = {};

	if (highest(db, "SELECT coalesce(max(id), 0) FROM main.run", &offsets[0]) < 0 ||
		highest(db, "SELECT coalesce(max(id), 0) FROM main.frame", &offsets[1]) < 0 ||
		highest(db, "SELECT coalesce(max(id), 0) FROM main.stack", &offsets[2]) < 0)
		return merge_error(db, path, error);
	for (size_t i = 0; i < ARRAY_SIZE(copy_sql); i++) {
		_cleanup_query_ sqlite3_stmt *query = NULL;

		if (sqlite3_prepare_v2(db, copy_sql[i], -1, &query, NULL) != SQLITE_OK)
			return merge_error(db, path, error);
		for (int j = 0; j < 3; j++)
			sqlite3_bind_int64(query, j + 1, offsets[j]);
		sqlite3_bind_text(query, 4, label, -1, SQLITE_STATIC);
		if (sqlite3_step(query) != SQLITE_DONE)
			return merge_error(db, path, error);
	}
	return 0;
}

/** The folder's name, made unique among the stores by a number where need be. */
static char *make_label(const char *file, char *const *labels, size_t n)
{
	_cleanup_free_ char *real = realpath(file, NULL);
	char *slash, *name, *label = NULL;

	if (!real)
		return NULL;
	slash = strrchr(real, '/');
	if (slash && strcmp(slash + 1, STORE_FILE_NAME) == 0 && slash != real)
		*slash = '\0';
	name = strrchr(real, '/');
	name = name ? name + 1 : real;
	for (size_t i = 0; i < n; i++)
		if (strcmp(labels[i], name) == 0)
			return asprintf(&label, "%s#%zu", name, n + 1) < 0 ? NULL : label;
	return strdup(name);
}

static int merge_one(
	sqlite3 *db, const char *path, char **labels, size_t index, struct error *error)
{
	_cleanup_store_ struct store_reader *checked = NULL;
	_cleanup_free_ char *file = NULL;
	int r = store_reader_open(path, &checked, error);

	if (r >= 0)
		r = store_find_file(path, &file, error);
	if (r < 0)
		return r;
	labels[index] = make_label(file, labels, index);
	if (!labels[index])
		return error_set_errno(error, -ENOMEM, "cannot merge %s", path);
	r = attach(db, file, path, error);
	if (r < 0)
		return r;
	r = copy_all(db, labels[index], path, error);
	if (r >= 0 && sqlite3_exec(db, "DETACH src", NULL, NULL, NULL) != SQLITE_OK)
		r = merge_error(db, path, error);
	return r;
}

/** Fold settings that are equal in all stores back into one under their plain key. */
static int unite_settings(sqlite3 *db, char *const *labels, size_t n, struct error *error)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;

	if (sqlite3_exec(db,
		    "CREATE TEMP TABLE setting(key, label, value);"
		    "CREATE TEMP TABLE label(text)",
		    NULL, NULL, NULL) != SQLITE_OK)
		return merge_error(db, "(merged)", error);
	if (sqlite3_prepare_v2(db,
		    "INSERT INTO setting SELECT substr(key, 1, length(key) - length(?1) - 3), ?1,"
		    " value FROM experiment WHERE substr(key, -length(?1) - 3) = ' (' || ?1 || ')'",
		    -1, &query, NULL) != SQLITE_OK)
		return merge_error(db, "(merged)", error);
	for (size_t i = 0; i < n; i++) {
		sqlite3_reset(query);
		sqlite3_bind_text(query, 1, labels[i], -1, SQLITE_STATIC);
		if (sqlite3_step(query) != SQLITE_DONE)
			return merge_error(db, labels[i], error);
	}
	sqlite3_reset(query);
	if (sqlite3_exec(db,
		    "CREATE TEMP TABLE same AS SELECT key FROM setting GROUP BY key HAVING"
		    " count(DISTINCT value) = 1 AND count(*) = (SELECT count(DISTINCT label) FROM"
		    " setting);"
		    "DELETE FROM experiment WHERE key IN (SELECT key || ' (' || label || ')' FROM"
		    " setting WHERE key IN same);"
		    "INSERT OR REPLACE INTO experiment SELECT key, min(value) FROM setting WHERE "
		    "key"
		    " IN same GROUP BY key",
		    NULL, NULL, NULL) != SQLITE_OK)
		return merge_error(db, "(merged)", error);
	return 0;
}

static int open_empty(sqlite3 **ret, struct error *error)
{
	sqlite3 *db = NULL;
	char identity[96];

	/* An empty name is a private database in a temporary file, deleted when closed. */
	if (sqlite3_open_v2("", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI,
		    NULL) != SQLITE_OK) {
		sqlite3_close(db);
		return error_set(error, -EIO, "cannot make a temporary database");
	}
	snprintf(identity, sizeof(identity), "PRAGMA application_id=%d; PRAGMA user_version=%d",
		STORE_APPLICATION_ID, STORE_VERSION);
	if (sqlite3_exec(db, (const char *)schema_sql, NULL, NULL, NULL) != SQLITE_OK ||
		sqlite3_exec(db, identity, NULL, NULL, NULL) != SQLITE_OK) {
		int r = error_set(
			error, -EIO, "cannot make a temporary database: %s", sqlite3_errmsg(db));
		sqlite3_close(db);
		return r;
	}
	*ret = db;
	return 0;
}

int store_reader_open_many(
	char *const *paths, size_t n, struct store_reader **ret, struct error *error)
{
	char **labels;
	sqlite3 *db = NULL;
	int r = open_empty(&db, error);

	if (r < 0)
		return r;
	labels = calloc(n + 1, sizeof(*labels));
	if (!labels)
		r = error_set_errno(error, -ENOMEM, "cannot merge the stores");
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = merge_one(db, paths[i], labels, i, error);
	if (r >= 0)
		r = unite_settings(db, labels, n, error);
	for (size_t i = 0; labels && i < n; i++)
		free(labels[i]);
	free(labels);
	if (r < 0) {
		sqlite3_close(db);
		return r;
	}
	return store_adopt(db, "(merged)", ret, error);
}
