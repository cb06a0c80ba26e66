/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Promises of collector/store/store_writer.h: a run is there whole or not at all, whichever write
 * fails and whenever the writer dies.
 */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#include "tests/collector/store_fixture.h"

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
	int r = store_fixture_begin(state);

	if (r == 0)
		put_faults_into_sqlite();
	return r;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_store_that_is_not_published_is_not_there),
		cmocka_unit_test(whenever_its_making_is_cut_off_there_is_a_whole_store_or_none),
		cmocka_unit_test(whichever_write_fails_a_run_is_whole_or_absent),
		cmocka_unit_test(a_device_that_is_full_at_the_end_loses_nothing),
		cmocka_unit_test(a_store_that_cannot_be_begun_leaves_nothing),
		cmocka_unit_test(a_file_that_may_not_grow_is_a_clear_error),
		cmocka_unit_test(whenever_the_writer_is_killed_runs_are_whole),
	};

	return cmocka_run_group_tests(tests, begin, store_fixture_end);
}
