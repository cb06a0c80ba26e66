/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Promises of collector/store/store_writer.h: what is written can be read, and a run is there whole
 * or not at all, whichever write fails and whenever the writer dies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collector/store/store_writer.h"
#include "common/cleanup.h"
#include "common/store_format.h"
#include "tests/collector/temporary.h"

#define SAMPLES 400 /* enough for a run to take several pages */

/* Faults */

/** Writes until the device is full; negative: it never is. */
static int writes_left = -1;

static ssize_t failing_pwrite(int fd, const void *data, size_t size, off_t offset)
{
	if (writes_left == 0) {
		errno = ENOSPC;
		return -1;
	}
	writes_left -= writes_left > 0;
	return pwrite(fd, data, size, offset);
}

static ssize_t failing_write(int fd, const void *data, size_t size)
{
	if (writes_left == 0) {
		errno = ENOSPC;
		return -1;
	}
	writes_left -= writes_left > 0;
	return write(fd, data, size);
}

/** From now on SQLite writes by the functions above (its own interface for tests like this). */
static void put_faults_into_sqlite(void)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

	assert_non_null(vfs);
	assert_true(vfs->iVersion >= 3);
	vfs->xSetSystemCall(vfs, "pwrite", (sqlite3_syscall_ptr)failing_pwrite);
	vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr)failing_pwrite);
	vfs->xSetSystemCall(vfs, "write", (sqlite3_syscall_ptr)failing_write);
}

/* A run that was never executed */

static struct symbols *names;

static struct run_settings settings_with(struct symbols *s)
{
	const struct run_settings settings = {
		.scenario = "quick",
		.names = s,
		.exact_split = true,
		.frequency_hz = 999,
	};

	return settings;
}

static struct run_request a_request(unsigned id)
{
	const struct run_request q = {
		.id = id,
		.ops = guest_find("native"),
		.accel = ACCEL_NONE,
		.lanes = 2,
		.repetition = 3,
		.position = id,
		.block = 3,
		.counted = true,
		.label = "a",
	};

	return q;
}

static void add_stacks(struct run_result *r)
{
	for (uint64_t i = 0; i < SAMPLES; i++) {
		const uint64_t kernel[] = {0xffffffff80001000 + i, 0xffffffff80002000};
		const uint64_t user[] = {0x1000 + i, 0x2000};
		const struct profile_entry key = {
			.kind = i % 2 ? PROFILE_OFFCPU : PROFILE_ONCPU,
			.phase = 1,
			.lane = i % 4 == 3 ? PROBE_LANE_NONE : 1,
			.tgid = (uint32_t)getpid(),
			.mode = SAMPLE_USER,
			.thread = "worker/1",
			.n_kernel = i % 2 ? 2 : 0,
			.n_user = 2,
		};

		profile_add(&r->profile, &key, kernel, user, 1001001, 1);
	}
}

static void *copy_of(const void *data, size_t size)
{
	void *copy = malloc(size);

	assert_non_null(copy);
	memcpy(copy, data, size);
	return copy;
}

#define COPY(array) copy_of(array, sizeof(array))

