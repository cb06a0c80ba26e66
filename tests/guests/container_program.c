/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests run in native and container stacks. It understands the workload's options where
 * it has to (-file) and says what it sees of its surroundings:
 *
 *	cpus LIST		the CPUs it may use
 *	arg WORD		each word of its command line
 *	picture ok|failed	could it write to the -file?
 *	ready
 *
 * then -exit N ends with that status, -kill N by that signal, -hang waits for ever, -burn MS spends
 * that much wall time computing.
 */
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void say_cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return;
	printf("cpus");
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &set))
			printf(" %d", i);
	printf("\n");
}

static void burn(long ms)
{
	struct timespec start, now;
	volatile double x = 1;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		for (int i = 0; i < 100000; i++)
			x = x * 0.5 + sin(x); /* a library beside libc: libm */
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < ms);
}

int main(int argc, char **argv)
{
	const char *file = "";
	FILE *f;

	say_cpus();
	for (int i = 0; i < argc; i++)
		printf("arg %s\n", argv[i]);
	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], "-file") == 0)
			file = argv[i + 1];
	f = fopen(file, "w");
	printf("picture %s\n", f && fputs("picture", f) >= 0 && fclose(f) == 0 ? "ok" : "failed");
	printf("ready\n");
	fflush(stdout);
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "0";

		if (strcmp(argv[i], "-burn") == 0)
			burn(atol(value));
		if (strcmp(argv[i], "-hang") == 0)
			for (;;)
				pause();
		if (strcmp(argv[i], "-kill") == 0) {
			signal(atoi(value),
				SIG_DFL); /* the first process of a container has to ask */
			kill(getpid(), atoi(value));
			abort();
		}
		if (strcmp(argv[i], "-exit") == 0)
			return atoi(value);
	}
	return 0;
}
