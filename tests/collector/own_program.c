/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program that knows nothing of guestscope:
 *
 *	own_program FILE MS ending NUMBER [WORD...]
 *
 * prints its arguments, some variables, its folder, whether there is input, what FILE begins with, and whether it can write
 * here; burns CPU for MS milliseconds in each of two threads; and ends as the word says: "return"s
 * NUMBER from main(), "exit"s with it, or is killed by the "signal" of that number.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void *burn(void *ms)
{
	uint64_t end = now_ns() + *(const unsigned long *)ms * 1000000;

	while (now_ns() < end)
		;
	return NULL;
}

static void burn_twice(unsigned long ms)
{
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		if (pthread_create(&threads[i], NULL, burn, &ms) != 0)
			exit(99);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

static void show_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[100] = "";

	if (f && fgets(line, sizeof(line), f))
		line[strcspn(line, "\n")] = '\0';
	printf("file [%s]%s%s\n", line, f ? "" : " ", f ? "" : strerror(errno));
	if (f)
		fclose(f);
}

static void show_surroundings(int argc, char **argv)
{
	static const char *const names[] = {"OWN", "OMP_NUM_THREADS", "GOMAXPROCS"};
	char folder[1000] = "";
	FILE *f;

	for (int i = 0; i < argc; i++)
		printf("argument %d [%s]\n", i, argv[i]);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		printf("variable %s [%s]\n", names[i],
			getenv(names[i]) ? getenv(names[i]) : "unset");
	printf("folder [%s]\n", getcwd(folder, sizeof(folder)) ? folder : "?");
	printf("input [%s]\n", getchar() == EOF ? "none" : "some");
	f = fopen("written", "w");
	printf("writes [%s]\n", f ? "yes" : "no");
	if (f)
		fclose(f);
}

int main(int argc, char **argv)
{
	int number;

	if (argc < 5)
		return 98;
	show_surroundings(argc, argv);
	show_file(argv[1]);
	fflush(stdout);
	burn_twice(strtoul(argv[2], NULL, 10));
	number = atoi(argv[4]);
	if (strcmp(argv[3], "exit") == 0)
		exit(number);
	if (strcmp(argv[3], "signal") == 0)
		kill(getpid(), number);
	return number;
}
