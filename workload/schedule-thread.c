/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy `thread`: one operating system thread for each task, bound to lane task % n_workers,
 * so that it is the guest's scheduler that has to sort them out. At most ROW_THREADS_MAX live at
 * once: thousands of threads would measure limits and memory in place of the scheduler.
 */
#include "workload/runtime-internal.h"

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "workload/emit.h"

#define ROW_THREADS_MAX 256
#define ROW_STACK_BYTES ((size_t)128 << 10)

enum slot_state { SLOT_FREE, SLOT_RUNNING, SLOT_DONE };

struct row_thread {
	struct spawner *spawner;
	pthread_t thread;
	uint32_t task;
	int pin_result;
	_Atomic uint32_t state;
};

struct spawner {
	struct runtime *rt;
	pthread_attr_t attributes;
	unsigned live;
	_Atomic uint32_t finished; /* counts; a futex for the spawner */
	struct row_thread slots[ROW_THREADS_MAX];
};

static void *row_main(void *userdata)
{
	struct row_thread *slot = userdata;
	struct spawner *s = slot->spawner;
	struct runtime *rt = s->rt;
	unsigned lane = slot->task % rt->n_workers;
	struct task_time *t = &rt->times[slot->task];

	runtime_name_thread(lane);
	slot->pin_result = rt->map ? pin_map_bind(rt->map, lane) : 0;
	t->worker = lane;
	t->start_ns = emit_now_ns();
	rt->run(rt->context, slot->task);
	t->end_ns = emit_now_ns();
	atomic_store(&slot->state, SLOT_DONE);
	atomic_fetch_add(&s->finished, 1);
	futex_wake(&s->finished);
	return NULL;
}

/** Join what has ended, wait for one to end if none has. 0 or what binding gave. */
static int reap(struct spawner *s)
{
	int result = 0;

	for (bool found = false; !found && s->live > 0;) {
		uint32_t finished = atomic_load(&s->finished);

		for (size_t i = 0; i < ROW_THREADS_MAX; i++) {
			struct row_thread *slot = &s->slots[i];

			if (atomic_load(&slot->state) != SLOT_DONE)
				continue;
			pthread_join(slot->thread, NULL);
			atomic_store(&slot->state, SLOT_FREE);
			atomic_fetch_sub(&s->rt->remaining, 1);
			s->live--;
			found = true;
			if (slot->pin_result < 0)
				result = slot->pin_result;
		}
		if (!found)
			futex_wait(&s->finished, finished);
	}
	return result;
}

static struct row_thread *free_slot(struct spawner *s)
{
	for (size_t i = 0; i < ROW_THREADS_MAX; i++)
		if (atomic_load(&s->slots[i].state) == SLOT_FREE)
			return &s->slots[i];
	return NULL;
}

/** Start task @task on a thread of its own, when there is room. 0, or -EAGAIN ... */
static int spawn(struct spawner *s, uint32_t task)
{
	for (;;) {
		struct row_thread *slot = free_slot(s);
		int r = 0;

		if (slot) {
			slot->spawner = s;
			slot->task = task;
			atomic_store(&slot->state, SLOT_RUNNING);
			r = pthread_create(&slot->thread, &s->attributes, row_main, slot);
			if (r == 0) {
				s->live++;
				return 0;
			}
			atomic_store(&slot->state, SLOT_FREE);
			/* Short of threads or memory: go on with fewer at once. */
			if (s->live == 0)
				return -r;
		}
		r = reap(s);
		if (r < 0)
			return r;
	}
}

static int thread_run_all(struct runtime *rt, struct error *error)
{
	_cleanup_free_ struct spawner *s = calloc(1, sizeof(*s));
	int r = 0;

	if (!s)
		return error_no_memory(error);
	s->rt = rt;
	if (pthread_attr_init(&s->attributes) != 0)
		return error_no_memory(error);
	pthread_attr_setstacksize(&s->attributes, ROW_STACK_BYTES);

	for (uint32_t task = 0; task < rt->n_tasks && r == 0; task++)
		r = spawn(s, task);
	while (s->live > 0) {
		int reaped = reap(s);

		r = r < 0 ? r : reaped;
	}
	pthread_attr_destroy(&s->attributes);
	if (r < 0)
		return error_set_errno(error, r, "cannot make or bind a thread for each row");

	for (uint32_t task = 0; task < rt->n_tasks; task++) {
		struct worker_totals *totals = &rt->workers[rt->times[task].worker].totals;

		totals->busy_ns += rt->times[task].end_ns - rt->times[task].start_ns;
		totals->tasks++;
	}
	return 0;
}

static bool no_work(struct worker *w)
{
	(void)w;
	return false;
}

const struct schedule schedule_thread = {
	.name = "thread",
	.run_all = thread_run_all,
	.step = no_work,
	.has_work = no_work,
};
