/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs as they are met in the field: field_program WHAT [...]. Each does one thing that others
 * do, too, and of which the truth is known; what is for the collector it says by markers.
 *
 *	phases		phases with names of all kinds, 30 ms each
 *	by-parent	worker/0 is named by its creator, and burns 150 ms
 *	exec		a second thread executes the program anew, as worker/0 it burns 150 ms
 *	forked		worker/0 is a process that the first one forks; so are 10 short-lived ones
 *	suffix		worker/0-render burns 100 ms, and so does worker/7, which is no lane
 *	orphan		ends with status 3; a child of it keeps its output open
 *	silent		closes its output and ends 1 s later
 *	daemon		leaves a daemon behind, which left its session
 *	status		ends with status 137, which is no signal
 *	lingers		says its last word and does not end
 *	leaderless	for --attach: its first thread exits, a second one burns
 *	sleeps		for --attach: does nothing
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/marker.h"

#define MS 1000000ULL

static uint64_t begin_ns;

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void mark(const char *body)
{
	char line[MARKER_LINE_MAX + 1];
	int n = marker_format(line, sizeof(line), body);

	if (n < 0 || write(STDOUT_FILENO, line, (size_t)n) != n)
		_exit(99);
}

static void phase(const char *name)
{
	char body[MARKER_LINE_MAX];
	uint64_t now = now_ns(CLOCK_MONOTONIC);

	if (!begin_ns)
		begin_ns = now;
	snprintf(body, sizeof(body), "phase name=%s t=%llu", name, (unsigned long long)now);
	mark(body);
}

static void end(void)
{
	char body[MARKER_LINE_MAX];
	uint64_t now = now_ns(CLOCK_MONOTONIC);

	snprintf(body, sizeof(body), "end t=%llu status=0 runtime=%llu", (unsigned long long)now,
		(unsigned long long)(now - begin_ns));
	mark(body);
	mark("bye");
}

/* Use the CPU until this thread has had @ms of it. */
__attribute__((noinline)) static void field_burn(unsigned ms)
{
	uint64_t until = now_ns(CLOCK_THREAD_CPUTIME_ID) + ms * MS;

	while (now_ns(CLOCK_THREAD_CPUTIME_ID) < until)
		for (volatile int i = 0; i < 20000; i++)
			;
}

static void rename_self(const char *name)
{
	prctl(PR_SET_NAME, name);
}

static int phases(char **argv)
{
	static const char *const names[] = {"load_data", "Solve",
		("gr\xc3\xb6\xc3\x9f" /* a hexadecimal escape would go on */
		 "er als 1 %"),
		"shutdown", "boot", "x", "x", "<b>\"&'</b>"};

	(void)argv;
	rename_self("worker/0");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		phase(names[i]);
		field_burn(30);
	}
	end();
	return 0;
}

static pthread_barrier_t barrier;

static void *named_by_other(void *unused)
{
	pthread_barrier_wait(&barrier);
	field_burn(150);
	return unused;
}

static int by_parent(char **argv)
{
	pthread_t thread;

	(void)argv;
	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&thread, NULL, named_by_other, NULL);
	pthread_setname_np(thread, "worker/0");
	phase("work");
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
	end();
	return 0;
}

static void *execute(void *argv)
{
	execv("/proc/self/exe", argv);
	_exit(98);
}

static int exec_again(char **argv)
{
	pthread_t thread;

	rename_self("worker/0");
	if (getenv("FIELD_AGAIN")) {
		phase("work");
		field_burn(150);
		end();
		return 0;
	}
	setenv("FIELD_AGAIN", "1", 1);
	pthread_create(&thread, NULL, execute, argv);
	for (;;)
		pause();
}

static void fork_to_burn(const char *name, unsigned ms)
{
	pid_t pid = fork();

	if (pid == 0) {
		rename_self(name);
		field_burn(ms);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static int forked(char **argv)
{
	(void)argv;
	phase("work");
	fork_to_burn("worker/0", 200);
	for (int i = 0; i < 10; i++)
		fork_to_burn("short", 15);
	end();
	return 0;
}

static void *burn_as(void *name)
{
	rename_self(name);
	field_burn(100);
	return NULL;
}

static int suffix(char **argv)
{
	pthread_t threads[2];

	(void)argv;
	phase("work");
	pthread_create(&threads[0], NULL, burn_as, "worker/0-render");
	pthread_create(&threads[1], NULL, burn_as, "worker/7");
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	end();
	return 0;
}

static int orphan(char **argv)
{
	(void)argv;
	phase("work");
	if (fork() == 0) {
		sleep(60);
		_exit(0);
	}
	_exit(3);
}

static int silent(char **argv)
{
	(void)argv;
	phase("work");
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	sleep(1);
	return 0;
}

static int leave_daemon(char **argv)
{
	(void)argv;
	phase("work");
	if (fork() == 0) {
		int null_fd = open("/dev/null", O_RDWR);

		setsid();
		if (fork() > 0)
			_exit(0);
		for (int i = 0; i < 3; i++)
			dup2(null_fd, i);
		rename_self("field-daemon");
		sleep(60);
		_exit(0);
	}
	field_burn(30);
	end();
	return 0;
}

static int status(char **argv)
{
	(void)argv;
	phase("work");
	end();
	return 137;
}

static int lingers(char **argv)
{
	(void)argv;
	phase("work");
	end();
	sleep(60);
	return 0;
}

static void *burn_on(void *unused)
{
	for (;;)
		field_burn(10);
	return unused;
}

static int leaderless(char **argv)
{
	pthread_t thread;

	(void)argv;
	pthread_create(&thread, NULL, burn_on, NULL);
	pthread_exit(NULL);
}

static int sleeps(char **argv)
{
	(void)argv;
	sleep(60);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(char **argv);
} things[] = {
	{"phases", phases},
	{"by-parent", by_parent},
	{"exec", exec_again},
	{"forked", forked},
	{"suffix", suffix},
	{"orphan", orphan},
	{"silent", silent},
	{"daemon", leave_daemon},
	{"status", status},
	{"lingers", lingers},
	{"leaderless", leaderless},
	{"sleeps", sleeps},
};

/* The collector puts its own options before what is asked for. */
int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		for (size_t k = 0; k < sizeof(things) / sizeof(things[0]); k++)
			if (strcmp(argv[i], things[k].name) == 0)
				return things[k].run(argv);
	fprintf(stderr, "field_program: nothing to do\n");
	return 2;
}
