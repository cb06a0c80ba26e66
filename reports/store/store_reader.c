/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/store/store_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "common/file_kind.h"
#include "common/shell_words.h"
#include "common/store_wait.h"
#include "reports/store/store_internal.h"

/** What a store must have; a file that lacks one of these is not ours, or is damaged. */
static const char *const needed_tables[] = {"experiment", "run", "phase", "account", "audit",
	"counter", "frame", "stack", "sample", "row", "worker", "warning"};

void store_reader_close(struct store_reader *s)
{
	if (!s)
		return;
	sqlite3_close(s->db);
	intern_clear(&s->strings);
	free(s->tables.runs);
	free(s->tables.settings);
	free(s->tables.phases);
	free(s->tables.accounts);
	free(s->tables.splits);
	free(s->tables.audits);
	free(s->tables.counters);
	free(s->tables.metrics);
	free(s->tables.outputs);
	free(s->tables.threads);
	free(s->tables.warnings);
	free(s->stacks.stacks);
	free(s->stacks.frames);
	free(s->path);
	free(s);
}

const char *store_reader_error(const struct store_reader *s)
{
	return s->last.text;
}

const struct store_tables *store_tables(const struct store_reader *s)
{
	return &s->tables;
}

/* Put SQLite's error into s->last and say it as errno. */
static int store_fail(struct store_reader *s)
{
	int code = sqlite3_errcode(s->db) & 0xff;

	if (code == SQLITE_NOMEM)
		return error_no_memory(&s->last, " while reading %s", s->path);
	if (code == SQLITE_NOTADB)
		return error_set(&s->last, -EMEDIUMTYPE,
			"%s is not a guestscope store: it is not an SQLite file", s->path);
	if (code == SQLITE_CANTOPEN || code == SQLITE_READONLY || code == SQLITE_PERM)
		return error_set(&s->last, -EACCES, "cannot read the store %s: %s", s->path,
			sqlite3_errmsg(s->db));
	if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
		return error_set(&s->last, -EBUSY,
			"the store %s is being written: try again when the collector has ended",
			s->path);
	return error_set(&s->last, -EBADMSG, "the store %s is damaged or truncated: %s", s->path,
		sqlite3_errmsg(s->db));
}

int store_damaged(struct store_reader *s, const char *table, int64_t run)
{
	return error_set(&s->last, -EBADMSG,
		"the store %s is damaged: the table \"%s\" has rows of run %lld that cannot be read",
		s->path, table, (long long)run);
}

bool store_has_table(struct store_reader *s, const char *name)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;

	if (sqlite3_prepare_v2(s->db,
		    "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1", -1, &query,
		    NULL) != SQLITE_OK)
		return false;
	sqlite3_bind_text(query, 1, name, -1, SQLITE_STATIC);
	return sqlite3_step(query) == SQLITE_ROW;
}

bool store_has_column(struct store_reader *s, const char *table, const char *column)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;

	if (sqlite3_prepare_v2(s->db, "SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2", -1,
		    &query, NULL) != SQLITE_OK)
		return false;
	sqlite3_bind_text(query, 1, table, -1, SQLITE_STATIC);
	sqlite3_bind_text(query, 2, column, -1, SQLITE_STATIC);
	return sqlite3_step(query) == SQLITE_ROW;
}

int store_prepare(struct store_reader *s, sqlite3_stmt **ret, const char *sql)
{
	sqlite3_stmt *query = NULL;

	if (sqlite3_prepare_v2(s->db, sql, -1, &query, NULL) != SQLITE_OK)
		return store_fail(s);
	*ret = query;
	return 0;
}

int store_step(struct store_reader *s, sqlite3_stmt *query)
{
	int r = sqlite3_step(query);

	if (r == SQLITE_ROW)
		return 1;
	return r == SQLITE_DONE ? 0 : store_fail(s);
}

static const char *column_text(struct store_reader *s, sqlite3_stmt *query, int column, bool lines)
{
	const char *text = (const char *)sqlite3_column_text(query, column);

	if (!text)
		return NULL;
	return text_intern(&s->strings, text, strlen(text), lines);
}

const char *store_text(struct store_reader *s, sqlite3_stmt *query, int column)
{
	return column_text(s, query, column, false);
}

const char *store_lines(struct store_reader *s, sqlite3_stmt *query, int column)
{
	return column_text(s, query, column, true);
}

int64_t store_number(sqlite3_stmt *query, int column)
{
	if (sqlite3_column_type(query, column) == SQLITE_NULL)
		return STORE_NULL;
	return sqlite3_column_int64(query, column);
}

