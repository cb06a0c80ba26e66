/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The QMP client against servers that behave and servers that do not. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "guests/qemu/qmp.h"

#define GREETING "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n"
#define CAPS_OK  "{\"return\": {}, \"id\": 0}\r\n"

/* A server that accepts one client and says its lines: the first at once, each further one after it
 * has read a command; NULL ends it. "" says nothing and goes on. */
struct server {
	char folder[64], path[96];
	const char *const *lines;
	int listen_fd;
	pthread_t thread;
};

static void *serve(void *argument)
{
	struct server *s = argument;
	int fd = accept(s->listen_fd, NULL, NULL);
	char command[256];

	for (size_t i = 0; fd >= 0 && s->lines[i]; i++) {
		if (i > 0 && read(fd, command, sizeof(command)) <= 0)
			break;
		if (send(fd, s->lines[i], strlen(s->lines[i]), MSG_NOSIGNAL) < 0)
			break;
	}
	close(fd);
	return NULL;
}

static void start(struct server *s, const char *const *lines)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	strcpy(s->folder, "/tmp/guestscope-qmp-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	snprintf(s->path, sizeof(s->path), "%s/q", s->folder);
	strcpy(a.sun_path, s->path);
	s->lines = lines;
	s->listen_fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(s->listen_fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(s->listen_fd, 1), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void finish(struct server *s, struct qmp *q)
{
	qmp_close(q);
	shutdown(s->listen_fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->listen_fd);
	unlink(s->path);
	rmdir(s->folder);
}

static int connect_to(const char *const *lines, struct error *error)
{
	struct server s;
	struct qmp q;
	int r;

	qmp_init(&q);
	start(&s, lines);
	r = qmp_connect(&q, s.path, 2000, error);
	finish(&s, &q);
	return r;
}

static int ask_vcpus(const char *answer, pid_t *tids, size_t max, struct error *error)
{
	const char *const lines[] = {GREETING, CAPS_OK, answer, NULL};
	struct server s;
	struct qmp q;
	int r;

	qmp_init(&q);
	start(&s, lines);
	assert_int_equal(qmp_connect(&q, s.path, 2000, error), 0);
	r = qmp_vcpus(&q, 2000, tids, max, error);
	finish(&s, &q);
	return r;
}

static void no_socket_yet_means_try_again(void **state)
{
	struct qmp q;

	(void)state;
	qmp_init(&q);
	assert_int_equal(qmp_connect(&q, "/nonexistent/qmp", 10, NULL), -EAGAIN);
	qmp_close(&q);
}

static void silence_means_try_again_and_goes_on_where_it_was(void **state)
{
	const char *const lines[] = {"{\"QMP\": ", NULL};
	struct server s;
	struct qmp q;

	(void)state;
	qmp_init(&q);
	start(&s, lines);
	/* Half a greeting, then the end: first patience, then a verdict. */
	int r = qmp_connect(&q, s.path, 50, NULL);
	assert_true(r == -EAGAIN || r == -ECONNRESET);
	finish(&s, &q);
}

static void garbage_is_no_qemu(void **state)
{
	static const char *const garbage[] = {"hello\n", "\n", "[]\n", "{}\n", "{\"QMP\": 7}\n",
		"{\"QMP\": {}\n", "\x1e\xff\xfe\n", "{\"QMP\": {}, \"QMP\": {}}\n"};
	struct error error = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		const char *const lines[] = {garbage[i], "", NULL};

		assert_int_equal(connect_to(lines, &error), -EPROTO);
		assert_non_null(strstr(error.text, "QEMU"));
	}
}

static void endless_line_is_cut_off(void **state)
{
	char *line = malloc(QMP_LINE_MAX + 4096);
	const char *const lines[] = {line, "", NULL};

	(void)state;
	memset(line, 'x', QMP_LINE_MAX + 4095);
	line[QMP_LINE_MAX + 4095] = '\0';
	assert_int_equal(connect_to(lines, NULL), -EPROTO);
	free(line);
}

static void hang_up_is_reported(void **state)
{
	const char *const lines[] = {GREETING, NULL};

	(void)state;
	assert_int_equal(connect_to(lines, NULL), -ECONNRESET);
}

static void vcpus_are_named_by_index_whatever_comes_between(void **state)
{
	pid_t tids[4];

	(void)state;
	assert_int_equal(ask_vcpus("{\"event\": \"RESUME\"}\n{\"return\": [], \"id\": 0}\n"
				   "{\"return\": [{\"cpu-index\": 1, \"thread-id\": 12}, "
				   "{\"cpu-index\": 0, \"thread-id\": 11}], \"id\": 1}\n",
				 tids, 4, NULL),
		2);
	assert_int_equal(tids[0], 11);
	assert_int_equal(tids[1], 12);
	assert_int_equal(tids[2], 0);
}

static void impossible_vcpus_are_refused(void **state)
{
	static const char *const answers[] = {
		"{\"return\": [{\"cpu-index\": 9, \"thread-id\": 12}], \"id\": 1}\n",
		"{\"return\": [{\"cpu-index\": -1, \"thread-id\": 12}], \"id\": 1}\n",
		"{\"return\": [{\"cpu-index\": 0, \"thread-id\": 0}], \"id\": 1}\n",
		"{\"return\": [{\"cpu-index\": 0, \"thread-id\": 99999999999}], \"id\": 1}\n",
		("{\"return\": [{\"cpu-index\": 0, \"thread-id\": 5}, "
		 "{\"cpu-index\": 0, \"thread-id\": 6}], \"id\": 1}\n"),
		"{\"return\": [null, 3], \"id\": 1}\n",
	};
	pid_t tids[2];

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		assert_int_equal(ask_vcpus(answers[i], tids, 2, NULL), -EPROTO);
}

static void refusal_carries_qemus_words(void **state)
{
	struct error error = {0};
	pid_t tids[2];

	(void)state;
	assert_int_equal(
		ask_vcpus("{\"error\": {\"class\": \"x\", \"desc\": \"not today\"}, \"id\": 1}\n",
			tids, 2, &error),
		-EREMOTEIO);
	assert_non_null(strstr(error.text, "not today"));
}

static void long_path_is_named(void **state)
{
	struct error error = {0};
	char path[300];
	struct qmp q;

	(void)state;
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	qmp_init(&q);
	assert_int_equal(qmp_connect(&q, path, 10, &error), -ENAMETOOLONG);
	qmp_close(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_socket_yet_means_try_again),
		cmocka_unit_test(silence_means_try_again_and_goes_on_where_it_was),
		cmocka_unit_test(garbage_is_no_qemu),
		cmocka_unit_test(endless_line_is_cut_off),
		cmocka_unit_test(hang_up_is_reported),
		cmocka_unit_test(vcpus_are_named_by_index_whatever_comes_between),
		cmocka_unit_test(impossible_vcpus_are_refused),
		cmocka_unit_test(refusal_carries_qemus_words),
		cmocka_unit_test(long_path_is_named),
	};

	return cmocka_run_group_tests_name("qmp", tests, NULL, NULL);
}
