/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernels that hit an operating system: its scheduler, its clock, its memory. Each counts how
 * long one operation took. Where two threads take part both are bound to the worker's processor, so
 * that one waits for the scheduler to give it to the other.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "workload/noise.h"
#include "workload/runtime-internal.h"

#define NS_PER_S      1000000000
#define TICK_MIN_NS   100000
#define TICK_MAX_NS   100000000
#define MALLOC_SIZES  8
#define MALLOC_SMALL  16 /* bytes; each next size is four times as much: up to 256 KiB */
#define MALLOC_HELD   64
#define PARTNER_STACK ((size_t)256 << 10)

/* Count how long @operation takes, over and over, for the time that was asked for. */
static int repeat(struct noise *n, unsigned lane, int (*operation)(struct noise *n, unsigned lane))
{
	struct noise_lane *l = &n->lanes[lane];
	uint64_t duration = noise_as_ticks(n, n->duration_ns), begin, now;
	int r = 0;

	noise_begin(n, l);
	do {
		begin = noise_ticks();
		r = operation(n, lane);
		now = noise_ticks();
		noise_add(n, l, noise_ns(n, noise_gap(begin, now)), now);
	} while (r == 0 && noise_gap(l->begin, now) < duration);
	noise_end(l);
	return r;
}

/* What a worker and its partner have: pipes, or a word under a lock. */
struct pair {
	struct noise *n;
	unsigned lane;
	pthread_t thread;
	int there[2], back[2]; /* pipes */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int turn; /* 0: the worker's, 1: the partner's, 2: no more */
};

static int start_partner(struct pair *p, void *(*run)(void *))
{
	pthread_attr_t attributes;
	int r = pthread_attr_init(&attributes);

	if (r)
		return -r;
	pthread_attr_setstacksize(&attributes, PARTNER_STACK);
	r = pthread_create(&p->thread, &attributes, run, p);
	pthread_attr_destroy(&attributes);
	return -r;
}

static void be_partner(const struct pair *p)
{
	pthread_setname_np(pthread_self(), "partner");
	if (p->n->map)
		(void)pin_map_bind(p->n->map, p->lane);
}

static void *echo(void *argument)
{
	struct pair *p = argument;
	char byte;

	be_partner(p);
	while (read(p->there[0], &byte, 1) == 1)
		if (write(p->back[1], &byte, 1) != 1)
			break;
	return NULL;
}

/* There and back: two switches. */
static int switch_once(struct noise *n, unsigned lane)
{
	struct pair *p = n->lanes[lane].own;
	char byte = 'x';

	if (write(p->there[1], &byte, 1) != 1 || read(p->back[0], &byte, 1) != 1)
		return -EIO;
	return 0;
}

static int switch_measure(struct noise *n, unsigned lane)
{
	struct pair p = {.n = n, .lane = lane};
	int r;

	if (pipe(p.there) < 0)
		return -errno;
	if (pipe(p.back) < 0) {
		r = -errno;
		close(p.there[0]);
		close(p.there[1]);
		return r;
	}
	n->lanes[lane].own = &p;
	r = start_partner(&p, echo);
	if (r == 0)
		r = repeat(n, lane, switch_once);
	close(p.there[1]); /* that is how the partner learns of the end */
	if (p.thread)
		pthread_join(p.thread, NULL);
	close(p.there[0]);
	close(p.back[0]);
	close(p.back[1]);
	return r;
}

