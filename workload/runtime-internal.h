/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What runtime.c (workers, parking) and the policies (schedule-*.c) share. */

#include <pthread.h>
#include <stdatomic.h>

#include "workload/runqueue.h"
#include "workload/runtime.h"

struct worker {
	_Alignas(64) struct runtime *rt;
	unsigned id;
	pthread_t thread; /* not for worker 0 */
	bool created;
	int pin_result;
	struct worker_totals totals; /* its own until it has ended */
	uint64_t clock_ns;           /* end of the task just done, if the next begins there; or 0 */
	uint32_t block_end;          /* static: the end of its block */
	uint32_t random;             /* goroutine: where to look first */
	_Atomic uint32_t block_left; /* static: how much of the block is to do */
	_Alignas(64) _Atomic uint32_t parked; /* 1: asleep or about to be; the futex */
	struct runqueue queue;
};

/** A policy. */
struct schedule {
	const char *name;
	bool queues; /**< workers have run queues */
	/** Worker 0, at the start of a run: hand out the tasks and wake whom it takes. NULL:
	 * nothing. */
	void (*begin)(struct runtime *rt);
	/** Do some work, if there is any for @w. False: there was none. */
	bool (*step)(struct worker *w);
	/** Is there work for @w? Sequentially consistent loads: what parking rests on. */
	bool (*has_work)(struct worker *w);
	/** In place of the workers: run everything from worker 0. NULL: workers do it. */
	int (*run_all)(struct runtime *rt, struct error *error);
};

extern const struct schedule schedule_goroutine, schedule_thread, schedule_static, schedule_dynamic;

struct runtime {
	const struct schedule *schedule;
	const struct pin_map *map;
	unsigned n_workers;
	uint32_t n_tasks_max;
	struct task_time *times;
	/* the present run; written by worker 0 while no worker has work */
	uint32_t n_tasks;
	task_fn run;
	void *context;
	_Alignas(64) _Atomic uint32_t remaining; /* tasks not done */
	_Atomic uint32_t ready;                  /* workers that are set up; a futex */
	_Atomic bool quit;
	_Alignas(64) _Atomic uint32_t counter; /* dynamic: tasks not taken */
	struct worker *workers;
};

void futex_wait(_Atomic uint32_t *word, uint32_t value);
void futex_wake(_Atomic uint32_t *word);

/** Let worker @w do task @task, and keep the books of it. */
void worker_do(struct worker *w, uint32_t task);

/** Wake one sleeping worker, if any, or all. */
void runtime_wake_one(struct runtime *rt);
void runtime_wake_all(struct runtime *rt);
