/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of common/text_file.h and common/proc.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/proc.h"
#include "common/text_file.h"

static char path[] = "/tmp/guestscope-text-XXXXXX";

static int make_file(void **state)
{
	static const char text[] =
		"model name\t: One: two\nmodel:\nflags: fpu vme svmx\nmodel: 2\n";
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 || write(fd, text, sizeof(text) - 1) < 0 || close(fd) < 0;
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static void a_value_is_found_by_its_whole_key(void **state)
{
	_cleanup_free_ char *name = file_value("model name", "%s", path);
	_cleanup_free_ char *first = file_value("model", "%s", path);
	_cleanup_free_ char *none = file_value("mode", "%s", path);

	(void)state;
	assert_string_equal(name, "One: two");
	assert_string_equal(first, "");
	assert_null(none);
	assert_null(file_value("model", "%s/none", path));
}

static void a_word_is_one_between_spaces(void **state)
{
	_cleanup_free_ char *flags = file_value("flags", "%s", path);

	(void)state;
	assert_true(has_word(flags, "fpu"));
	assert_true(has_word(flags, "svmx"));
	assert_false(has_word(flags, "svm"));
	assert_false(has_word(NULL, "svm"));
}

static void a_file_is_read_as_far_as_there_is_room(void **state)
{
	char text[256], few[6], fifo[64];

	(void)state;
	assert_int_equal(file_read_start(few, sizeof(few), "%s", path), 5);
	assert_string_equal(few, "model");
	assert_true(file_read_start(text, sizeof(text), "%s", path) > 50);
	assert_string_equal(strrchr(text, 'm'), "model: 2\n");
	assert_int_equal(file_read_start(text, sizeof(text), "%s/none", path), -ENOTDIR);
	assert_int_equal(file_read_start(text, sizeof(text), "/tmp"), -EISDIR);
	/* Nobody writes to it: it has nothing, and there is no waiting. */
	snprintf(fifo, sizeof(fifo), "%s-fifo", path);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(file_read_start(text, sizeof(text), "%s", fifo), 0);
	unlink(fifo);
}

static void a_process_is_told_whatever_its_name(void **state)
{
	struct proc_stat s;
	char name[PROC_NAME_SIZE];

	(void)state;
	prctl(PR_SET_NAME, "a) Z (b");
	assert_int_equal(proc_read_stat(getpid(), &s), 0);
	assert_string_equal(s.comm, "a) Z (b");
	assert_int_equal(s.state, 'R');
	assert_int_equal(s.ppid, getppid());
	proc_read_thread_name(getpid(), getpid(), name);
	assert_string_equal(name, "a) Z (b");
	proc_read_thread_name(getpid(), INT32_MAX, name);
	assert_string_equal(name, "");
	assert_int_equal(proc_read_stat(INT32_MAX, &s), -ESRCH);
}

/* Eight columns as in proc_stat(5). */
static void stolen_time_is_that_of_the_cpus_asked_for(void **state)
{
	static const char text[] = "cpu  9 9 9 9 9 9 9 60 9 9\ncpu0 1 2 3 4 5 6 7 10 8 9\n"
				   "cpu1 1 2 3 4 5 6 7 20 8 9\ncpu11 1 2 3 4 5 6 7 30 8 9\n"
				   "intr 5 6 7 8 9 10 11 12\n";
	static const int cpus[] = {11, 0};
	char stat[] = "/tmp/guestscope-stat-XXXXXX";
	int fd = mkstemp(stat);
	uint64_t tick_ns = 1000000000ULL / (uint64_t)sysconf(_SC_CLK_TCK);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	assert_int_equal(proc_read_stolen_ns(stat, cpus, 2), 40 * tick_ns);
	assert_int_equal(proc_read_stolen_ns(stat, cpus, 1), 30 * tick_ns);
	assert_int_equal(proc_read_stolen_ns(stat, NULL, 0), 60 * tick_ns);
	unlink(stat);
	assert_int_equal(proc_read_stolen_ns(stat, NULL, 0), 0);
}

static int known_variable = 7;

static void variables_lie_where_the_kernel_says(void **state)
{
	struct proc_variables v;
	_cleanup_free_ char *heap = malloc(16);

	(void)state;
	assert_int_equal(proc_read_variables(getpid(), &v), 0);
	assert_true(v.data <= (uintptr_t)&known_variable && (uintptr_t)&known_variable < v.brk);
	assert_true((uintptr_t)heap >= v.brk || (uintptr_t)heap < v.data);
	assert_int_equal(proc_read_variables(INT32_MAX, &v), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_is_found_by_its_whole_key),
		cmocka_unit_test(a_word_is_one_between_spaces),
		cmocka_unit_test(a_file_is_read_as_far_as_there_is_room),
		cmocka_unit_test(a_process_is_told_whatever_its_name),
		cmocka_unit_test(variables_lie_where_the_kernel_says),
		cmocka_unit_test(stolen_time_is_that_of_the_cpus_asked_for),
	};

	return cmocka_run_group_tests_name("text_file", tests, make_file, remove_file);
}
