/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest's program whose instructions are worth counting. It takes mandelbrot's command line;
 * phase "work" lies between count_plugin's marks, and in it a dozen functions share the time.
 *
 * They differ in shape (loops, calls, recursion, jumps), not in price: all do the same step. An
 * emulated instruction takes anything from a nanosecond (an addition) to a hundred (floating point,
 * by a helper), so shares of instructions and shares of time can be held against each other only
 * where the mix of instructions is the same everywhere.
 *
 *	-rounds N	that many rounds of these functions
 *	-yields N	then so many times sched_yield(), while another thread does the same:
 *			work for the guest's kernel
 */
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/counts/count_marks.h"
#include "tests/counts/count_words.h"

#define WORDS  512 /* a power of two */
#define STEPS  240 /* of each function */
#define NOCOPY __attribute__((noinline))

static uint64_t words[WORDS];

/* Written in assembly, so that no compiler makes something else of it in one of the functions. */
static inline __attribute__((always_inline)) uint64_t step(uint64_t x, uint64_t i)
{
	uint64_t at;

	asm volatile("mov %[i], %[at]\n\t"
		     "and %[mask], %[at]\n\t"
		     "xor (%[words], %[at], 8), %[x]\n\t"
		     "rol $13, %[x]\n\t"
		     "add %[at], %[x]\n\t"
		     "mov %[x], (%[words], %[at], 8)\n\t"
		     "lea 5(%[x], %[at], 4), %[x]\n\t"
		     : [x] "+r"(x), [at] "=&r"(at)
		     : [i] "r"(i), [mask] "i"(WORDS - 1), [words] "r"(words)
		     : "memory", "cc");
	return x;
}

static inline __attribute__((always_inline)) uint64_t steps(uint64_t x, uint64_t from, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		x = step(x, from + i);
	return x;
}

NOCOPY static uint64_t one_loop(uint64_t x)
{
	return steps(x, 0, STEPS);
}

NOCOPY static uint64_t loop_in_a_loop(uint64_t x)
{
	for (uint64_t i = 0; i < STEPS / 24; i++)
		x = steps(x, i, 24);
	return x;
}

NOCOPY static uint64_t backwards(uint64_t x)
{
	for (uint64_t i = STEPS; i > 0; i--)
		x = step(x, i);
	return x;
}

NOCOPY static uint64_t until_it_is_over(uint64_t x)
{
	uint64_t left = STEPS;

	do
		x = step(x, left ^ 5);
	while (--left);
	return x;
}

NOCOPY static uint64_t recursive_step(uint64_t x, uint64_t depth)
{
	x = steps(x, depth, 24);
	return depth ? recursive_step(x, depth - 1) + 1 : x;
}

NOCOPY static uint64_t recursion(uint64_t x)
{
	return recursive_step(x, STEPS / 24 - 1);
}

NOCOPY static uint64_t callee(uint64_t x, uint64_t i)
{
	return steps(x, i, 40);
}

NOCOPY static uint64_t caller(uint64_t x)
{
	for (uint64_t i = 0; i < STEPS / 80; i++)
		x = steps(callee(x, i), i, 40);
	return x;
}

NOCOPY static uint64_t this_way(uint64_t x)
{
	return steps(x, 1, STEPS / 2);
}

NOCOPY static uint64_t that_way(uint64_t x)
{
	return steps(x, 2, STEPS / 2);
}

NOCOPY static uint64_t by_pointer(uint64_t x)
{
	static uint64_t (*const ways[])(uint64_t) = {this_way, that_way, this_way, this_way};

	x = steps(x, 0, STEPS);
	return ways[x >> 62](x);
}

NOCOPY static uint64_t unrolled(uint64_t x)
{
	for (uint64_t i = 0; i < STEPS; i += 4)
		x = step(step(step(step(x, i), i + 1), i + 2), i + 3);
	return x;
}

NOCOPY static uint64_t rare(uint64_t x)
{
	return steps(x, 9, STEPS);
}

static const struct {
	uint64_t (*work)(uint64_t x);
	unsigned times; /* in a round */
} parts[] = {
	{one_loop, 24},
	{backwards, 18},
	{loop_in_a_loop, 14},
	{until_it_is_over, 11},
	{unrolled, 11},
	{recursion, 7},
	{by_pointer, 5},
	{caller, 6},
	{rare, 1},
};

static void make_data(void)
{
	uint64_t x = 1;

	for (unsigned i = 0; i < WORDS; i++)
		words[i] = x = x * 6364136223846793005ULL + 1442695040888963407ULL;
}

/* Something else for the guest's kernel to run. */
static void *other_thread(void *arg)
{
	for (;;)
		sched_yield();
	return arg;
}

NOCOPY static uint64_t work_rounds(unsigned rounds, unsigned yields)
{
	uint64_t x = 1;

	COUNT_MARK(COUNT_MARK_BEGIN);
	for (unsigned round = 0; round < rounds; round++)
		for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
			for (unsigned k = 0; k < parts[i].times; k++)
				x = parts[i].work(x);
	for (unsigned i = 0; i < yields; i++)
		sched_yield();
	COUNT_MARK(COUNT_MARK_END);
	return x;
}

int main(int argc, char **argv)
{
	uint64_t begin = now_ns();
	unsigned rounds = 0, yields = 0;
	pthread_t other;
	uint64_t x;

	for (int i = 1; i + 1 < argc; i++) {
		if (strcmp(argv[i], "-rounds") == 0)
			rounds = (unsigned)strtoul(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "-yields") == 0)
			yields = (unsigned)strtoul(argv[i + 1], NULL, 10);
	}
	say_phase("setup");
	make_data();
	if (yields && pthread_create(&other, NULL, other_thread, NULL) != 0)
		return 1;
	say_phase("work");
	x = work_rounds(rounds, yields);
	say_phase("rest");
	say_end(begin);
	printf("result %llx\n", (unsigned long long)x);
	say("bye");
	return 0;
}
