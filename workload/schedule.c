/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policies but for `thread`: who does which task.
 *
 * goroutine: worker 0 queues all tasks with itself, as a Go program's main goroutine does; the
 *	others steal halves, from a random victim on, and each thief that got more than it can do at
 *	once wakes the next.
 * static: worker k does the k-th of n_workers blocks of neighbouring tasks.
 * dynamic: one counter that all take the next number from.
 */
#include "workload/runtime-internal.h"

#include <string.h>

/* Sweeps over all victims before a worker gives up and sleeps; Go makes four as well. */
#define STEAL_SWEEPS 4

static const struct schedule *const schedule_table[] = {
	&schedule_goroutine,
	&schedule_thread,
	&schedule_static,
	&schedule_dynamic,
};

const struct schedule *schedule_find(const char *name)
{
	for (size_t i = 0; i < sizeof(schedule_table) / sizeof(schedule_table[0]); i++)
		if (strcmp(schedule_table[i]->name, name) == 0)
			return schedule_table[i];
	return NULL;
}

const char *schedule_names(void)
{
	return "goroutine, thread, static, dynamic";
}

static void goroutine_begin(struct runtime *rt)
{
	for (uint32_t task = 0; task < rt->n_tasks; task++) {
		/* The queue has room for all of them: n_tasks_max. */
		runqueue_push(&rt->workers[0].queue, task);
		if (task == 1)
			runtime_wake_one(rt);
	}
}

/* Xorshift: good enough to spread thieves, and every worker has its own. */
static uint32_t next_random(struct worker *w)
{
	uint32_t x = w->random ? w->random : 0x9e3779b9;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return w->random = x;
}

static bool goroutine_steal(struct worker *w)
{
	struct runtime *rt = w->rt;

	for (int sweep = 0; sweep < STEAL_SWEEPS; sweep++) {
		unsigned first = next_random(w) % rt->n_workers;

		for (unsigned i = 0; i < rt->n_workers; i++) {
			struct worker *victim = &rt->workers[(first + i) % rt->n_workers];
			size_t n = victim == w ? 0 : runqueue_steal(&victim->queue, &w->queue);

			if (n == 0)
				continue;
			w->totals.steals++;
			if (n > 1)
				runtime_wake_one(rt);
			return true;
		}
	}
	return false;
}

static bool goroutine_step(struct worker *w)
{
	uint32_t task;

	if (!runqueue_pop(&w->queue, &task)) {
		w->clock_ns = 0;
		/* What was stolen may be stolen again before it is begun: then look again. */
		return goroutine_steal(w);
	}
	worker_do(w, task);
	return true;
}

static bool goroutine_has_work(struct worker *w)
{
	for (unsigned i = 0; i < w->rt->n_workers; i++)
		if (!runqueue_empty(&w->rt->workers[i].queue))
			return true;
	return false;
}

static void static_begin(struct runtime *rt)
{
	uint64_t n = rt->n_tasks;

	for (unsigned i = 0; i < rt->n_workers; i++) {
		struct worker *w = &rt->workers[i];
		uint32_t begin = (uint32_t)(n * i / rt->n_workers);

		w->block_end = (uint32_t)(n * (i + 1) / rt->n_workers);
		atomic_store(&w->block_left, w->block_end - begin);
	}
	runtime_wake_all(rt);
}

static bool static_step(struct worker *w)
{
	uint32_t left = atomic_load(&w->block_left);

	if (left == 0)
		return false;
	atomic_store(&w->block_left, left - 1);
	worker_do(w, w->block_end - left);
	return true;
}

static bool static_has_work(struct worker *w)
{
	return atomic_load(&w->block_left) > 0;
}

static void dynamic_begin(struct runtime *rt)
{
	atomic_store(&rt->counter, rt->n_tasks);
	runtime_wake_all(rt);
}

/* The counter runs down, so that zero means "nothing", between runs as well. */
static bool dynamic_step(struct worker *w)
{
	uint32_t left = atomic_load(&w->rt->counter);

	while (left > 0) {
		if (atomic_compare_exchange_weak(&w->rt->counter, &left, left - 1)) {
			worker_do(w, w->rt->n_tasks - left);
			return true;
		}
	}
	return false;
}

static bool dynamic_has_work(struct worker *w)
{
	return atomic_load(&w->rt->counter) > 0;
}

const struct schedule schedule_goroutine = {
	.name = "goroutine",
	.queues = true,
	.begin = goroutine_begin,
	.step = goroutine_step,
	.has_work = goroutine_has_work,
};

const struct schedule schedule_static = {
	.name = "static",
	.begin = static_begin,
	.step = static_step,
	.has_work = static_has_work,
};

const struct schedule schedule_dynamic = {
	.name = "dynamic",
	.begin = dynamic_begin,
	.step = dynamic_step,
	.has_work = dynamic_has_work,
};
