/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gs-attach-program KIND...: a thread for each KIND, the first of them the main thread; prints
 * "ready" and goes on until the end of its standard input.
 *
 *	burn		computes
 *	sleep		sleeps, in nanosleep
 *	pipe		reads from a pipe that says nothing
 *	futex		waits for a lock that is held
 *	worker/N	computes, under that name
 *	name:NAME	the same, under another one
 *	fork		has a new child process every 10 ms, which computes for 5 ms
 */
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;

static void burn(void)
{
	for (volatile unsigned long n = 0; n < ULONG_MAX; n++)
		;
}

static void nap(void)
{
	for (;;)
		sleep(1000);
}

static void read_pipe(void)
{
	int ends[2];
	char c;

	if (pipe(ends) == 0)
		while (read(ends[0], &c, 1) == 1)
			;
}

static void wait_lock(void)
{
	pthread_mutex_lock(&held);
}

static void burn_5_ms(void)
{
	struct timespec t;

	do
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	while (t.tv_sec == 0 && t.tv_nsec < 5000000);
}

static void fork_on(void)
{
	for (;;) {
		pid_t child = fork();

		if (child == 0) {
			burn_5_ms();
			_exit(0);
		}
		waitpid(child, NULL, 0);
		usleep(10000);
	}
}

static const struct {
	const char *name;
	void (*work)(void);
} kinds[] = {
	{"burn", burn},
	{"sleep", nap},
	{"pipe", read_pipe},
	{"futex", wait_lock},
	{"worker/", burn},
	{"name:", burn},
	{"fork", fork_on},
};

static void *work(void *kind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strncmp(kind, kinds[i].name, strlen(kinds[i].name)) != 0)
			continue;
		if (strncmp(kind, "worker/", 7) == 0)
			pthread_setname_np(pthread_self(), kind);
		if (strncmp(kind, "name:", 5) == 0)
			pthread_setname_np(pthread_self(), (char *)kind + 5);
		kinds[i].work();
	}
	return NULL;
}

static void *wait_end(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "end");
	while (getchar() != EOF)
		;
	_exit(0);
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc < 2)
		return 2;
	pthread_mutex_lock(&held);
	for (int i = 2; i < argc; i++)
		if (pthread_create(&thread, NULL, work, argv[i]) != 0)
			return 1;
	if (pthread_create(&thread, NULL, wait_end, NULL) != 0)
		return 1;
	usleep(50000); /* the threads are where they want to be */
	puts("ready");
	fflush(stdout);
	work(argv[1]);
	return 2;
}