/** Something in each table. To be released by run_result_done(). */
static struct run_result a_result(void)
{
	static const struct account accounts[] = {
		{.lane = 0,
			.state = STATE_BLOCKED,
			.detail = "futex lock",
			.ns = 700,
			.exact = true,
			.count = 2},
		{.phase = 1, .lane = 1, .state = STATE_USER, .ns = 300, .samples = 12},
		{.phase = 1,
			.lane = PROBE_LANE_NONE,
			.state = STATE_ONCPU,
			.detail = "dockerd",
			.ns = 55,
			.exact = true,
			.count = 1},
	};
	static const struct audit_row rows[] = {
		{0, 1, "cpu_time", 100, 101, 5},
		{2, -1, "guest_clock", 200, 202, 5}, /* past the last phase: of all */
	};
	static const struct run_worker workers[] = {{1, 3, 500, 10, 2, 4}};
	static const struct run_row tasks[] = {{7, 1, 1000, 1500}, {8, 0, 1100, 1600}};
	static const struct run_counter counters[] = {
		{.lane = 0, .name = "cycles"},
		{.lane = 0,
			.name = "task-clock",
			.counted = true,
			.value = 42,
			.enabled_ns = 9,
			.running_ns = 8},
	};
	struct run_result r = {
		.ok = true,
		.start_utc = "2024-02-29T12:00:00Z",
		.start_ns = 1000,
		.end_ns = 3000,
		.boot_ns = 500,
		.runtime_ns = 1500,
		.has_boot = true,
		.has_runtime = true,
		.phases = {{"boot", 1000, 1500}, {"render", 1500, 3000}},
		.n_phases = 2,
		.boot = {{{"process start", "first code of mandelbrot", 1000, 1200},
				 {"program", "first marker", 1200, 1500}},
			2},
		.lanes = 2,
		.has_books = true,
		.books = {COPY(accounts), ARRAY_SIZE(accounts), ARRAY_SIZE(accounts), 17, 0.0005},
		.audit = {COPY(rows), ARRAY_SIZE(rows), true, true},
		.workers = COPY(workers),
		.n_workers = ARRAY_SIZE(workers),
		.rows = COPY(tasks),
		.n_rows = ARRAY_SIZE(tasks),
		.counters = COPY(counters),
		.n_counters = ARRAY_SIZE(counters),
		.command = strdup("[\"mandelbrot\"]"),
		.warnings = calloc(1, sizeof(char *)),
		.n_warnings = 1,
	};

	r.warnings[0] = strdup("the neighbours are noisy");
	memset(r.raster_sha256, 'a', 64);
	add_stacks(&r);
	return r;
}

/* Writing and reading */

static const char *new_dir(void)
{
	static unsigned number;
	static char dir[64];

	snprintf(dir, sizeof(dir), "%s/%u", temporary_dir, number++);
	assert_int_equal(mkdir(dir, 0755), 0);
	return dir;
}

static struct store_writer *create(const char *dir)
{
	struct store_writer *s = NULL;
	struct error error = {0};

	if (store_writer_create(dir, &s, &error) < 0 || store_writer_publish(s, &error) < 0)
		fail_msg("%s", error.text);
	return s;
}

static int write_result(
	struct store_writer *s, unsigned id, const struct run_result *r, struct error *error)
{
	const struct run_settings settings = settings_with(names);
	const struct run_request q = a_request(id);

	return store_writer_run(s, &settings, &q, r, error);
}

static int write_one(struct store_writer *s, unsigned id, struct error *error)
{
	struct run_result r = a_result();
	int q = write_result(s, id, &r, error);

	run_result_done(&r);
	return q;
}

static sqlite3 *open_store(const char *dir)
{
	char path[128];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/" STORE_FILE_NAME, dir);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	return db;
}

/** All rows of @sql, as "a|b|NULL;c|d|e". */
static const char *ask(sqlite3 *db, const char *sql)
{
	static char text[4096];
	sqlite3_stmt *statement;
	size_t used = 0;

	text[0] = '\0';
	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	while (sqlite3_step(statement) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(statement); i++) {
			const unsigned char *column = sqlite3_column_text(statement, i);

			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
				i ? "|" : (used ? ";" : ""),
				column ? (const char *)column : "NULL");
			assert_true(used < sizeof(text));
		}
	}
	assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
	return text;
}

static const char *const tables_of_a_run[] = {
	"phase", "boot_step", "account", "audit", "counter", "sample", "row", "worker", "warning"};

