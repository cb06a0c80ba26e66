/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The store as a file: how it comes to be, is opened again and closed. */

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/store/store_writer_internal.h"
#include "common/cleanup.h"
#include "common/schema.h"
#include "common/store_format.h"
#include "common/store_wait.h"

/* To tidy up at the end is not worth a long wait. */
#define CLOSE_MS 5000

#define OPENED_PRAGMAS                                                                             \
	"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -4000;"

/* The system's own word where SQLite has but a general one; a failed commit leaves it with the log
 * alone. */
static int system_errno(sqlite3 *db)
{
	sqlite3_file *log = NULL;
	int system = sqlite3_system_errno(db);

	if (!system &&
		sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK &&
		log && log->pMethods)
		log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &system);
	return system > 0 ? -system : -EIO;
}

static int sql_errno(sqlite3 *db)
{
	switch (sqlite3_errcode(db)) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return -EROFS;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
		return -EBUSY;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return system_errno(db);
	default:
		return -EIO;
	}
}

int store_error(struct store_writer *s, struct error *error)
{
	int r = sql_errno(s->db);

	return error_set(error, r, "cannot write the store: %s%s%s%s", sqlite3_errmsg(s->db),
		r == -EIO ? "" : " (", r == -EIO ? "" : strerror(-r), r == -EIO ? "" : ")");
}

int store_sql(struct store_writer *s, const char *sql, struct error *error)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : store_error(s, error);
}

static void remove_store(const char *path)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		_cleanup_free_ char *file = NULL;

		if (asprintf(&file, "%s%s", path, suffixes[i]) >= 0)
			unlink(file);
	}
}