const char *store_setting(const struct store_reader *s, const char *key)
{
	for (size_t i = 0; i < s->tables.n_settings; i++)
		if (strcmp(s->tables.settings[i].key, key) == 0)
			return s->tables.settings[i].value;
	return NULL;
}

char *store_plan_member(const char *plan, const char *object, const char *key)
{
	json_t *document = plan ? json_loads(plan, 0, NULL) : NULL;
	json_t *value = json_object_get(object ? json_object_get(document, object) : document, key);
	char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	json_decref(document);
	return text;
}

static int compare_run_id(const void *key, const void *entry)
{
	int64_t a = *(const int64_t *)key, b = ((const struct store_run *)entry)->id;

	return (a > b) - (a < b);
}

/* More than a reader takes in. */
#define WARNING_RUNS_NAMED 6

static size_t first_number(const char *text)
{
	return strspn(text, "0123456789");
}

/* But for the number that they begin with; both are about a run. */
static bool same_warning(const struct store_warning *a, const struct store_warning *b)
{
	size_t x = first_number(a->text), y = first_number(b->text);

	return a->run != STORE_NULL && b->run != STORE_NULL && (x != 0) == (y != 0) &&
	       strcmp(a->text + x, b->text + y) == 0;
}

bool store_warning_is_same(const struct store_tables *t, size_t i, size_t j)
{
	return i == j || same_warning(&t->warnings[i], &t->warnings[j]);
}

bool store_warning_is_note(const struct store_tables *t, size_t i)
{
	const char *text = t->warnings[i].text;
	size_t length = strlen(text), end = strlen(STORE_NOTE_END);

	return length >= end && strcmp(text + length - end, STORE_NOTE_END) == 0;
}

char *store_warning_text(const struct store_tables *t, size_t i)
{
	const struct store_warning *one = &t->warnings[i];
	unsigned long long low = strtoull(one->text, NULL, 10), high = low;
	char *text;

	for (size_t j = 0; j < t->n_warnings; j++) {
		unsigned long long n = strtoull(t->warnings[j].text, NULL, 10);

		if (!same_warning(one, &t->warnings[j]))
			continue;
		low = n < low ? n : low;
		high = n > high ? n : high;
	}
	if (low == high)
		return strdup(one->text);
	return asprintf(&text, "%llu to %llu%s", low, high, one->text + first_number(one->text)) < 0
		       ? NULL
		       : text;
}

bool store_warning_runs(const struct store_tables *t, size_t i, char *ret, size_t size)
{
	const size_t word = sizeof("runs ");
	size_t same = 0, used = 0;

	ret[0] = '\0';
	size -= word; /* goes in front at the end */
	if (t->warnings[i].run == STORE_NULL)
		return true;
	for (size_t j = 0; j < t->n_warnings; j++) {
		int n;

		if (!same_warning(&t->warnings[j], &t->warnings[i]))
			continue;
		if (j < i)
			return false;
		if (same++ >= WARNING_RUNS_NAMED)
			continue;
		n = snprintf(ret + used, size - used, "%s%lld", used ? ", " : "",
			(long long)t->warnings[j].run);
		used = n > 0 && (size_t)n < size - used ? used + (size_t)n : used;
	}
	if (same > WARNING_RUNS_NAMED)
		snprintf(ret + used, size - used, " and %zu more", same - WARNING_RUNS_NAMED);
	memmove(ret + (same > 1 ? 5 : 4), ret, strlen(ret) + 1);
	memcpy(ret, same > 1 ? "runs " : "run ", same > 1 ? 5 : 4);
	return true;
}

const struct store_run *store_run(const struct store_reader *s, int64_t id)
{
	if (s->tables.n_runs == 0)
		return NULL;
	return bsearch(
		&id, s->tables.runs, s->tables.n_runs, sizeof(*s->tables.runs), compare_run_id);
}

static uint32_t big_endian(const unsigned char *p, size_t n)
{
	uint32_t value = 0;

	while (n-- > 0)
		value = value << 8 | *p++;
	return value;
}

/** Is there a write-ahead log that has not been copied back? */
static bool has_log(const char *file)
{
	_cleanup_free_ char *log = NULL;
	struct stat st;

	if (asprintf(&log, "%s-wal", file) < 0) {
		log = NULL;
		return true; /* SQLite looks itself */
	}
	return stat(log, &st) == 0 && st.st_size > 0;
}

/**
 * Is the file shorter than its own header says (https://www.sqlite.org/fileformat2.html, 1.3)? SQLite
 * takes what is missing of the last page for zeros, and a file shorter than its smallest page, 512
 * bytes, for an empty database.
 */
