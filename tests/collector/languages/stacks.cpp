// SPDX-License-Identifier: GPL-2.0-or-later

// Burns CPU time in leaf functions, each of which is called in one way only, and says how: stacks_program.c
// says more. Here exceptions call them, or are thrown by them. stacks SECONDS
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <thread>

#define OWN extern "C" __attribute__((noinline, used))
#define DEEP 20

static double seconds = 0.2;
static volatile uint64_t sink;
static volatile bool never;

static inline __attribute__((always_inline)) double cpu_seconds()
{
	timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static inline __attribute__((always_inline)) void burn()
{
	const double end = cpu_seconds() + seconds;

	do {
		for (unsigned i = 0; i < 200000; i++)
			sink = sink * 6364136223846793005ULL + 1442695040888963407ULL;
	} while (cpu_seconds() < end);
}

#define LEAF(name)                      \
	OWN void name()                 \
	{                               \
		burn();                 \
		__asm__ volatile("");   \
	}

LEAF(leaf_before_main)
LEAF(leaf_cleanup)
LEAF(leaf_catch)
LEAF(leaf_rethrown)
LEAF(leaf_through_c)
LEAF(leaf_lambda)
LEAF(leaf_thread)
LEAF(leaf_at_exit)

OWN void before_main()
{
	leaf_before_main();
	sink++;
}

OWN void at_exit()
{
	leaf_at_exit();
	sink++;
}

struct Begun {
	__attribute__((noinline)) Begun() { before_main(); sink++; }
	__attribute__((noinline)) ~Begun() { at_exit(); sink++; }
};

static Begun begun;

OWN void throws()
{
	throw 1;
}

/* Called while the exception is on its way. */
OWN void destructor()
{
	leaf_cleanup();
	sink++;
}

struct Guard {
	~Guard() { destructor(); sink++; }
};

OWN void has_cleanup()
{
	Guard guard;

	throws();
}

OWN void cleans_up()
{
	try {
		has_cleanup();
	} catch (int) {
		sink++;
	}
}

OWN void catches()
{
	try {
		throws();
	} catch (int) {
		leaf_catch();
		sink++;
	}
}

OWN void rethrows()
{
	try {
		throws();
	} catch (int) {
		sink++;
		throw;
	}
}

OWN void catches_again()
{
	try {
		rethrows();
	} catch (...) {
		leaf_rethrown();
		sink++;
	}
}

/* What is hit is mostly the unwinder, at work for it. */
OWN void leaf_throw()
{
	sink++;
	if (!never)
		throw 2;
}

OWN void deep(unsigned n)
{
	if (n > 1)
		deep(n - 1);
	else
		leaf_throw();
	sink++;
}

OWN void throws_often()
{
	const double end = cpu_seconds() + seconds;

	while (cpu_seconds() < end) {
		try {
			deep(DEEP);
		} catch (int) {
			sink++;
		}
	}
}

OWN int compare(const void *, const void *)
{
	throw 3;
}

/* Through the C library's qsort. */
OWN void sorts()
{
	int numbers[] = {3, 1, 2};

	try {
		qsort(numbers, 3, sizeof(*numbers), compare);
	} catch (int) {
		leaf_through_c();
		sink++;
	}
}

OWN void calls_lambda()
{
	int numbers[] = {3, 1, 2};
	bool burnt = false;

	std::sort(numbers, numbers + 3, [&burnt](int a, int b) {
		if (!burnt)
			leaf_lambda();
		burnt = true;
		return a < b;
	});
	sink += (unsigned)numbers[0];
}

OWN void thread()
{
	leaf_thread();
	sink++;
}

static void say(const char *leaf, const char *stack)
{
	printf("%s: %s;%s\n", leaf, stack, leaf);
}

int main(int argc, char **argv)
{
	seconds = argc > 1 ? strtod(argv[1], nullptr) : 0.2;
	say("leaf_before_main", "before_main");
	say("leaf_cleanup", "main;cleans_up;has_cleanup;destructor");
	say("leaf_catch", "main;catches");
	say("leaf_rethrown", "main;catches_again");
	printf("leaf_throw: main;throws_often;");
	for (int i = 0; i < DEEP; i++)
		printf("deep;");
	puts("leaf_throw");
	say("leaf_through_c", "main;sorts");
	say("leaf_lambda", "main;calls_lambda");
	say("leaf_thread", "thread");
	say("leaf_at_exit", "at_exit");
	fflush(stdout);
	cleans_up();
	catches();
	catches_again();
	throws_often();
	sorts();
	calls_lambda();
	std::thread(thread).join();
	return 0;
}
