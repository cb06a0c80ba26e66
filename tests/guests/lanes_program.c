/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small program for the tests of the guests: takes mandelbrot's command line, starts -cores
 * threads that each burn a little time, says so, and ends. "-crash", "-status N", "-linger SECONDS"
 * make it misbehave in known ways.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_uint done;

static void *work(void *argument)
{
	volatile unsigned x = 0;

	for (unsigned i = 0; i < 1000000; i++)
		x += i;
	(void)x;
	atomic_fetch_add(&done, 1);
	return argument;
}

int main(int argc, char **argv)
{
	pthread_t threads[64];
	int cores = 1, status = 0, linger = 0, crash = 0, panic = 0;
	const char *file = NULL;

	for (int i = 1; i < argc; i++) {
		const char *next = i + 1 < argc ? argv[i + 1] : "0";

		if (strcmp(argv[i], "-cores") == 0)
			cores = atoi(next);
		else if (strcmp(argv[i], "-status") == 0)
			status = atoi(next);
		else if (strcmp(argv[i], "-linger") == 0)
			linger = atoi(next);
		else if (strcmp(argv[i], "-file") == 0)
			file = next;
		else if (strcmp(argv[i], "-crash") == 0)
			crash = 1;
		else if (strcmp(argv[i], "-panic") == 0)
			panic = 1;
	}
	for (int i = 1; i < argc; i++)
		printf("argument %d: %s\n", i, argv[i]);
	fflush(stdout);
	if (panic) {
		FILE *f = fopen("/proc/sysrq-trigger", "w");

		if (f && fputs("c", f) >= 0)
			fclose(f);
	}
	if (crash)
		raise(SIGSEGV);
	for (int i = 0; i < cores && i < 64; i++)
		if (pthread_create(&threads[i], NULL, work, NULL) != 0)
			return 3;
	for (int i = 0; i < cores && i < 64; i++)
		pthread_join(threads[i], NULL);
	printf("%u threads worked\n", atomic_load(&done));
	if (file) {
		FILE *f = fopen(file, "w");

		if (!f || fputs("picture", f) < 0 || fclose(f) != 0) {
			printf("cannot write %s\n", file);
			return 4;
		}
		printf("wrote %s\n", file);
	}
	fflush(stdout);
	if (linger)
		sleep((unsigned)linger);
	return status;
}