static bool is_cut_off(const char *file, int64_t size)
{
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	unsigned char head[100];
	uint32_t page, pages;

	if (size < 512)
		return true;
	if (fd < 0 || pread(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
		memcmp(head, "SQLite format 3", 16) != 0)
		return false; /* for SQLite to say */
	page = big_endian(head + 16, 2);
	if (page == 1)
		page = 65536;
	pages = big_endian(head + 28, 4);
	/* A full disk may end the copying of the log: what the file lacks is still in there. */
	if (has_log(file))
		return false;
	/* The number of pages holds only if it was written with the last change. */
	return memcmp(head + 24, head + 92, 4) == 0 && size < (int64_t)page * pages;
}

/** The database file of @path: itself, or experiment.db in that folder. */
static int find_file(const char *path, char **ret, struct error *error)
{
	_cleanup_free_ char *file = NULL;
	struct stat st;

	if (stat(path, &st) < 0)
		return error_set_errno(error, -errno, "cannot open %s", path);
	if (!S_ISDIR(st.st_mode)) {
		file = strdup(path);
	} else if (asprintf(&file, "%s/" STORE_FILE_NAME, path) < 0) {
		file = NULL;
	}
	if (!file)
		return error_set_errno(error, -ENOMEM, "cannot open %s", path);
	if (stat(file, &st) < 0) {
		if (errno == ENOENT)
			return error_set(error, -ENOENT,
				"%s holds no experiment: there is no " STORE_FILE_NAME, path);
		return error_set_errno(error, -errno, "cannot open %s", file);
	}
	if (!S_ISREG(st.st_mode))
		return error_set(
			error, -EMEDIUMTYPE, "%s is %s, not a file", file, file_kind(st.st_mode));
	if (access(file, R_OK) < 0)
		return error_set_errno(error, -errno, "cannot read %s", file);
	if (st.st_size == 0)
		return error_set(
			error, -EMEDIUMTYPE, "%s is not a guestscope store: it is empty", file);
	if (is_cut_off(file, st.st_size))
		return st.st_size < 512
			       ? error_set(error, -EMEDIUMTYPE,
					 "%s is not a guestscope store: it is truncated, or not an "
					 "SQLite file",
					 file)
			       : error_set(error, -EBADMSG,
					 "the store %s is damaged or truncated: it is shorter than "
					 "its header says",
					 file);
	*ret = TAKE_PTR(file);
	return 0;
}

/**
 * A finished store in a folder that we may not write has no shared-memory file for its log, and
 * SQLite cannot make one: if there is no log to replay, the file can be read as it is.
 */
static const char *open_parameters(const char *file)
{
	_cleanup_free_ char *shm = NULL, *copy = strdup(file);
	char *slash;

	if (!copy || has_log(file) || asprintf(&shm, "%s-shm", file) < 0)
		return "?mode=ro";
	slash = strrchr(copy, '/');
	if (slash)
		slash[slash == copy] = '\0';
	return access(slash ? copy : ".", W_OK) < 0 && access(shm, F_OK) < 0
		       ? "?mode=ro&immutable=1"
		       : "?mode=ro";
}

/** file: URI of a path, with what SQLite would take for a query or an escape written as %xx. */
char *store_uri(const char *file)
{
	const char *parameters = open_parameters(file);
	_cleanup_free_ char *real = realpath(file, NULL);
	char *uri, *w;

	if (!real)
		return NULL;
	uri = malloc(strlen(real) * 3 + strlen(parameters) + 8);
	if (!uri)
		return NULL;
	w = stpcpy(uri, "file:");
	for (const unsigned char *p = (unsigned char *)real; *p; p++) {
		if (*p == '?' || *p == '#' || *p == '%' || *p < 0x20)
			w += sprintf(w, "%%%02x", *p);
		else
			*w++ = (char)*p;
	}
	memcpy(w, parameters, strlen(parameters) + 1);
	return uri;
}

static int pragma(struct store_reader *s, const char *sql, int64_t *ret)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	int r = store_prepare(s, &query, sql);

	if (r < 0)
		return r;
	r = store_step(s, query);
	if (r < 0)
		return r;
	*ret = r ? sqlite3_column_int64(query, 0) : 0;
	return 0;
}