/** Run @id is whole or absent in every table; which of the two. */
static bool is_whole(sqlite3 *db, unsigned id)
{
	static const int expected[] = {2, 2, 3, 2, 2, SAMPLES, 2, 1, 1};
	char sql[128];
	int there;

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM run WHERE id = %u", id);
	there = atoi(ask(db, sql));
	assert_in_range(there, 0, 1);
	for (size_t i = 0; i < ARRAY_SIZE(tables_of_a_run); i++) {
		snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s WHERE run = %u",
			tables_of_a_run[i], id);
		assert_int_equal(atoi(ask(db, sql)), there ? expected[i] : 0);
	}
	assert_string_equal(ask(db, "PRAGMA integrity_check"), "ok");
	assert_string_equal(ask(db, "PRAGMA foreign_key_check"), "");
	return there;
}

/* Promises */

static void a_store_says_what_it_is(void **state)
{
	const char *dir = new_dir();
	sqlite3 *db;

	(void)state;
	store_writer_close(create(dir));
	db = open_store(dir);
	assert_int_equal(atoi(ask(db, "PRAGMA application_id")), STORE_APPLICATION_ID);
	assert_int_equal(atoi(ask(db, "PRAGMA user_version")), STORE_VERSION);
	sqlite3_close(db);
}

static void what_is_said_of_the_experiment_keeps_its_type(void **state)
{
	const char *dir = new_dir();
	struct store_writer *s = create(dir);
	json_t *values = json_pack("{s:s, s:I, s:b, s:f, s:[ii]}", "text", "it's", "whole",
		(json_int_t)INT64_MAX, "flag", 1, "real", 0.5, "list", 1, 2);
	const char *key;
	json_t *value;
	sqlite3 *db;

	(void)state;
	assert_non_null(values);
	json_object_foreach (values, key, value)
		assert_int_equal(store_writer_set(s, key, value, NULL), 0);
	assert_int_equal(store_writer_set(s, "text", json_object_get(values, "text"), NULL), 0);
	assert_int_equal(store_writer_warn(s, "something is odd", NULL), 0);
	store_writer_close(s);
	json_decref(values);
	db = open_store(dir);
	assert_string_equal(
		ask(db, "SELECT key, value, typeof(value) FROM experiment ORDER BY key"),
		"flag|1|integer;list|[1,2]|text;real|0.5|text;text|it's|text;"
		"whole|9223372036854775807|integer");
	assert_string_equal(ask(db, "SELECT run, text FROM warning"), "NULL|something is odd");
	sqlite3_close(db);
}

static void a_run_can_be_read_as_it_was_written(void **state)
{
	const char *dir = new_dir();
	struct store_writer *s = create(dir);
	sqlite3 *db;

	(void)state;
	assert_int_equal(write_one(s, 5, NULL), 0);
	store_writer_close(s);
	db = open_store(dir);
	assert_true(is_whole(db, 5));
	assert_string_equal(
		ask(db, "SELECT id, guest, cores, scenario, repetition, position, accel, status,"
			" error, start_ns, end_ns, boot_ns, runtime_ns, guest_runtime_ns,"
			" lost_events, closed, audited, residual_ns, start_utc, split,"
			" frequency_hz, command, length(raster_sha256) FROM run"),
		"5|native|2|quick|3|5|none|ok|NULL|1000|3000|500|1500|NULL|0|1|1|17|"
		"2024-02-29T12:00:00Z|exact|999|[\"mandelbrot\"]|64");
	assert_string_equal(ask(db, "SELECT name, start_ns, end_ns FROM phase"),
		"boot|1000|1500;render|1500|3000");
	assert_string_equal(
		ask(db, "SELECT position, name, start_ns, end_ns, source FROM boot_step"),
		"0|process start|1000|1200|first code of mandelbrot;"
		"1|program|1200|1500|first marker");
	assert_string_equal(ask(db, "SELECT phase, lane, state, detail, ns, exact, samples, count "
				    "FROM account"),
		"boot|0|blocked|futex lock|700|1|NULL|2;render|1|user||300|0|12|NULL;"
		"render|-1|helper|dockerd|55|1|NULL|1");
	assert_string_equal(ask(db, "SELECT phase, lane, what, books_ns, other_ns, bound_ns"
				    " FROM audit"),
		"boot|1|cpu_time|100|101|5;all|-1|guest_clock|200|202|5");
	assert_string_equal(
		ask(db, "SELECT lane, name, value, enabled_ns, running_ns FROM counter"),
		"0|cycles|NULL|NULL|NULL;0|task-clock|42|9|8");
	assert_string_equal(
		ask(db, "SELECT worker, cpu, busy_ns, tasks, steals, parks FROM worker"),
		"1|3|500|10|2|4");
	assert_string_equal(ask(db, "SELECT task, lane, start_ns, end_ns FROM row"),
		"7|1|1000|1500;8|0|1100|1600");
	assert_string_equal(ask(db, "SELECT run, text FROM warning"), "5|the neighbours are noisy");
	sqlite3_close(db);
}

