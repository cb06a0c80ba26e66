/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/store/store_writer.h: what is written can be read, by others meanwhile,
 * too. */
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>

#include "tests/collector/store_fixture.h"

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
	assert_int_equal(store_writer_done(s, done, ARRAY_SIZE(done), &failed, &error), 3);
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

static void a_store_of_another_version_is_not_gone_on_with(void **state)
{
	static const char *const changes[] = {
		"DROP TABLE timeline", "ALTER TABLE guest_stack_end DROP COLUMN module"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		const char *dir = new_dir();
		_cleanup_free_ char *path = NULL;
		struct store_writer *s = create(dir);
		struct error error = {0};
		sqlite3 *db = NULL;

		assert_int_equal(write_one(s, 1, NULL), 0);
		store_writer_close(s);
		assert_true(asprintf(&path, "%s/experiment.db", dir) > 0);
		assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
		assert_int_equal(sqlite3_exec(db, changes[i], NULL, NULL, NULL), SQLITE_OK);
		sqlite3_close(db);
		assert_int_equal(store_writer_open(dir, &s, &error), -EPROTONOSUPPORT);
		assert_non_null(strstr(error.text, "another version of the collector"));
	}
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
		cmocka_unit_test(who_looks_into_it_is_in_nobodys_way),
		cmocka_unit_test(a_store_is_gone_on_with),
		cmocka_unit_test(a_store_of_another_version_is_not_gone_on_with),
		cmocka_unit_test(the_same_run_twice_is_refused_and_the_first_stays),
	};

	return cmocka_run_group_tests(tests, store_fixture_begin, store_fixture_end);
}
