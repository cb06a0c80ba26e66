/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program that knows nothing of guestscope, or next to nothing: unmarked_program WHAT. It writes what it did by its own
 * clocks, a line NAME=NUMBER each, in milliseconds.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/marker.h"

static double clock_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void __attribute__((noinline)) burn_ms(double ms)
{
	double end = clock_ms(CLOCK_THREAD_CPUTIME_ID) + ms;

	while (clock_ms(CLOCK_THREAD_CPUTIME_ID) < end)
		for (volatile int i = 0; i < 20000; i++)
			;
}

static void *burns(void *ms)
{
	burn_ms(*(double *)ms);
	return NULL;
}

static void burn_in_threads(unsigned n, double ms)
{
	pthread_t threads[64];

	for (unsigned i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, burns, &ms) != 0)
			exit(90);
	for (unsigned i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

static void child(void (*f)(void))
{
	pid_t pid = fork();

	if (pid < 0)
		exit(91);
	if (pid > 0)
		return;
	f();
	_exit(0);
}

static void burn_20(void)
{
	burn_ms(20);
}

static void three(void)
{
	burn_in_threads(3, 100);
}

static void many(void)
{
	for (int i = 0; i < 20; i++)
		burn_in_threads(50, 0.5);
}

static void fork_join(void)
{
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 4; i++)
			child(burn_20);
		while (wait(NULL) > 0)
			;
	}
}

static int ends[2];

static void read_and_burn(void)
{
	char data[4096];

	close(ends[1]);
	while (read(ends[0], data, sizeof(data)) > 0)
		burn_ms(1);
}

static void pipeline(void)
{
	static const char data[4096];

	if (pipe(ends) < 0)
		exit(92);
	child(read_and_burn);
	close(ends[0]);
	for (int i = 0; i < 100; i++) {
		burn_ms(1);
		if (write(ends[1], data, sizeof(data)) < 0)
			exit(93);
	}
	close(ends[1]);
	wait(NULL);
}

static void sleeps(void)
{
	double begin = clock_ms(CLOCK_MONOTONIC);

	for (int i = 0; i < 50; i++)
		usleep(4000);
	printf("slept=%.3f\n", clock_ms(CLOCK_MONOTONIC) - begin);
}

static void nice_burn(void)
{
	if (nice(19) < 0)
		exit(94);
	burn_ms(100);
}

static void niced(void)
{
	child(nice_burn);
	burn_ms(100);
	wait(NULL);
}

static void has_a_workers_name(void)
{
	pthread_setname_np(pthread_self(), "worker/0");
	burn_ms(100);
}

static void mark(const char *body)
{
	char line[MARKER_LINE_MAX + 2];
	int n = marker_format(line, sizeof(line), body);

	if (n <= 0 || write(STDOUT_FILENO, line, (size_t)n) != n)
		exit(96);
}

/* After that the collector has read it, and every event has come. */
#define READ_US 50000

static void marks_then_names(void)
{
	mark("phase name=work");
	usleep(READ_US);
	pthread_setname_np(pthread_self(), "worker/0");
	burn_ms(100);
	mark("end");
}

static void names_then_marks(void)
{
	pthread_setname_np(pthread_self(), "worker/0");
	usleep(READ_US);
	mark("phase name=work");
	usleep(READ_US);
	burn_ms(100);
	mark("end");
}

static void becomes_a_shell(void)
{
	burn_ms(50);
	execl("/bin/sh", "sh", "-c", "exit 0", (char *)NULL);
	exit(95);
}

static void __attribute__((noreturn)) stay(void)
{
	setsid();
	for (;;)
		pause();
}

static void leaves_a_daemon(void)
{
	child(stay);
}

static const struct {
	const char *name;
	void (*f)(void);
} what[] = {
	{"three", three},
	{"many", many},
	{"fork-join", fork_join},
	{"pipeline", pipeline},
	{"sleeps", sleeps},
	{"niced", niced},
	{"named", has_a_workers_name},
	{"marks-then-names", marks_then_names},
	{"names-then-marks", names_then_marks},
	{"exec", becomes_a_shell},
	{"daemon", leaves_a_daemon},
	{"abort", abort},
};

int main(int argc, char **argv)
{
	/* Whoever started it may have had this process before, and its clock goes on across exec. */
	double before = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
	struct rusage children;

	for (size_t i = 0; argc > 1 && i < sizeof(what) / sizeof(what[0]); i++)
		if (strcmp(argv[1], what[i].name) == 0)
			what[i].f();
	getrusage(RUSAGE_CHILDREN, &children);
	printf("cpu=%.3f\n", clock_ms(CLOCK_PROCESS_CPUTIME_ID) - before);
	printf("children=%.3f\n",
		(double)(children.ru_utime.tv_sec + children.ru_stime.tv_sec) * 1e3 +
			(double)(children.ru_utime.tv_usec + children.ru_stime.tv_usec) / 1e3);
	return argc > 2 ? atoi(argv[2]) : 0;
}