static void what_a_failed_run_does_not_have_is_null(void **state)
{
	struct run_result r = {.error = "the guest hangs", .start_utc = "2024-02-29T12:00:00Z"};
	const char *dir = new_dir();
	struct store_writer *s = create(dir);
	sqlite3 *db;

	(void)state;
	assert_int_equal(write_result(s, 1, &r, NULL), 0);
	store_writer_close(s);
	db = open_store(dir);
	assert_string_equal(
		ask(db, "SELECT status, error, start_ns, end_ns, boot_ns, runtime_ns, closed,"
			" audited, residual_ns, command, raster_sha256 FROM run"),
		"failed|the guest hangs|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL");
	sqlite3_close(db);
}

static void stacks_are_paths_in_one_tree(void **state)
{
	const char *dir = new_dir();
	struct store_writer *s = create(dir);
	sqlite3 *db;

	(void)state;
	assert_int_equal(write_one(s, 1, NULL), 0);
	assert_int_equal(write_one(s, 2, NULL), 0);
	store_writer_close(s);
	db = open_store(dir);
	assert_string_equal(ask(db, "SELECT kind, sum(weight_ns), sum(count) FROM sample"
				    " WHERE run = 2 GROUP BY kind"),
		"offcpu|200200200|200;oncpu|200200200|200");
	/* No frame and no place in the tree is there twice. */
	assert_string_equal(
		ask(db, "SELECT count(*) FROM (SELECT 1 FROM frame GROUP BY side, module,"
			" symbol HAVING count(*) > 1)"),
		"0");
	assert_string_equal(
		ask(db, "SELECT count(*) FROM (SELECT 1 FROM stack GROUP BY parent, frame"
			" HAVING count(*) > 1)"),
		"0");
	/* Both runs' equal samples have the same stack. */
	assert_string_equal(
		ask(db, "SELECT count(DISTINCT a.stack) = count(DISTINCT b.stack),"
			" count(*) FROM sample a JOIN sample b ON a.rowid + 400 = b.rowid"
			" AND a.stack = b.stack WHERE a.run = 1"),
		"1|400");
	assert_string_equal(
		ask(db, "SELECT DISTINCT side FROM frame ORDER BY side"), "kernel;user");
	sqlite3_close(db);
}

static void a_closed_store_is_one_file(void **state)
{
	const char *dir = new_dir();
	struct store_writer *s = create(dir);
	char path[128];

	(void)state;
	assert_int_equal(write_one(s, 1, NULL), 0);
	store_writer_close(s);
	store_writer_close(NULL);
	snprintf(path, sizeof(path), "%s/" STORE_FILE_NAME "-wal", dir);
	assert_int_equal(access(path, F_OK), -1);
	snprintf(path, sizeof(path), "%s/" STORE_FILE_NAME "-shm", dir);
	assert_int_equal(access(path, F_OK), -1);
}

