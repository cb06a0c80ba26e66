/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Several stores as one: copied into a temporary database, one after the other. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/store/store_merge.h"
#include "schema.h"

int merge_error(sqlite3 *db, const char *path, struct error *error)
{
	return error_set(
		error, -EBADMSG, "cannot merge the store %s: %s", path, sqlite3_errmsg(db));
}

int add_warning(sqlite3 *db, const char *text, struct error *error)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;

	if (sqlite3_prepare_v2(db, "INSERT INTO main.warning VALUES (NULL, ?)", -1, &query, NULL) !=
		SQLITE_OK)
		return merge_error(db, "(merged)", error);
	sqlite3_bind_text(query, 1, text, -1, SQLITE_STATIC);
	return sqlite3_step(query) == SQLITE_DONE ? 0 : merge_error(db, "(merged)", error);
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

/** The folder's name, made unique among the stores by a number where need be. */
static char *make_label(const char *file, const struct source *sources, size_t n)
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
		if (strcmp(sources[i].label, name) == 0)
			return asprintf(&label, "%s#%zu", name, n + 1) < 0 ? NULL : label;
	return strdup(name);
}

/* Settings and warnings are the only tables about a whole experiment: they come with the
 * folder's name, and lose it again where all stores say the same. */
static int copy_words(
	sqlite3 *db, const struct source *source, int64_t run_offset, struct error *error)
{
	static const char *const sql[] = {
		"INSERT INTO experiment SELECT key || ' (' || ?1 || ')', value FROM src.experiment",
		"INSERT INTO warning SELECT run + ?2, text FROM src.warning WHERE run IS NOT NULL",
		"INSERT INTO source VALUES (?1)",
		"INSERT INTO saying SELECT DISTINCT ?1, text FROM src.warning WHERE run IS NULL",
	};

	for (size_t i = 0; i < ARRAY_SIZE(sql); i++) {
		_cleanup_query_ sqlite3_stmt *query = NULL;

		if (sqlite3_prepare_v2(db, sql[i], -1, &query, NULL) != SQLITE_OK)
			return merge_error(db, source->path, error);
		sqlite3_bind_text(query, 1, source->label, -1, SQLITE_STATIC);
		sqlite3_bind_int64(query, 2, run_offset);
		if (sqlite3_step(query) != SQLITE_DONE)
			return merge_error(db, source->path, error);
	}
	return 0;
}

static int merge_one(
	sqlite3 *db, const struct source *sources, size_t i, bool force, struct error *error)
{
	const struct source *source = &sources[i];
	int64_t run_offset = 0;
	int r = attach(db, source->file, source->path, error);

	if (r < 0)
		return r;
	r = shards_check_runs(sources, i, force, db, error);
	if (r >= 0)
		r = copy_tables(db, source, &run_offset, error);
	if (r >= 0)
		r = copy_words(db, source, run_offset, error);
	if (r >= 0 && sqlite3_exec(db, "DETACH src", NULL, NULL, NULL) != SQLITE_OK)
		r = merge_error(db, source->path, error);
	return r;
}

/** A warning that all stores have is one. */
static int unite_warnings(sqlite3 *db, struct error *error)
{
	static const char sql[] =
		"INSERT INTO warning SELECT NULL, CASE WHEN count(*) = (SELECT count(*) FROM "
		"source)"
		" THEN text ELSE group_concat(label, ', ') || ': ' || text END FROM saying"
		" GROUP BY text ORDER BY min(rowid)";

	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK
		       ? 0
		       : merge_error(db, "(merged)", error);
}

/** Fold settings that are equal in all stores back into one under their plain key. */
static int unite_settings(sqlite3 *db, const struct source *sources, size_t n, struct error *error)
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
		sqlite3_bind_text(query, 1, sources[i].label, -1, SQLITE_STATIC);
		if (sqlite3_step(query) != SQLITE_DONE)
			return merge_error(db, sources[i].label, error);
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
	/* Two stores may have the same frame: here it is there twice, as readers go by its texts.
	 */
	if (sqlite3_exec(db, (const char *)schema_sql, NULL, NULL, NULL) != SQLITE_OK ||
		sqlite3_exec(db, "DROP INDEX frame_name", NULL, NULL, NULL) != SQLITE_OK ||
		sqlite3_exec(db, identity, NULL, NULL, NULL) != SQLITE_OK) {
		int r = error_set(
			error, -EIO, "cannot make a temporary database: %s", sqlite3_errmsg(db));
		sqlite3_close(db);
		return r;
	}
	*ret = db;
	return 0;
}

static int open_source(struct source *sources, size_t i, struct error *error)
{
	struct source *s = &sources[i];
	int r = store_reader_open(s->path, &s->reader, error);

	if (r >= 0)
		r = store_find_file(s->path, &s->file, error);
	if (r < 0)
		return r;
	s->label = make_label(s->file, sources, i);
	return s->label ? 0 : error_set_errno(error, -ENOMEM, "cannot merge %s", s->path);
}

/** Stacks of one experiment keep their names; those of several carry the folder's. */
static int name_stacks(struct source *sources, size_t n, struct error *error)
{
	size_t experiments = 0;

	for (size_t i = 0; i < n; i++)
		experiments += sources[i].first == i;
	for (size_t i = 0; i < n; i++) {
		const char *label = sources[sources[i].first].label;

		if (asprintf(&sources[i].suffix, "%s%s", experiments > 1 ? "@" : "",
			    experiments > 1 ? label : "") < 0) {
			sources[i].suffix = NULL;
			return error_set_errno(error, -ENOMEM, "cannot merge the stores");
		}
	}
	return 0;
}

static int merge_all(sqlite3 *db, struct source *sources, size_t n, bool force, struct error *error)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++)
		r = open_source(sources, i, error);
	if (r < 0)
		return r;
	shards_find(sources, n);
	r = name_stacks(sources, n, error);
	if (r >= 0 &&
		sqlite3_exec(db,
			"CREATE TEMP TABLE saying(label, text); CREATE TEMP TABLE source(label)",
			NULL, NULL, NULL) != SQLITE_OK)
		r = merge_error(db, "(merged)", error);
	if (r >= 0)
		r = shards_check(sources, n, force, db, error);
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = merge_one(db, sources, i, force, error);
	if (r >= 0)
		r = shards_warn_missing(sources, n, db, error);
	if (r >= 0)
		r = unite_settings(db, sources, n, error);
	if (r >= 0)
		r = unite_warnings(db, error);
	return r;
}

int store_reader_open_many(
	char *const *paths, size_t n, bool force, struct store_reader **ret, struct error *error)
{
	struct source *sources = NULL;
	sqlite3 *db = NULL;
	int r = open_empty(&db, error);

	if (r < 0)
		return r;
	sources = calloc(n + 1, sizeof(*sources));
	if (!sources)
		r = error_set_errno(error, -ENOMEM, "cannot merge the stores");
	for (size_t i = 0; r >= 0 && i < n; i++)
		sources[i].path = paths[i];
	if (r >= 0)
		r = merge_all(db, sources, n, force, error);
	for (size_t i = 0; sources && i < n; i++) {
		store_reader_close(sources[i].reader);
		free(sources[i].file);
		free(sources[i].label);
		free(sources[i].suffix);
	}
	free(sources);
	if (r < 0) {
		sqlite3_close(db);
		return r;
	}
	return store_adopt(db, "(merged)", ret, error);
}