static void *answer(void *argument)
{
	struct pair *p = argument;

	be_partner(p);
	pthread_mutex_lock(&p->lock);
	while (p->turn != 2) {
		if (p->turn == 1) {
			p->turn = 0;
			pthread_cond_signal(&p->changed);
		}
		pthread_cond_wait(&p->changed, &p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static int condition_once(struct noise *n, unsigned lane)
{
	struct pair *p = n->lanes[lane].own;

	pthread_mutex_lock(&p->lock);
	p->turn = 1;
	pthread_cond_signal(&p->changed);
	while (p->turn == 1)
		pthread_cond_wait(&p->changed, &p->lock);
	pthread_mutex_unlock(&p->lock);
	return 0;
}

static int condition_measure(struct noise *n, unsigned lane)
{
	struct pair p = {.n = n, .lane = lane};
	int r;

	pthread_mutex_init(&p.lock, NULL);
	pthread_cond_init(&p.changed, NULL);
	n->lanes[lane].own = &p;
	r = start_partner(&p, answer);
	if (r == 0) {
		r = repeat(n, lane, condition_once);
		pthread_mutex_lock(&p.lock);
		p.turn = 2;
		pthread_cond_signal(&p.changed);
		pthread_mutex_unlock(&p.lock);
		pthread_join(p.thread, NULL);
	}
	pthread_cond_destroy(&p.changed);
	pthread_mutex_destroy(&p.lock);
	return r;
}

static pthread_mutex_t one_lock = PTHREAD_MUTEX_INITIALIZER;

/* All workers want the same lock; what is counted is until one has it and has given it back. */
static int mutex_once(struct noise *n, unsigned lane)
{
	(void)lane;
	pthread_mutex_lock(&one_lock);
	atomic_fetch_add_explicit(&n->shared, 1, memory_order_relaxed);
	pthread_mutex_unlock(&one_lock);
	return 0;
}

static int mutex_measure(struct noise *n, unsigned lane)
{
	return repeat(n, lane, mutex_once);
}

static pthread_barrier_t meeting;
static pthread_once_t meeting_made = PTHREAD_ONCE_INIT;
static unsigned meeting_size;

static void make_meeting(void)
{
	(void)pthread_barrier_init(&meeting, NULL, meeting_size);
}

static int barrier_calibrate(struct noise *n, unsigned lane)
{
	if (lane == 0) {
		meeting_size = n->n_lanes;
		return -pthread_once(&meeting_made, make_meeting);
	}
	return 0;
}

/* The first worker says which round is the last one before it enters the round ahead of it: so all
 * know it when they leave that. */
static int barrier_measure(struct noise *n, unsigned lane)
{
	struct noise_lane *l = &n->lanes[lane];
	uint64_t duration = noise_as_ticks(n, n->duration_ns), begin, now;

	noise_begin(n, l);
	now = l->begin;
	for (uint64_t round = 0; round <= atomic_load(&n->last_round); round++) {
		if (lane == 0 && noise_gap(l->begin, now) < duration)
			atomic_store(&n->last_round, round + 1);
		begin = noise_ticks();
		pthread_barrier_wait(&meeting);
		now = noise_ticks();
		noise_add(n, l, noise_ns(n, noise_gap(begin, now)), now);
	}
	noise_end(l);
	return 0;
}

/* All workers wake and wait at one word, and nobody ever sleeps: what the calls themselves cost. */
static int futex_once(struct noise *n, unsigned lane)
{
	uint32_t old = atomic_fetch_add(&n->shared, 1);

	(void)lane;
	futex_wake(&n->shared);
	futex_wait(&n->shared, old);
	return 0;
}

static int futex_measure(struct noise *n, unsigned lane)
{
	return repeat(n, lane, futex_once);
}

static void *nothing(void *argument)
{
	return argument;
}

static int create_once(struct noise *n, unsigned lane)
{
	struct pair p = {.n = n, .lane = lane};
	int r = start_partner(&p, nothing);

	return r == 0 ? -pthread_join(p.thread, NULL) : r;
}

static int create_measure(struct noise *n, unsigned lane)
{
	return repeat(n, lane, create_once);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* OSv sleeps for a time only, not until an instant. */
static int sleep_until(uint64_t at)
{
	struct timespec next = {(time_t)(at / NS_PER_S), (long)(at % NS_PER_S)};
	int r = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	uint64_t now = now_ns();

	if (r != ENOTSUP || now >= at)
		return r == ENOTSUP ? 0 : -r;
	next = (struct timespec){(time_t)((at - now) / NS_PER_S), (long)((at - now) % NS_PER_S)};
	return nanosleep(&next, NULL) < 0 ? -errno : 0;
}

/* How late a sleep until an instant ends: what cyclictest asks. */
static int timer_measure(struct noise *n, unsigned lane)
{
	struct noise_lane *l = &n->lanes[lane];
	uint64_t begin, at;
	int r = 0;

	noise_begin(n, l);
	begin = at = now_ns();
	while (r == 0 && at - begin < n->duration_ns) {
		uint64_t now;

		at += n->quantum_ns;
		r = sleep_until(at);
		now = now_ns();
		distribution_add(l->found, now > at ? now - at : 0, now);
		/* Who is late misses instants; they are not caught up with. */
		while (at + n->quantum_ns < now)
			at += n->quantum_ns;
	}
	noise_end(l);
	return r;
}

static int yield_once(struct noise *n, unsigned lane)
{
	(void)n;
	(void)lane;
	sched_yield();
	return 0;
}

static int yield_measure(struct noise *n, unsigned lane)
{
	return repeat(n, lane, yield_once);
}

struct held {
	void *blocks[MALLOC_HELD];
	unsigned at;
};

/* One block comes, the one that came 64 before it goes. Its first byte is written. */
static int malloc_once(struct noise *n, unsigned lane)
{
	struct held *h = n->lanes[lane].own;
	unsigned at = h->at++ % MALLOC_HELD;
	size_t bytes = (size_t)MALLOC_SMALL << 2 * (h->at * 5 % MALLOC_SIZES);

	free(h->blocks[at]);
	h->blocks[at] = malloc(bytes);
	if (!h->blocks[at])
		return -ENOMEM;
	*(volatile char *)h->blocks[at] = 1;
	return 0;
}

static int malloc_measure(struct noise *n, unsigned lane)
{
	struct held h = {.at = 0};
	int r;

	n->lanes[lane].own = &h;
	r = repeat(n, lane, malloc_once);
	for (unsigned i = 0; i < MALLOC_HELD; i++)
		free(h.blocks[i]);
	return r;
}

const struct noise_kernel noise_system_kernels[] = {
	{"switch", "a byte to a thread on the same processor and back, by pipes: two switches",
		false, false, false, NULL, switch_measure},
	{"condition", "the same by a condition variable", false, false, false, NULL,
		condition_measure},
	{"mutex", "all workers take and give back the same mutex", false, false, false, NULL,
		mutex_measure},
	{"barrier", "all workers meet at a barrier, over and over", false, false, false,
		barrier_calibrate, barrier_measure},
	{"futex", "all workers wake and wait at one futex, none sleeps", false, false, false, NULL,
		futex_measure},
	{"create", "a thread is made and joined", false, false, false, NULL, create_measure},
	{"timer", "how late does a sleep until an instant end?", true, false, false, NULL,
		timer_measure},
	{"yield", "sched_yield()", false, false, false, NULL, yield_measure},
	{"malloc", "all workers allocate and free blocks of 16 bytes to 256 KiB", false, false,
		false, NULL, malloc_measure},
	{.name = NULL},
};

const char noise_system_lack[] = "";

/* Linux keeps its coarse clock by the tick: that is its resolution. Kernels that have no tick tell others. */
uint64_t noise_tick_ns(void)
{
	struct timespec t;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &t) == 0 && t.tv_sec == 0 &&
		t.tv_nsec >= TICK_MIN_NS && t.tv_nsec <= TICK_MAX_NS)
		return (uint64_t)t.tv_nsec;
	return 0;
}
