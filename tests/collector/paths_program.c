/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Does known shares of its work at the end of distinct call paths, each of which ends in the same function:
 * only whole call stacks tell them apart. Shares are of amounts of work, in slices of a random order.
 * Built without frame pointers. paths_program SLICES STEPS
 *
 * It says what each path is, a line "path SHARE: FUNCTION;FUNCTION;...", outermost first.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__clang__)
#define OWN __attribute__((noinline, used))
#else
#define OWN __attribute__((noinline, noclone, used))
#endif

#define PATHS     12
#define LENGTH    64
#define FUNCTIONS 6

/* Percent. */
static const unsigned shares[PATHS] = {19, 15, 13, 11, 9, 8, 7, 6, 5, 4, 2, 1};

static char paths[PATHS][LENGTH + 1]; /* a letter for each function */
static uint64_t steps;
static volatile uint64_t sink;
static uint64_t random_state = 1;

static unsigned random_below(unsigned n)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)((random_state >> 33) % n);
}

static OWN void work(void)
{
	uint64_t x = sink;

	for (uint64_t i = 0; i < steps; i++)
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
	sink = x;
}

static void next(const char *rest);

/* Frames of different forms: small, large, of a size that is known at run time, realigned, full of registers. */
static OWN void step_a(const char *rest)
{
	next(rest);
	sink++;
}

static OWN void step_b(const char *rest)
{
	volatile char room[200];

	room[rest[0] & 127] = 1;
	next(rest);
	sink += (unsigned char)room[1];
}

static OWN void step_c(const char *rest)
{
	/* cppcheck-suppress allocaCalled ; such frames are what is looked for */
	char *room = __builtin_alloca(16 + (unsigned char)rest[0]);

	memset(room, 1, 16);
	next(rest);
	sink += (unsigned char)room[3];
}

static OWN void step_d(const char *rest)
{
	volatile char room[64] __attribute__((aligned(64)));

	room[0] = 1;
	next(rest);
	sink += (unsigned char)room[0];
}

static OWN void step_e(const char *rest)
{
	uint64_t a = sink, b = a * 3, c = b ^ a, d = c + b, e = d * 5;

	next(rest);
	sink += a ^ b ^ c ^ d ^ e;
}

static OWN int step_f(const void *rest, const void *unused)
{
	(void)unused;
	next(rest);
	return (int)++sink;
}

/* Through the C library. */
static OWN void search(const char *rest)
{
	void *(*volatile find)(const void *, const void *, size_t, size_t,
		int (*)(const void *, const void *)) = bsearch; /* never inlined */

	sink += find(rest, "", 1, 1, step_f) != NULL;
}

static inline __attribute__((always_inline)) void next(const char *rest)
{
	static void (*const functions[FUNCTIONS])(const char *) = {
		step_a, step_b, step_c, step_d, step_e, search};

	if (*rest)
		functions[*rest - 'a'](rest + 1);
	else
		work();
}

static OWN void follow(const char *path)
{
	next(path);
	sink++;
}

static void make_paths(void)
{
	for (unsigned i = 0; i < PATHS; i++) {
		for (unsigned k = 0; k < 3 + 5 * i; k++)
			paths[i][k] = (char)('a' + random_below(FUNCTIONS));
		printf("path %u: main;follow", shares[i]);
		for (const char *p = paths[i]; *p; p++)
			printf(*p == 'f' ? ";search;step_f" : ";step_%c", *p);
		puts(";work");
	}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	const unsigned slices = argc > 1 ? (unsigned)atoi(argv[1]) / 100 * 100 : 100;
	unsigned char *order = malloc(slices + 1);
	unsigned n = 0;

	if (!order)
		return 1;
	steps = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000;
	make_paths();
	for (unsigned i = 0; i < PATHS; i++)
		for (unsigned k = 0; k < slices / 100 * shares[i]; k++)
			order[n++] = (unsigned char)i;
	for (unsigned i = n; i > 1; i--) {
		const unsigned other = random_below(i);
		const unsigned char last = order[i - 1];

		order[i - 1] = order[other];
		order[other] = last;
	}
	for (unsigned i = 0; i < n; i++)
		follow(paths[order[i]]);
	free(order);
	return 0;
}