static void a_store_that_is_there_is_left_alone(void **state)
{
	struct store_writer *s, *other = NULL;
	const char *dir = new_dir();
	struct error error = {0};
	sqlite3 *db;

	(void)state;
	s = create(dir);
	assert_int_equal(write_one(s, 1, NULL), 0);
	store_writer_close(s);
	assert_int_equal(store_writer_create(dir, &other, &error), -EEXIST);
	assert_null(other);
	assert_non_null(strstr(error.text, dir));
	assert_non_null(strstr(error.text, "--output"));
	db = open_store(dir);
	assert_true(is_whole(db, 1));
	sqlite3_close(db);
}

static void a_folder_that_is_not_there_is_named(void **state)
{
	struct store_writer *s = NULL;
	struct error error = {0};

	(void)state;
	assert_int_equal(store_writer_create("/nonexistent/folder", &s, &error), -ENOENT);
	assert_null(s);
	assert_non_null(strstr(error.text, "/nonexistent/folder"));
}

static void a_store_that_is_not_published_is_not_there(void **state)
{
	const char *dir = new_dir();
	struct store_writer *s = NULL;
	struct error error = {0};
	json_t *value = json_string("it");
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/" STORE_FILE_NAME, dir);
	assert_int_equal(store_writer_create(dir, &s, &error), 0);
	assert_int_equal(store_writer_set(s, "plan", value, NULL), 0);
	assert_int_equal(access(path, F_OK), -1);
	store_writer_close(s);
	assert_int_equal(rmdir(dir), 0);
	json_decref(value);
}

static void whenever_its_making_is_cut_off_there_is_a_whole_store_or_none(void **state)
{
	unsigned there = 0;

	(void)state;
	for (int round = 0; round < 24; round++) {
		struct timespec delay = {.tv_nsec = round * 500000};
		const char *dir = new_dir();
		struct store_writer *s = NULL;
		char path[128];
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			json_t *value = json_string("it");

			if (store_writer_create(dir, &s, NULL) == 0 &&
				store_writer_set(s, "plan", value, NULL) == 0)
				store_writer_publish(s, NULL);
			for (;;)
				pause();
		}
		nanosleep(&delay, NULL);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		snprintf(path, sizeof(path), "%s/" STORE_FILE_NAME, dir);
		if (access(path, F_OK) == 0) {
			_cleanup_free_ char *plan = NULL;

			there++;
			assert_int_equal(store_writer_open(dir, &s, NULL), 0);
			assert_int_equal(store_writer_get(s, "plan", &plan, NULL), 0);
			assert_string_equal(plan, "it");
		} else {
			/* What is left of it is in nobody's way. */
			s = create(dir);
		}
		assert_int_equal(write_one(s, 1, NULL), 0);
		store_writer_close(s);
	}
	print_message("%u of 24 were there\n", there);
}

/** Look into the store for ever, whenever it is there. */
static void read_for_ever(const char *path)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* should the test fail */
	for (;;) {
		sqlite3 *db;

		if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK)
			sqlite3_exec(db, "SELECT count(*) FROM run", NULL, NULL, NULL);
		sqlite3_close(db);
	}
}

static void who_looks_into_it_is_in_nobodys_way(void **state)
{
	const char *dir = new_dir();
	char path[128];
	pid_t readers[3];

	(void)state;
	snprintf(path, sizeof(path), "%s/" STORE_FILE_NAME, dir);
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		readers[i] = fork();
		assert_true(readers[i] >= 0);
		if (readers[i] == 0)
			read_for_ever(path);
	}
	for (int round = 0; round < 20; round++) {
		struct store_writer *s = create(dir);

		assert_int_equal(write_one(s, 1, NULL), 0);
		sqlite3_close(open_store(dir));
		store_writer_close(s);
		assert_int_equal(unlink(path), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		kill(readers[i], SIGKILL);
		assert_int_equal(waitpid(readers[i], NULL, 0), readers[i]);
	}
}

