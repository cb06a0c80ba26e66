/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Children: held, released, killed, never left behind. And the reading of consoles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/console.h"
#include "common/spawn.h"
#include "tests/common/ranges.h"

static void close_child(struct child *c)
{
	close_safe(c->hold_fd);
	close_safe(c->console_fd);
	close_safe(c->pidfd);
}

/* Everything the child writes until its end. */
static size_t read_all(int fd, char *text, size_t size)
{
	size_t used = 0;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n;

		assert_true(poll(&p, 1, 10000) > 0);
		n = read(fd, text + used, size - 1 - used);
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	text[used] = '\0';
	return used;
}

static void child_waits_before_its_exec(void **state)
{
	struct spawn s = {.argv = (char *[]){"echo", "released", NULL}};
	char text[64];
	struct child c;
	int status;

	(void)state;
	assert_int_equal(spawn_held(&s, &c, NULL), 0);
	assert_int_equal(spawn_reap(c.pid, c.pidfd, 50, &status), -ETIMEDOUT);
	assert_int_equal(read(c.console_fd, text, 1), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(spawn_release(&c.hold_fd), 0);
	assert_int_equal(c.hold_fd, -EBADF);
	assert_int_equal(spawn_release(&c.hold_fd), -EALREADY);
	read_all(c.console_fd, text, sizeof(text));
	assert_string_equal(text, "released\n");
	assert_int_equal(spawn_reap(c.pid, c.pidfd, 10000, &status), 0);
	assert_int_equal(status, 0);
	close_child(&c);
}

static void held_child_can_be_killed(void **state)
{
	struct spawn s = {.argv = (char *[]){"echo", NULL}};
	struct child c;
	int status;

	(void)state;
	assert_int_equal(spawn_held(&s, &c, NULL), 0);
	assert_int_equal(kill(c.pid, SIGKILL), 0);
	assert_int_equal(spawn_reap(c.pid, c.pidfd, 10000, &status), 0);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(spawn_release(&c.hold_fd), -ESRCH);
	close_child(&c);
}

static void missing_program_is_named(void **state)
{
	struct spawn s = {.argv = (char *[]){"no-such-program-here", NULL}};
	struct error error = {0};
	struct child c;

	(void)state;
	assert_int_equal(spawn_held(&s, &c, &error), -ENOENT);
	assert_non_null(strstr(error.text, "no-such-program-here"));
}

static void failed_exec_is_told(void **state)
{
	char path[] = "/tmp/guestscope-noexec-XXXXXX";
	int fd = mkstemp(path), status;
	struct spawn s = {.argv = (char *[]){path, NULL}};
	struct child c;

	(void)state;
	assert_int_equal(fchmod(fd, 0700), 0);
	assert_int_equal(write(fd,
				 "\x7f"
				 "ELF nonsense",
				 13),
		13);
	close(fd);
	assert_int_equal(spawn_held(&s, &c, NULL), 0);
	assert_int_equal(spawn_release(&c.hold_fd), -ENOEXEC);
	assert_int_equal(spawn_reap(c.pid, c.pidfd, 10000, &status), 0);
	close_child(&c);
	unlink(path);
}

static void child_inherits_nothing_of_ours(void **state)
{
	struct spawn s = {
		.argv = (char *[]){"sh", "-c",
			"ls /proc/self/fd; cat; kill -0 $$; grep SigIgn /proc/self/status", NULL}};
	int leak = open("/dev/null", O_RDONLY); /* not close-on-exec */
	char text[1024], *left;
	struct child c;
	int status;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(fcntl(leak, F_DUPFD, 77), 77);
	assert_int_equal(spawn_held(&s, &c, NULL), 0);
	assert_int_equal(spawn_release(&c.hold_fd), 0);
	read_all(c.console_fd, text, sizeof(text));
	assert_null(strstr(text, "77"));
	left = strstr(text, "SigIgn:");
	assert_non_null(left);
	assert_non_null(strstr(left, "0000000000000000"));
	assert_int_equal(spawn_reap(c.pid, c.pidfd, 10000, &status), 0);
	close_child(&c);
	close(77);
	close(leak);
	signal(SIGPIPE, SIG_DFL);
}

static void grandchildren_go_with_the_child(void **state)
{
	struct spawn s = {.argv = (char *[]){"sh", "-c", "sleep 1000 & echo $!", NULL}};
	char text[64] = "";
	struct child c;
	int status;
	pid_t grandchild;

	(void)state;
	assert_int_equal(spawn_held(&s, &c, NULL), 0);
	assert_int_equal(spawn_release(&c.hold_fd), 0);
	assert_int_equal(spawn_reap(c.pid, c.pidfd, 10000, &status), 0);
	/* Its end of the pipe is closed by its death. */
	read_all(c.console_fd, text, sizeof(text));
	grandchild = (pid_t)atoi(text);
	assert_true(grandchild > 0);
	for (int i = 0; i < 100 && kill(grandchild, 0) == 0; i++) {
		char path[64], stat[256] = "";
		FILE *f;

		/* A zombie that init has not yet reaped counts as dead. */
		snprintf(path, sizeof(path), "/proc/%d/stat", (int)grandchild);
		f = fopen(path, "r");
		if (!f)
			break;
		assert_non_null(fgets(stat, sizeof(stat), f));
		fclose(f);
		if (strstr(stat, ") Z"))
			break;
		usleep(20000);
		assert_int_not_equal(i, 99);
	}
	close_child(&c);
}

static void children_die_with_a_killed_parent(void **state)
{
	int pipes[2];
	pid_t parent, child = 0;
	struct pollfd p;
	char byte;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	parent = fork();
	if (parent == 0) {
		struct spawn s = {.argv = (char *[]){"sleep", "1000", NULL}};
		struct child c;

		if (spawn_held(&s, &c, NULL) < 0 || spawn_release(&c.hold_fd) < 0 ||
			write(pipes[1], &c.pid, sizeof(c.pid)) < 0)
			_exit(1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(pipes[0], &child, sizeof(child)), sizeof(child));
	int pidfd = pidfd_open(child, 0);
	assert_true(pidfd >= 0);
	assert_int_equal(kill(parent, SIGKILL), 0);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	p = (struct pollfd){.fd = pidfd, .events = POLLIN};
	assert_int_equal(poll(&p, 1, 10000), 1);
	close(pidfd);
	close(pipes[1]);
	assert_int_equal(read(pipes[0], &byte, 1), 0);
	close(pipes[0]);
}

static void output_is_collected_and_failure_told(void **state)
{
	struct error error = {0};
	char *text = NULL;
	int status;

	(void)state;
	assert_int_equal(
		spawn_output((char *[]){"echo", "a", "b", NULL}, 10000, &text, NULL, &error), 0);
	assert_string_equal(text, "a b\n");
	free(text);
	assert_int_equal(spawn_output((char *[]){"sh", "-c", "echo why >&2; exit 3", NULL}, 10000,
				 &text, NULL, &error),
		-EIO);
	assert_non_null(strstr(error.text, "status 3: why"));
	assert_int_equal(
		spawn_output((char *[]){"sh", "-c", "exit 3", NULL}, 10000, &text, &status, &error),
		0);
	assert_int_equal(WEXITSTATUS(status), 3);
	free(text);
	assert_int_equal(spawn_output((char *[]){"sleep", "1000", NULL}, 100, &text, NULL, &error),
		-ETIMEDOUT);
	/* More than is kept does not block. */
	assert_int_equal(spawn_output((char *[]){"head", "-c", "3000000", "/dev/zero", NULL}, 10000,
				 &text, NULL, &error),
		0);
	free(text);
}

static void last_words_are_quoted_safely(void **state)
{
	static const char text[] =
		"one\r\ntwo \x1b[31m\xff caf\xc3\xa9 three\t\r\n\x1eguestscope bye ;00000000\n\n  \r\n";
	char words[64], few[6];
	const char *line;
	size_t n;

	(void)state;
	console_last_line(words, sizeof(words), text, sizeof(text) - 1);
	assert_string_equal(words, "two \ufffd[31m\ufffd caf\u00e9 three");
	console_last_line(few, sizeof(few), text, sizeof(text) - 1);
	assert_string_equal(few, "two "); /* no half of a character */
	console_last_line(words, sizeof(words), "", 0);
	assert_string_equal(words, "");
	assert_true(console_find(text, sizeof(text) - 1, "one", true, &line, &n));
	assert_int_equal(n, 4);
	assert_false(console_find(text, sizeof(text) - 1, "four", true, &line, &n));
}

static void the_last_lines_end_a_message(void **state)
{
	static const char text[] =
		"zero\none\ntwo\n\nTraceback:\n  line 3\n\x1eguestscope bye ;00000000\nwrong";
	char words[CONSOLE_WORDS_SIZE], large[4 * CONSOLE_WORDS_SIZE];

	(void)state;
	console_last_words(words, text, sizeof(text) - 1);
	assert_string_equal(words, "; its last words: two / Traceback: / line 3 / wrong");
	console_last_words(words, "one\n", 4);
	assert_string_equal(words, "; its last words: one");
	console_last_words(words, "\n \n", 3);
	assert_string_equal(words, "");
	memset(large, 'x', sizeof(large));
	for (size_t i = 0; i < 4; i++)
		large[(i + 1) * CONSOLE_WORDS_SIZE - 1] = '\n';
	console_last_words(words, large, sizeof(large));
	assert_between(strlen(words), 500, CONSOLE_WORDS_SIZE - 1);
}

static void numbers_after_words_are_read(void **state)
{
	static const char text[] =
		"exit status 7\nexit status -2\nexit status 99999999999999999999\n";
	int value = 0;

	(void)state;
	assert_int_equal(console_number_after(text, 14, "exit status", &value), 0);
	assert_int_equal(value, 7);
	assert_int_equal(console_number_after(text, 29, "exit status", &value), 0);
	assert_int_equal(value, -2);
	assert_int_equal(
		console_number_after(text, sizeof(text) - 1, "exit status", &value), -ENODATA);
	assert_int_equal(console_number_after("exit status", 11, "exit status", &value), -ENODATA);
	assert_int_equal(
		console_number_after("exit status x", 13, "exit status", &value), -ENODATA);
}

/* What a program of the report gets: a folder, and an environment that nobody meddles with. */
static void folder_and_environment_are_as_told(void **state)
{
	const char *const hidden[] = {"GS_TEST_HIDDEN", NULL};
	const struct spawn s = {.argv = (char *[]){"sh", "-c", "pwd; env | grep GS_TEST", NULL},
		.variables = (char *[]){"GS_TEST_SET=new", NULL},
		.hidden = hidden,
		.folder_fd = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC)};
	char wanted[64];
	char *text = NULL;

	(void)state;
	setenv("GS_TEST_HIDDEN_ONE", "1", 1);
	setenv("GS_TEST_SET", "old", 1);
	assert_int_equal(spawn_and_collect(&s, 10000, &text, NULL, NULL), 0);
	snprintf(wanted, sizeof(wanted), "/proc/%d\nGS_TEST_SET=new\n", getpid());
	assert_string_equal(text, wanted);
	free(text);
	close(s.folder_fd);
}

/* Without an exec: the child is a copy of ours, and ends with us all the same. */
static void a_forked_child_ends_with_its_parent(void **state)
{
	int pipes[2], status = 0;
	pid_t parent, child;
	char byte;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	parent = fork();
	if (parent == 0) {
		child = spawn_fork();
		if (child == 0 && write(pipes[1], "c", 1) == 1)
			for (;;)
				pause();
		_exit(read(pipes[0], &byte, 1) == 1 ? 0 : 1);
	}
	assert_int_equal(spawn_wait(parent, &status), 0);
	assert_int_equal(status, 0);
	close(pipes[1]);
	/* The child's end of the pipe is closed by its death. */
	assert_int_equal(read(pipes[0], &byte, 1), 0);
	close(pipes[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(child_waits_before_its_exec),
		cmocka_unit_test(held_child_can_be_killed),
		cmocka_unit_test(missing_program_is_named),
		cmocka_unit_test(failed_exec_is_told),
		cmocka_unit_test(child_inherits_nothing_of_ours),
		cmocka_unit_test(grandchildren_go_with_the_child),
		cmocka_unit_test(children_die_with_a_killed_parent),
		cmocka_unit_test(output_is_collected_and_failure_told),
		cmocka_unit_test(last_words_are_quoted_safely),
		cmocka_unit_test(the_last_lines_end_a_message),
		cmocka_unit_test(numbers_after_words_are_read),
		cmocka_unit_test(folder_and_environment_are_as_told),
		cmocka_unit_test(a_forked_child_ends_with_its_parent),
	};

	return cmocka_run_group_tests_name("spawn", tests, NULL, NULL);
}
