/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A workload whose scheduling is known. It takes mandelbrot's command line, and in phase "known" one of its threads
 * after the other does something of which a scheduler keeps count:
 *
 *	sleeper	sleeps SLEEPS times
 *	mover	moves MOVES times to another CPU; it begins on CPU 0
 *	yield/0, yield/1	yield their only CPU to each other, YIELDS times each
 *	burner	burns BURN_MS of CPU time
 *	spawner	makes BRIEFS threads, one after the other, each called brief, which burn BRIEF_MS of CPU time
 *
 * Between the markers each of them is there, and outside of that does nothing. With "-do crowd" three threads burn
 * CPU time in phase "crowd" instead, and all begin on CPU 0. With "-do pairs" two threads burn CPU time on each of
 * two CPUs, which they do not leave, in phase "pairs"; with "-do alone" it is one on each.
 * With "-do timers" TIMERS threads sleep, the K-th for TIMER_MS + K * TIMER_MORE_MS, and the program aborts in phase
 * "timers" meanwhile; a line "sleeps NAME from=NS ms=MS" of each says when it began, by CLOCK_MONOTONIC.
 * Each line "known NAME KEY=VALUE..." at the end is what a thread counted itself.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/marker.h"

#define SLEEPS        40
#define MOVES         30
#define YIELDS        500
#define BURN_MS       300
#define BRIEFS        5
#define BRIEF_MS      60
#define CROWD_MS      2000
#define PAIRS_MS      1500
#define ALONE_MS      3000
#define TIMERS        5
#define TIMER_MS      20000
#define TIMER_MORE_MS 3000
#define SETTLE_MS     150 /* the host reads the guest's counters when the marker arrives */

static unsigned long long now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (unsigned long long)t.tv_sec * 1000000000 + (unsigned long long)t.tv_nsec;
}

static void sleep_ms(unsigned ms)
{
	const struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

	nanosleep(&t, NULL);
}

static void mark(const char *format, ...)
{
	char body[128], line[256];
	va_list ap;
	int n;

	va_start(ap, format);
	vsnprintf(body, sizeof(body), format, ap);
	va_end(ap);
	n = marker_format(line, sizeof(line), body);
	if (n > 0) {
		fwrite(line, 1, (size_t)n, stdout);
		fflush(stdout);
	}
}

static void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		printf("cannot move to CPU %d: %s\n", cpu, strerror(errno));
}

static void burn(unsigned ms)
{
	unsigned long long end = now_ns(CLOCK_THREAD_CPUTIME_ID) + ms * 1000000ULL;

	while (now_ns(CLOCK_THREAD_CPUTIME_ID) < end)
		for (volatile int i = 0; i < 100000; i++)
			;
}

static void do_sleep(void)
{
	for (int i = 0; i < SLEEPS; i++)
		sleep_ms(3);
}

static void do_move(void)
{
	for (int i = 0; i < MOVES; i++)
		stay_on(1 - i % 2);
}

static pthread_barrier_t both;

static void do_yield(void)
{
	pthread_barrier_wait(&both);
	for (int i = 0; i < YIELDS; i++)
		sched_yield();
}

static void do_burn(void)
{
	burn(BURN_MS);
}

static void *be_brief(void *userdata)
{
	pthread_setname_np(pthread_self(), "brief");
	burn(BRIEF_MS);
	return userdata;
}

static void do_spawn(void)
{
	for (int i = 0; i < BRIEFS; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, be_brief, NULL) == 0)
			pthread_join(thread, NULL);
	}
}

static void do_crowd(void)
{
	burn(CROWD_MS);
}

static void do_pairs(void)
{
	burn(PAIRS_MS);
}

static void do_alone(void)
{
	burn(ALONE_MS);
}

struct actor {
	const char *name;
	void (*work)(void);
	int cpu;   /* where it begins; -1: anywhere */
	int count; /* how often it does it, for people */
	bool with_next;
	pthread_t thread;
	sem_t ready, go, done, bye;
	unsigned long long took_ns;
	struct rusage before, after;
};

static struct actor known[] = {
	{"sleeper", do_sleep, 0, SLEEPS, false},
	{"mover", do_move, 0, MOVES, false},
	{"yield/0", do_yield, 0, YIELDS, true},
	{"yield/1", do_yield, 0, YIELDS, false},
	{"burner", do_burn, -1, BURN_MS, false},
	{"spawner", do_spawn, -1, BRIEFS, false},
};

static struct actor crowd[] = {
	{"crowd/0", do_crowd, -1, CROWD_MS, true},
	{"crowd/1", do_crowd, -1, CROWD_MS, true},
	{"crowd/2", do_crowd, -1, CROWD_MS, false},
};

static struct actor pairs[] = {
	{"pairs/0", do_pairs, 0, PAIRS_MS, true},
	{"pairs/1", do_pairs, 1, PAIRS_MS, true},
	{"pairs/2", do_pairs, 0, PAIRS_MS, true},
	{"pairs/3", do_pairs, 1, PAIRS_MS, false},
};