static void a_store_is_gone_on_with(void **state)
{
	const char *dir = new_dir();
	struct store_writer *s = create(dir);
	bool done[4] = {false};
	struct error error = {0};
	char *text = NULL;
	size_t failed = 7;
	sqlite3 *db;

	(void)state;
	assert_int_equal(write_one(s, 1, NULL), 0);
	assert_int_equal(write_one(s, 3, NULL), 0);
	assert_int_equal(write_one(s, 9, NULL), 0); /* of no plan that we know */
	store_writer_close(s);
	assert_int_equal(store_writer_open(dir, &s, &error), 0);
	assert_int_equal(store_writer_done(s, done, ARRAY_SIZE(done), &failed, &error), 0);
	assert_true(done[0] && !done[1] && done[2] && !done[3]);
	assert_int_equal(failed, 0);
	assert_int_equal(store_writer_get(s, "no such key", &text, &error), -ENODATA);
	assert_null(text);
	assert_int_equal(write_one(s, 2, NULL), 0);
	store_writer_close(s);
	db = open_store(dir);
	for (unsigned id = 1; id <= 3; id++)
		assert_true(is_whole(db, id));
	assert_string_equal(ask(db, "SELECT DISTINCT block, counted, label FROM run"), "3|1|a");
	sqlite3_close(db);
	assert_int_equal(store_writer_open("/nonexistent", &s, &error), -ENOENT);
	assert_non_null(strstr(error.text, "/nonexistent"));
}

static void the_same_run_twice_is_refused_and_the_first_stays(void **state)
{
	const char *dir = new_dir();
	struct store_writer *s = create(dir);
	struct error error = {0};
	sqlite3 *db;

	(void)state;
	assert_int_equal(write_one(s, 1, NULL), 0);
	assert_true(write_one(s, 1, &error) < 0);
	assert_true(error.text[0] != '\0');
	store_writer_close(s);
	db = open_store(dir);
	assert_true(is_whole(db, 1));
	sqlite3_close(db);
}

/* The device is full at every write in turn, until one more is enough for the whole run. */
static void whichever_write_fails_a_run_is_whole_or_absent(void **state)
{
	int r = -1;

	(void)state;
	for (int writes = 0; r < 0; writes++) {
		const char *dir = new_dir();
		struct store_writer *s = create(dir);
		struct error error = {0};
		sqlite3 *db;

		assert_true(writes < 1000);
		assert_int_equal(write_one(s, 1, NULL), 0);
		writes_left = writes;
		r = write_one(s, 2, &error);
		writes_left = -1;
		if (r < 0) {
			assert_int_equal(r, -ENOSPC);
			assert_non_null(strstr(error.text, "No space left"));
			assert_null(strchr(error.text, '\n'));
		}
		/* There is room again: the experiment can go on. */
		assert_int_equal(write_one(s, 3, NULL), 0);
		store_writer_close(s);
		db = open_store(dir);
		assert_true(is_whole(db, 1));
		assert_int_equal(is_whole(db, 2), r == 0);
		assert_true(is_whole(db, 3));
		sqlite3_close(db);
	}
}

static void a_device_that_is_full_at_the_end_loses_nothing(void **state)
{
	(void)state;
	for (int writes = 0; writes < 20; writes++) {
		const char *dir = new_dir();
		struct store_writer *s = create(dir);
		sqlite3 *db;

		assert_int_equal(write_one(s, 1, NULL), 0);
		writes_left = writes;
		store_writer_close(s);
		writes_left = -1;
		db = open_store(dir);
		assert_true(is_whole(db, 1));
		sqlite3_close(db);
	}
}

static void a_store_that_cannot_be_begun_leaves_nothing(void **state)
{
	int r = -1;

	(void)state;
	for (int writes = 0; r < 0; writes++) {
		const char *dir = new_dir();
		struct store_writer *s = NULL;
		struct error error = {0};

		assert_true(writes < 1000);
		writes_left = writes;
		r = store_writer_create(dir, &s, &error);
		if (r == 0)
			r = store_writer_publish(s, &error);
		writes_left = -1;
		if (r < 0) {
			store_writer_close(s);
			s = NULL;
			assert_int_equal(r, -ENOSPC);
			assert_non_null(strstr(error.text, "No space left"));
			assert_int_equal(rmdir(dir), 0);
		}
		store_writer_close(s);
	}
}

