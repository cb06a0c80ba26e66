/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workload/runtime-internal.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "workload/emit.h"

/* Enough for a worker and for libc's needs on top; some guests populate stacks at once. */
#define WORKER_STACK_BYTES ((size_t)256 << 10)

void futex_wait(_Atomic uint32_t *word, uint32_t value)
{
	/* All callers look at the word again, so that a signal or a late wake-up does no harm. */
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

void futex_wake(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

void runtime_name_thread(unsigned lane)
{
	char name[16];

	snprintf(name, sizeof(name), "worker/%u", lane % 100000);
	pthread_setname_np(pthread_self(), name);
}

/* Wake @w if it sleeps. Returns whether it did. */
static bool worker_wake(struct worker *w)
{
	uint32_t sleeping = 1;

	if (!atomic_load(&w->parked) || !atomic_compare_exchange_strong(&w->parked, &sleeping, 0))
		return false;
	futex_wake(&w->parked);
	return true;
}

void worker_do(struct worker *w, uint32_t task)
{
	struct runtime *rt = w->rt;
	struct task_time *t = &rt->times[task];

	t->worker = w->id;
	t->start_ns = w->clock_ns ? w->clock_ns : emit_now_ns();
	rt->run(rt->context, task);
	t->end_ns = w->clock_ns = emit_now_ns();
	w->totals.busy_ns += t->end_ns - t->start_ns;
	w->totals.tasks++;
	if (atomic_fetch_sub(&rt->remaining, 1) == 1)
		worker_wake(&rt->workers[0]);
}

/*
 * Parking. A worker that found nothing says that it sleeps, then looks once more; whoever makes
 * work makes it visible, then looks for sleepers. Both use sequentially consistent operations, so
 * at least one of the two sees the other, and no wake-up is lost.
 */
static void worker_park(struct worker *w)
{
	struct runtime *rt = w->rt;
	uint32_t sleeping = 1;

	w->clock_ns = 0;
	atomic_store(&w->parked, 1);
	if (rt->schedule->has_work(w) || atomic_load(&rt->quit) ||
		(w->id == 0 && atomic_load(&rt->remaining) == 0)) {
		atomic_compare_exchange_strong(&w->parked, &sleeping, 0);
		return;
	}
	w->totals.parks += atomic_load(&rt->remaining) > 0;
	while (atomic_load(&w->parked))
		futex_wait(&w->parked, 1);
}

void runtime_wake_one(struct runtime *rt)
{
	for (unsigned i = 0; i < rt->n_workers; i++)
		if (worker_wake(&rt->workers[i]))
			return;
}

void runtime_wake_all(struct runtime *rt)
{
	for (unsigned i = 0; i < rt->n_workers; i++)
		worker_wake(&rt->workers[i]);
}

static void *worker_main(void *userdata)
{
	struct worker *w = userdata;
	struct runtime *rt = w->rt;

	runtime_name_thread(w->id);
	w->pin_result = rt->map ? pin_map_bind(rt->map, w->id) : 0;
	atomic_fetch_add(&rt->ready, 1);
	futex_wake(&rt->ready);

	while (!atomic_load(&rt->quit))
		if (!rt->schedule->step(w))
			worker_park(w);
	return NULL;
}

static int create_workers(struct runtime *rt, struct error *error)
{
	pthread_attr_t attributes;
	int r = pthread_attr_init(&attributes);

	if (r == 0)
		r = pthread_attr_setstacksize(&attributes, WORKER_STACK_BYTES);
	for (unsigned i = 1; i < rt->n_workers && r == 0; i++) {
		struct worker *w = &rt->workers[i];

		r = pthread_create(&w->thread, &attributes, worker_main, w);
		w->created = r == 0;
	}
	pthread_attr_destroy(&attributes);
	if (r)
		return error_set_errno(error, -r, "cannot make %u workers", rt->n_workers);

	for (;;) {
		uint32_t ready = atomic_load(&rt->ready);

		if (ready == rt->n_workers - 1)
			break;
		futex_wait(&rt->ready, ready);
	}
	return 0;
}

static int init_workers(struct runtime *rt)
{
	size_t bytes = rt->n_workers * sizeof(*rt->workers);

	rt->workers = aligned_alloc(_Alignof(struct worker), bytes);
	rt->times = calloc(rt->n_tasks_max ? rt->n_tasks_max : 1, sizeof(*rt->times));
	if (!rt->workers || !rt->times)
		return -ENOMEM;
	memset(rt->workers, 0, bytes);
	for (unsigned i = 0; i < rt->n_workers; i++) {
		rt->workers[i].rt = rt;
		rt->workers[i].id = i;
		rt->workers[i].random = i;
	}
	for (unsigned i = 0; i < rt->n_workers && rt->schedule->queues; i++)
		if (runqueue_init(&rt->workers[i].queue, rt->n_tasks_max) < 0)
			return -ENOMEM;
	return 0;
}

int runtime_new(const struct runtime_config *config, struct runtime **ret, struct error *error)
{
	_cleanup_(runtime_freep) struct runtime *rt =
		aligned_alloc(_Alignof(struct runtime), sizeof(*rt));
	int r;

	if (!rt)
		return error_no_memory(error);
	memset(rt, 0, sizeof(*rt));
	rt->schedule = config->schedule;
	rt->map = config->map;
	rt->n_workers = config->n_workers;
	rt->n_tasks_max = config->n_tasks_max;
	if (init_workers(rt) < 0)
		return error_no_memory(error, " for %u workers", rt->n_workers);

	rt->workers[0].pin_result = rt->map ? pin_map_bind(rt->map, 0) : 0;
	r = create_workers(rt, error);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < rt->n_workers; i++)
		if (rt->workers[i].pin_result < 0)
			return error_set_errno(error, rt->workers[i].pin_result,
				"cannot bind worker %u to CPU %u (-pin none leaves workers "
				"unbound)",
				i, pin_map_cpu(rt->map, i));
	*ret = TAKE_PTR(rt);
	return 0;
}

int runtime_run(struct runtime *rt, uint32_t n_tasks, task_fn run, void *context,
	const struct task_time **ret_times, struct error *error)
{
	struct worker *self = &rt->workers[0];

	if (n_tasks > rt->n_tasks_max)
		return error_set(error, -E2BIG, "too many tasks: %u", n_tasks);
	rt->n_tasks = n_tasks;
	rt->run = run;
	rt->context = context;
	memset(rt->times, 0, n_tasks * sizeof(*rt->times));
	atomic_store(&rt->remaining, n_tasks);

	if (rt->schedule->run_all) {
		int r = rt->schedule->run_all(rt, error);

		if (r < 0)
			return r;
	} else {
		self->clock_ns = 0;
		rt->schedule->begin(rt);
		while (atomic_load(&rt->remaining) > 0)
			if (!rt->schedule->step(self))
				worker_park(self);
	}
	*ret_times = rt->times;
	return 0;
}

void runtime_stop(struct runtime *rt)
{
	atomic_store(&rt->quit, true);
	for (unsigned i = 1; i < rt->n_workers && rt->workers; i++) {
		struct worker *w = &rt->workers[i];

		if (!w->created)
			continue;
		worker_wake(w);
		pthread_join(w->thread, NULL);
		w->created = false;
	}
}

struct worker_totals runtime_totals(const struct runtime *rt, unsigned worker)
{
	return rt->workers[worker].totals;
}

void runtime_free(struct runtime *rt)
{
	if (!rt)
		return;
	runtime_stop(rt);
	for (unsigned i = 0; i < rt->n_workers && rt->workers; i++)
		runqueue_destroy(&rt->workers[i].queue);
	free(rt->workers);
	free(rt->times);
	free(rt);
}