static int new_writer(const char *dir, struct store_writer **ret)
{
	struct store_writer *s = calloc(1, sizeof(*s));

	if (!s || asprintf(&s->path, "%s/" STORE_FILE_NAME, dir) < 0) {
		free(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

static int open_file(
	struct store_writer *s, const char *path, int flags, const char *what, struct error *error)
{
	if (sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | flags, NULL) == SQLITE_OK) {
		store_wait(s->db);
		return 0;
	}
	return error_set_errno(error, sql_errno(s->db), "cannot %s %s", what, path);
}

static int check_new(const char *path, struct error *error)
{
	return access(path, F_OK) < 0
		       ? 0
		       : error_set(error, -EEXIST,
				 "%s exists already: name another folder by --output, or "
				 "continue it by --resume",
				 path);
}

int store_writer_check_new(const char *dir, struct error *error)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/" STORE_FILE_NAME, dir) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	return check_new(path, error);
}

/* All of it is one transaction, in a file of another name: what is there is a whole store. */
static int begin(struct store_writer *s, struct error *error)
{
	char pragmas[192];
	int r;

	r = check_new(s->path, error);
	if (r < 0)
		return r;
	if (asprintf(&s->temporary, "%s.new", s->path) < 0) {
		s->temporary = NULL;
		return -ENOMEM;
	}
	remove_store(s->temporary);
	r = open_file(s, s->temporary, SQLITE_OPEN_CREATE, "create", error);
	if (r < 0)
		return r;
	snprintf(pragmas, sizeof(pragmas),
		"PRAGMA journal_mode = MEMORY; PRAGMA synchronous = FULL; BEGIN IMMEDIATE;"
		"PRAGMA application_id = %d; PRAGMA user_version = %d;",
		STORE_APPLICATION_ID, STORE_VERSION);
	r = store_sql(s, pragmas, error);
	return r < 0 ? r : store_sql(s, (const char *)schema_sql, error);
}

int store_writer_create(const char *dir, struct store_writer **ret, struct error *error)
{
	struct store_writer *s = NULL;
	int r = new_writer(dir, &s);

	if (r < 0)
		return r;
	r = begin(s, error);
	if (r < 0) {
		store_writer_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

/* A name is not on the disk before its folder is. */
static int sync_folder(const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	_cleanup_close_ int fd = -EBADF;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* Some file systems cannot: then they have another way, or none. */
	return fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
}

static int open_published(struct store_writer *s, struct error *error)
{
	int r = open_file(s, s->path, 0, "open", error);

	if (r == 0)
		r = store_sql(s, OPENED_PRAGMAS, error);
	if (r == 0 && store_stacks_new(s->db, &s->stacks) < 0)
		r = store_error(s, error);
	return r;
}

int store_writer_publish(struct store_writer *s, struct error *error)
{
	/* The log's mode is settled before anybody can read: later, a reader would be in the way.
	 */
	int r = store_sql(s, "COMMIT; PRAGMA journal_mode = WAL", error);

	if (r < 0)
		return r;
	sqlite3_close(s->db);
	s->db = NULL;
	if (rename(s->temporary, s->path) < 0)
		return error_set_errno(error, -errno, "cannot create %s", s->path);
	free(TAKE_PTR(s->temporary));
	r = sync_folder(s->path);
	if (r < 0)
		r = error_set_errno(error, r, "cannot create %s", s->path);
	else
		r = open_published(s, error);
	if (r < 0) {
		sqlite3_close(s->db);
		s->db = NULL;
		remove_store(s->path); /* it was not there before */
	}
	return r;
}

static int pragma(struct store_writer *s, const char *sql)
{
	sqlite3_stmt *query = NULL;
	int value = -1;

	if (sqlite3_prepare_v2(s->db, sql, -1, &query, NULL) == SQLITE_OK &&
		sqlite3_step(query) == SQLITE_ROW)
		value = sqlite3_column_int(query, 0);
	sqlite3_finalize(query);
	return value;
}

/* All columns of all tables, malloced, or NULL. */
static char *columns_of(sqlite3 *db)
{
	static const char sql[] =
		"SELECT group_concat(line, ' ') FROM (SELECT t.name || '.' || c.name AS line"
		" FROM sqlite_master AS t, pragma_table_info(t.name) AS c WHERE t.type = 'table'"
		" ORDER BY t.name, c.cid)";
	sqlite3_stmt *query = NULL;
	char *columns = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &query, NULL) == SQLITE_OK &&
		sqlite3_step(query) == SQLITE_ROW && sqlite3_column_text(query, 0))
		columns = strdup((const char *)sqlite3_column_text(query, 0));
	sqlite3_finalize(query);
	return columns;
}

/* Versions between two releases may differ in columns that readers do without, but writers do not. */
static int check_columns(struct store_writer *s, struct error *error)
{
	_cleanup_free_ char *there = columns_of(s->db), *wanted = NULL;
	sqlite3 *fresh = NULL;

	if (sqlite3_open(":memory:", &fresh) == SQLITE_OK &&
		sqlite3_exec(fresh, (const char *)schema_sql, NULL, NULL, NULL) == SQLITE_OK)
		wanted = columns_of(fresh);
	sqlite3_close(fresh);
	if (!there || !wanted)
		return error_set_errno(error, -ENOMEM, "cannot continue %s", s->path);
	if (strcmp(there, wanted) == 0)
		return 0;
	return error_set(error, -EPROTONOSUPPORT,
		"the store %s was made by another version of the collector: continue it with that one",
		s->path);
}

static int open_again(struct store_writer *s, struct error *error)
{
	int application, version, r;

	if (access(s->path, F_OK) < 0)
		return error_set_errno(error, -errno,
			"there is no experiment to continue: cannot open %s", s->path);
	r = open_file(s, s->path, 0, "open", error);
	if (r < 0)
		return r;
	application = pragma(s, "PRAGMA application_id");
	version = pragma(s, "PRAGMA user_version");
	if (application != STORE_APPLICATION_ID)
		return error_set(error, -EMEDIUMTYPE,
			"%s is no store of guestscope's, or it is damaged", s->path);
	if (version != STORE_VERSION)
		return error_set(error, -EPROTONOSUPPORT,
			"the store %s has version %d, this collector continues version %d", s->path,
			version, STORE_VERSION);
	r = check_columns(s, error);
	if (r < 0)
		return r;
	sqlite3_close(s->db);
	s->db = NULL;
	return open_published(s, error);
}

int store_writer_open(const char *dir, struct store_writer **ret, struct error *error)
{
	struct store_writer *s = NULL;
	int r = new_writer(dir, &s);

	if (r < 0)
		return r;
	r = open_again(s, error);
	if (r < 0) {
		store_writer_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

static int read_error(struct store_writer *s, struct error *error)
{
	return error_set(
		error, -EBADMSG, "cannot read the store %s: %s", s->path, sqlite3_errmsg(s->db));
}

int store_writer_get(struct store_writer *s, const char *key, char **ret, struct error *error)
{
	sqlite3_stmt *query = NULL;
	int r;

	if (sqlite3_prepare_v2(s->db, "SELECT value FROM experiment WHERE key = ?", -1, &query,
		    NULL) != SQLITE_OK)
		return read_error(s, error);
	sqlite3_bind_text(query, 1, key, -1, SQLITE_STATIC);
	r = sqlite3_step(query);
	if (r == SQLITE_ROW && sqlite3_column_text(query, 0))
		r = (*ret = strdup((const char *)sqlite3_column_text(query, 0))) ? 0 : -ENOMEM;
	else
		r = r == SQLITE_ROW || r == SQLITE_DONE ? -ENODATA : read_error(s, error);
	sqlite3_finalize(query);
	return r;
}

int store_writer_done(
	struct store_writer *s, bool *ret_done, size_t n, size_t *ret_failed, struct error *error)
{
	sqlite3_stmt *query = NULL;
	size_t failed = 0;
	int r, found = 0;

	if (sqlite3_prepare_v2(s->db, "SELECT id, status <> 'ok' FROM run", -1, &query, NULL) !=
		SQLITE_OK)
		return read_error(s, error);
	while ((r = sqlite3_step(query)) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(query, 0);

		found++;
		failed += sqlite3_column_int(query, 1) != 0;
		if (id >= 1 && (uint64_t)id <= n)
			ret_done[id - 1] = true;
	}
	r = r == SQLITE_DONE ? found : read_error(s, error);
	sqlite3_finalize(query);
	*ret_failed = failed;
	return r;
}

int store_writer_times(struct store_writer *s, double *ret_ns, size_t n, struct error *error)
{
	sqlite3_stmt *query = NULL;
	int r;

	if (sqlite3_prepare_v2(s->db,
		    "SELECT id, coalesce(runtime_ns, boot_ns) FROM run WHERE status = 'ok'", -1,
		    &query, NULL) != SQLITE_OK)
		return read_error(s, error);
	while ((r = sqlite3_step(query)) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(query, 0);

		if (id >= 1 && (uint64_t)id <= n && sqlite3_column_type(query, 1) != SQLITE_NULL)
			ret_ns[id - 1] = sqlite3_column_double(query, 1);
	}
	r = r == SQLITE_DONE ? 0 : read_error(s, error);
	sqlite3_finalize(query);
	return r;
}

/* What is in the log of changes could not be moved into the store's one file. */
static void say_wal_is_left(const struct store_writer *s, const char *why, const char *more)
{
	fprintf(stderr, "collector: %s%s%s: the newest runs are in %s-wal, which belongs to it\n",
		why, s->path, more, s->path);
}

void store_writer_close(struct store_writer *s)
{
	if (!s)
		return;
	store_stacks_free(s->stacks);
	if (s->db && !s->temporary) {
		/* One file, that can be copied and read anywhere. */
		int r;

		sqlite3_busy_timeout(s->db, CLOSE_MS);
		r = sqlite3_exec(s->db,
			"PRAGMA wal_checkpoint(TRUNCATE); "
			"PRAGMA journal_mode = DELETE",
			NULL, NULL, NULL);
		if (r == SQLITE_BUSY)
			say_wal_is_left(s, "another program is reading ", "");
		else if (r == SQLITE_FULL || r == SQLITE_IOERR)
			say_wal_is_left(
				s, "cannot write all of ", r == SQLITE_FULL ? " (disk full)" : "");
	}
	sqlite3_close(s->db);
	if (s->temporary)
		remove_store(s->temporary);
	free(s->temporary);
	free(s->path);
	free(s);
}