static int check_tables(struct store_reader *s)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	int r = store_prepare(
		s, &query, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?");

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(needed_tables); i++) {
		sqlite3_reset(query);
		sqlite3_bind_text(query, 1, needed_tables[i], -1, SQLITE_STATIC);
		r = store_step(s, query);
		if (r < 0)
			return r;
		if (sqlite3_column_int(query, 0) != 1)
			return error_set(&s->last, -EBADMSG,
				"the store %s is damaged: it lacks the table \"%s\"", s->path,
				needed_tables[i]);
	}
	return 0;
}

static int check_identity(struct store_reader *s)
{
	int64_t application = 0, version = 0;
	int r = pragma(s, "PRAGMA application_id", &application);

	if (r >= 0)
		r = pragma(s, "PRAGMA user_version", &version);
	if (r < 0)
		return r;
	if (application != STORE_APPLICATION_ID)
		return error_set(&s->last, -EMEDIUMTYPE,
			"%s is not a guestscope store: it is another program's SQLite file",
			s->path);
	if (version != STORE_VERSION)
		return error_set(&s->last, -EPROTONOSUPPORT,
			"the store %s has version %lld, this report reads version %d: use the "
			"guestscope that made it",
			s->path, (long long)version, STORE_VERSION);
	return check_tables(s);
}

int store_adopt(sqlite3 *db, const char *path, struct store_reader **ret, struct error *error)
{
	_cleanup_store_ struct store_reader *s = calloc(1, sizeof(*s));
	int r;

	if (!s || !(s->path = strdup(path))) {
		sqlite3_close(db);
		return error_set_errno(error, -ENOMEM, "cannot open %s", path);
	}
	s->db = db;
	/* A store may come from anyone: no trigger, view or index of its schema may call code. */
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	store_wait(db);
	r = check_identity(s);
	if (r >= 0)
		r = store_load(s);
	if (r < 0) {
		if (error)
			*error = s->last;
		return r;
	}
	*ret = TAKE_PTR(s);
	return 0;
}

int store_unfinished(const struct store_reader *s, const char *label, char **ret)
{
	const char *text = store_setting(s, "planned_runs");
	unsigned long long planned = text ? strtoull(text, NULL, 10) : 0;
	const char *file = strrchr(s->path, '/');
	_cleanup_free_ char *folder =
		file ? strndup(s->path, (size_t)(file - s->path)) : strdup(".");
	_cleanup_free_ char *sentence = NULL;
	size_t size;
	FILE *out;

	if (s->tables.n_runs >= planned)
		return 0;
	out = folder ? open_memstream(&sentence, &size) : NULL;
	if (!out)
		return -ENOMEM;
	fprintf(out,
		"%s%sstopped after %zu of %s%llu planned runs; continue with: collector --resume ",
		label, *label ? ": " : "", s->tables.n_runs,
		store_setting(s, "until") ? "at most " : "", planned);
	shell_word(out, folder);
	if (fclose(out) != 0)
		return -ENOMEM;
	*ret = TAKE_PTR(sentence);
	return 1;
}

static int warn_unfinished(struct store_reader *s)
{
	struct store_tables *t = &s->tables;
	struct store_warning *w;
	_cleanup_free_ char *sentence = NULL;
	int r = store_unfinished(s, "", &sentence);

	if (r <= 0)
		return r;
	if (ARRAY_MORE(t->warnings, t->n_warnings, 1) < 0)
		return -ENOMEM;
	w = t->warnings;
	memmove(w + 1, w, t->n_warnings++ * sizeof(*w));
	t->is_unfinished = true;
	*w = (struct store_warning){
		STORE_NULL, text_intern(&s->strings, sentence, strlen(sentence), false)};
	return w->text ? 0 : -ENOMEM;
}

int store_reader_open(const char *path, struct store_reader **ret, struct error *error)
{
	_cleanup_free_ char *file = NULL, *uri = NULL;
	sqlite3 *db = NULL;
	int r = find_file(path, &file, error);

	if (r < 0 || !file)
		return r;
	uri = store_uri(file);
	if (!uri)
		return error_set_errno(error, -ENOMEM, "cannot open %s", file);
	if (sqlite3_open_v2(uri, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) != SQLITE_OK) {
		r = error_set(error, -EACCES, "cannot open the store %s: %s", file,
			db ? sqlite3_errmsg(db) : "out of memory");
		sqlite3_close(db);
		return r;
	}
	r = store_adopt(db, file, ret, error);
	if (r < 0 || warn_unfinished(*ret) == 0)
		return r;
	store_reader_close(TAKE_PTR(*ret));
	return error_set_errno(error, -ENOMEM, "cannot open %s", file);
}

int store_find_file(const char *path, char **ret, struct error *error)
{
	return find_file(path, ret, error);
}