/* As a quota or a limit does it, which is no full device. */
static void a_file_that_may_not_grow_is_a_clear_error(void **state)
{
	struct rlimit old, tight;
	const char *dir = new_dir();
	struct store_writer *s = create(dir);
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	struct error error = {0};
	sqlite3 *db;
	int r;

	(void)state;
	assert_int_equal(write_one(s, 1, NULL), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	tight = (struct rlimit){.rlim_cur = 16384, .rlim_max = old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	r = write_one(s, 2, &error);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, handler);
	store_writer_close(s);
	assert_int_equal(r, -EFBIG);
	assert_non_null(strstr(error.text, strerror(EFBIG)));
	db = open_store(dir);
	assert_true(is_whole(db, 1));
	assert_false(is_whole(db, 2));
	sqlite3_close(db);
}

static void whenever_the_writer_is_killed_runs_are_whole(void **state)
{
	(void)state;
	for (int round = 0; round < 12; round++) {
		struct timespec delay = {.tv_nsec = 3000000 + round * 7000000};
		const char *dir = new_dir();
		struct store_writer *s;
		unsigned id = 1;
		sqlite3 *db;
		pid_t pid;
		int end[2];
		char byte;

		assert_int_equal(pipe(end), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			s = create(dir);
			if (write(end[1], "x", 1) != 1)
				_exit(1);
			while (write_one(s, id, NULL) == 0)
				id++;
			_exit(2);
		}
		assert_int_equal(read(end[0], &byte, 1), 1);
		nanosleep(&delay, NULL);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		close(end[0]);
		close(end[1]);
		db = open_store(dir);
		while (is_whole(db, id))
			id++;
		assert_int_equal(atoi(ask(db, "SELECT count(*) FROM run")), id - 1);
		assert_int_equal(atoi(ask(db, "SELECT count(*) FROM sample")), (id - 1) * SAMPLES);
		sqlite3_close(db);
	}
}

static int begin(void **state)
{
	/* In memory, where there is such a place: a device takes its time for every sync. */
	if (access("/dev/shm", W_OK) == 0)
		strcpy(temporary_dir, "/dev/shm/guestscope-XXXXXX");
	if (symbols_new(&names, NULL) < 0 || temporary_make(state) < 0)
		return -1;
	put_faults_into_sqlite();
	return 0;
}

static int end(void **state)
{
	symbols_free(names);
	return temporary_remove(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_store_says_what_it_is),
		cmocka_unit_test(what_is_said_of_the_experiment_keeps_its_type),
		cmocka_unit_test(a_run_can_be_read_as_it_was_written),
		cmocka_unit_test(what_a_failed_run_does_not_have_is_null),
		cmocka_unit_test(stacks_are_paths_in_one_tree),
		cmocka_unit_test(a_closed_store_is_one_file),
		cmocka_unit_test(a_store_that_is_there_is_left_alone),
		cmocka_unit_test(a_folder_that_is_not_there_is_named),
		cmocka_unit_test(a_store_that_is_not_published_is_not_there),
		cmocka_unit_test(whenever_its_making_is_cut_off_there_is_a_whole_store_or_none),
		cmocka_unit_test(who_looks_into_it_is_in_nobodys_way),
		cmocka_unit_test(a_store_is_gone_on_with),
		cmocka_unit_test(the_same_run_twice_is_refused_and_the_first_stays),
		cmocka_unit_test(whichever_write_fails_a_run_is_whole_or_absent),
		cmocka_unit_test(a_device_that_is_full_at_the_end_loses_nothing),
		cmocka_unit_test(a_store_that_cannot_be_begun_leaves_nothing),
		cmocka_unit_test(a_file_that_may_not_grow_is_a_clear_error),
		cmocka_unit_test(whenever_the_writer_is_killed_runs_are_whole),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
