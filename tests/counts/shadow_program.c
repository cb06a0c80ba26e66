/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A guest's program whose call stacks are worth following. It takes mandelbrot's command line; phase "work" lies
 * between shadow_plugin's marks. Its own functions are those of stacks_program.c: all the shapes that
 * compilers make of a stack, without frame pointers.
 *
 *	-seconds X	of each shape
 *	-turns N	so many times two threads hand over to each other, by sched_yield(), a pipe and a
 *			condition, and touch fresh memory: work for the guest's kernel
 *	-kallsyms	first, the functions of a Linux kernel on standard output: "text DISTANCE NAME", in
 *			hex from the function before
 */
#define main shapes_main
int shapes_main(int argc, char **argv);
#define say shapes_say
#include "tests/collector/stacks_program.c" /* NOLINT(bugprone-suspicious-include): its shapes */
#undef main
#undef say

#include <sched.h>
#include <sys/mman.h>

#include "tests/counts/count_marks.h"
#include "tests/counts/count_words.h"

#define PAGES      64
#define PAGE_BYTES 4096

/* All of them but by_register(): in guests a stack ends where its frame is told by a register that calls may
 * change (docs/inside-guests.md). */
static OWN void take_shapes(void)
{
	pthread_t other;

	take_signals();
	leaf_plain();
	with_alloca(1000);
	realigned();
	tail_caller();
	deep(DEEP);
	interrupted();
	elsewhere();
	sorts();
	assembly();
	if (pthread_create(&other, NULL, thread, NULL) == 0)
		pthread_join(other, NULL);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static unsigned turn; /* odd: the other thread's */
static int there[2];  /* a pipe */
static int back[2];

static OWN void hand_over(unsigned own)
{
	pthread_mutex_lock(&lock);
	while ((turn & 1) != own)
		pthread_cond_wait(&turned, &lock);
	turn++;
	pthread_cond_signal(&turned);
	pthread_mutex_unlock(&lock);
}

static OWN void echo(int from, int to)
{
	char byte;

	if (read(from, &byte, 1) != 1 || write(to, &byte, 1) != 1)
		exit(4);
}

static OWN void ask(int to, int from)
{
	char byte = 1;

	if (write(to, &byte, 1) != 1 || read(from, &byte, 1) != 1)
		exit(4);
}

static OWN void touch_pages(void)
{
	char *pages = mmap(NULL, PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED)
		exit(5);
	for (unsigned i = 0; i < PAGES; i++)
		pages[i * PAGE_BYTES] = 1;
	munmap(pages, PAGES * PAGE_BYTES);
}

static OWN void *other_thread(void *turns)
{
	for (uintptr_t i = 0; i < (uintptr_t)turns; i++) {
		hand_over(1);
		echo(there[0], back[1]);
		sched_yield();
	}
	return NULL;
}

static OWN void take_turns(unsigned turns)
{
	pthread_t other;

	if (!turns)
		return;
	if (pipe(there) || pipe(back) ||
		pthread_create(&other, NULL, other_thread, (void *)(uintptr_t)turns) != 0)
		exit(6);
	for (unsigned i = 0; i < turns; i++) {
		hand_over(0);
		ask(there[1], back[0]);
		sched_yield();
		touch_pages();
	}
	pthread_join(other, NULL);
}

static void show_kernel(void)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	unsigned long long address, before = 0;
	char line[512], name[256], type;

	if (!f)
		exit(7);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx %c %255s", &address, &type, name) == 3 &&
			strchr("tTwW", type) && !strchr(line, '[')) {
			printf("text %llx %s\n", address - before, name);
			before = address;
		}
	fclose(f);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	uint64_t begin = now_ns();
	unsigned turns = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-kallsyms") == 0)
			show_kernel();
		else if (i + 1 < argc && strcmp(argv[i], "-seconds") == 0)
			seconds = strtod(argv[i + 1], NULL);
		else if (i + 1 < argc && strcmp(argv[i], "-turns") == 0)
			turns = (unsigned)strtoul(argv[i + 1], NULL, 10);
	}
	say_phase("setup");
	COUNT_MARK(SHADOW_MARK_BEGIN);
	say_phase("work");
	take_shapes();
	take_turns(turns);
	say_phase("rest");
	COUNT_MARK(SHADOW_MARK_END);
	say_end(begin);
	say("bye");
	return 0;
}