static struct actor alone[] = {
	{"alone/0", do_alone, 0, ALONE_MS, true},
	{"alone/1", do_alone, 1, ALONE_MS, false},
};

#define ACTORS(name)                                                                               \
	{                                                                                          \
#name, name, sizeof(name) / sizeof((name)[0])                                      \
	}

/* Phases, by what "-do" says; the first one without it. */
static const struct act {
	const char *phase;
	struct actor *actors;
	size_t n;
} acts[] = {ACTORS(known), ACTORS(crowd), ACTORS(pairs), ACTORS(alone)};

static void *act(void *userdata)
{
	struct actor *a = userdata;

	pthread_setname_np(pthread_self(), a->name);
	if (a->cpu >= 0)
		stay_on(a->cpu);
	sem_post(&a->ready);
	sem_wait(&a->go);
#ifdef RUSAGE_THREAD
	getrusage(RUSAGE_THREAD, &a->before);
#endif
	a->took_ns = now_ns(CLOCK_MONOTONIC);
	a->work();
	a->took_ns = now_ns(CLOCK_MONOTONIC) - a->took_ns;
#ifdef RUSAGE_THREAD
	getrusage(RUSAGE_THREAD, &a->after);
#endif
	sem_post(&a->done);
	sem_wait(&a->bye);
	return NULL;
}

static void begin(struct actor *actors, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		sem_init(&actors[i].ready, 0, 0);
		sem_init(&actors[i].go, 0, 0);
		sem_init(&actors[i].done, 0, 0);
		sem_init(&actors[i].bye, 0, 0);
		pthread_create(&actors[i].thread, NULL, act, &actors[i]);
		sem_wait(&actors[i].ready);
	}
}

static void play(struct actor *actors, size_t n)
{
	for (size_t i = 0, first; i < n; i++) {
		for (first = i; actors[i].with_next; i++)
			sem_post(&actors[i].go);
		sem_post(&actors[i].go);
		for (size_t k = first; k <= i; k++)
			sem_wait(&actors[k].done);
	}
}

static void end(struct actor *actors, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		sem_post(&actors[i].bye);
		pthread_join(actors[i].thread, NULL);
		printf("known %s count=%d voluntary=%ld involuntary=%ld took=%llu\n",
			actors[i].name, actors[i].count,
			actors[i].after.ru_nvcsw - actors[i].before.ru_nvcsw,
			actors[i].after.ru_nivcsw - actors[i].before.ru_nivcsw, actors[i].took_ns);
	}
}

struct sleeper {
	unsigned ms;
	char name[16];
	unsigned long long from_ns;
	sem_t ready;
};

static void *sleep_long(void *userdata)
{
	struct sleeper *s = userdata;

	pthread_setname_np(pthread_self(), s->name);
	s->from_ns = now_ns(CLOCK_MONOTONIC);
	sem_post(&s->ready);
	sleep_ms(s->ms);
	return NULL;
}

static void die_with_timers(void)
{
	static struct sleeper sleepers[TIMERS];
	pthread_t thread;

	for (unsigned i = 0; i < TIMERS; i++) {
		struct sleeper *s = &sleepers[i];

		s->ms = TIMER_MS + i * TIMER_MORE_MS;
		snprintf(s->name, sizeof(s->name), "timer/%u", i);
		sem_init(&s->ready, 0, 0);
		pthread_create(&thread, NULL, sleep_long, s);
		sem_wait(&s->ready);
	}
	sleep_ms(SETTLE_MS);
	for (unsigned i = 0; i < TIMERS; i++)
		printf("sleeps %s from=%llu ms=%u\n", sleepers[i].name, sleepers[i].from_ns,
			sleepers[i].ms);
	mark("phase name=timers t=%llu", now_ns(CLOCK_MONOTONIC));
	sleep_ms(SETTLE_MS);
	abort();
}

int main(int argc, char **argv)
{
	const struct act *chosen = &acts[0];
	unsigned long long begin_ns;

	for (int i = 1; i + 1 < argc; i++)
		for (size_t k = 0; k < sizeof(acts) / sizeof(acts[0]); k++)
			if (strcmp(argv[i], "-do") == 0 && strcmp(argv[i + 1], acts[k].phase) == 0)
				chosen = &acts[k];
	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], "-do") == 0 && strcmp(argv[i + 1], "timers") == 0)
			die_with_timers();
	pthread_barrier_init(&both, NULL, 2);
	begin(chosen->actors, chosen->n);
	sleep_ms(SETTLE_MS);
	begin_ns = now_ns(CLOCK_MONOTONIC);
	mark("phase name=%s t=%llu", chosen->phase, begin_ns);
	sleep_ms(SETTLE_MS);
	play(chosen->actors, chosen->n);
	sleep_ms(SETTLE_MS);
	mark("end t=%llu runtime=%llu status=0", now_ns(CLOCK_MONOTONIC),
		now_ns(CLOCK_MONOTONIC) - begin_ns);
	sleep_ms(SETTLE_MS);
	end(chosen->actors, chosen->n);
	return 0;
}
