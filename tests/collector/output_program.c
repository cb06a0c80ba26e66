/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program whose output is known: output_program WHAT. It writes marker lines as mandelbrot(1)
 * says, and beside them
 *
 *	numbers			"rate R MB/s" three times, the last R being 1010.5; then "sum 42"
 *	steps			"iteration N" for N from 1 to 3, 60 ms each; two phases in its markers
 *	plain			no markers: "iteration N" as above, "rate 12.5 MB/s" and "sum 42"
 *	differs			"sum N" with N the number of runs so far, kept in the file $COUNT_FILE
 *	missing			no number in the first run of $COUNT_FILE, "rate 5" in all others
 *	flood			64 MB in lines and 64 MB without a newline, with NULs and bytes that are no
 *				text, then "rate 7"
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "common/marker.h"

#define MS 1000000ULL

static void put(const char *text, size_t length)
{
	while (length) {
		ssize_t n = write(STDOUT_FILENO, text, length);

		if (n <= 0)
			_exit(99);
		text += n;
		length -= (size_t)n;
	}
}

static void say(const char *text)
{
	put(text, strlen(text));
}

static void mark(const char *body)
{
	char line[MARKER_LINE_MAX + 1];
	int n = marker_format(line, sizeof(line), body);

	if (n < 0)
		_exit(99);
	put(line, (size_t)n);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void phase(const char *name)
{
	char body[128];

	snprintf(body, sizeof(body), "phase name=%s t=%llu", name, (unsigned long long)now_ns());
	mark(body);
}

static void burn(unsigned ms)
{
	uint64_t end = now_ns() + ms * MS;

	while (now_ns() < end)
		;
}

/* How many runs came before this one. */
static unsigned count_runs(void)
{
	const char *path = getenv("COUNT_FILE");
	FILE *f = fopen(path ? path : "", "a");

	if (!f || fputc('x', f) == EOF)
		_exit(98);
	return (unsigned)ftell(f) - 1;
}

static void say_steps(void)
{
	char line[64];

	for (int i = 1; i <= 3; i++) {
		snprintf(line, sizeof(line), "iteration %d\n", i);
		say(line);
		burn(60);
	}
}

static void flood(void)
{
	static char block[1 << 20];

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (char)(i % 64 == 63 ? '\n' : i * 7 % 128);
	for (int i = 0; i < 64; i++)
		put(block, sizeof(block));
	memset(block, 0xff, sizeof(block));
	memset(block, 0, sizeof(block) / 2);
	for (int i = 0; i < 64; i++)
		put(block, sizeof(block));
	say("\nrate 7\n");
}

int main(int argc, char **argv)
{
	const char *what = "";
	uint64_t begin;
	char body[128];

	/* Of programs that take mandelbrot's options there are more words. */
	for (int i = 1; i < argc; i++)
		if (argv[i][0] >= 'a' && argv[i][0] <= 'z')
			what = argv[i];
	if (strcmp(what, "plain") == 0) {
		setvbuf(stdout, NULL, _IOLBF, 0);
		for (int i = 1; i <= 3; i++) {
			printf("iteration %d\n", i);
			burn(60);
		}
		printf("rate 12.5 MB/s\nsum 42\n");
		return 0;
	}
	prctl(PR_SET_NAME, "worker/0");
	begin = now_ns();
	phase("work");
	burn(20);
	if (strcmp(what, "numbers") == 0)
		say("rate 1 MB/s\nrate 2 MB/s\nrate 1010.5 MB/s\nsum 42\n");
	if (strcmp(what, "steps") == 0)
		say_steps();
	if (strcmp(what, "flood") == 0)
		flood();
	if (strcmp(what, "differs") == 0) {
		snprintf(body, sizeof(body), "sum %u\n", count_runs());
		say(body);
	}
	if (strcmp(what, "missing") == 0)
		say(count_runs() ? "rate 5\n" : "no number\n");
	phase("rest");
	burn(20);
	snprintf(body, sizeof(body), "end t=%llu status=0 runtime=%llu",
		(unsigned long long)now_ns(), (unsigned long long)(now_ns() - begin));
	mark(body);
	mark("bye");
	return 0;
}
