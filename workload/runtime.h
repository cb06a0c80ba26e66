/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * A small M:N runtime in the manner of Go's: numbered tasks on a fixed set of workers.
 *
 * Worker 0 is the thread that calls in here; the others are threads made by runtime_new(). Every
 * worker's thread is named "worker/<number>": a host recognises lanes by that. Workers without work
 * sleep on a futex, each on its own. Between two runs, and until runtime_stop(), all but worker 0
 * stay asleep.
 *
 * Nobody reads a clock but at the borders of tasks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "workload/pin.h"

/** The most workers that a runtime takes. */
#define RUNTIME_WORKERS_MAX 4096

struct schedule; /**< a policy; see schedule_table */

/** The policy of that name, or NULL. Names: goroutine, thread, static, dynamic. */
const struct schedule *schedule_find(const char *name);

/** The names of all policies, "a, b, c" (static). */
const char *schedule_names(void);

/** Does task number @task. May be called on any thread of the runtime, for several tasks at once.
 */
typedef void (*task_fn)(void *context, uint32_t task);

/** When and where a task ran. CLOCK_MONOTONIC, ns. */
struct task_time {
	uint64_t start_ns, end_ns;
	uint32_t worker;
};

/** What a worker did, over all runs. */
struct worker_totals {
	uint64_t busy_ns; /**< inside tasks */
	uint64_t tasks;
	uint64_t steals; /**< times that it took tasks from another worker's queue */
	uint64_t parks;  /**< times that it went to sleep for want of work, within a run */
};

struct runtime_config {
	const struct schedule *schedule;
	unsigned n_workers;   /**< 1 to RUNTIME_WORKERS_MAX */
	uint32_t n_tasks_max; /**< the largest run to come */
	const struct pin_map
		*map; /**< bind worker K (and the row threads of lane K) to lane K; NULL: do not */
};

struct runtime;

/** Name the calling thread "worker/<lane>". Best effort. */
void runtime_name_thread(unsigned lane);

/**
 * Make the workers; the caller becomes worker 0 (and is bound). When this returns all of them
 * exist, are named and bound, and sleep or are about to. -ENOMEM, -EAGAIN (no more threads) or what
 * binding gave, with a message.
 */
int runtime_new(const struct runtime_config *config, struct runtime **ret, struct error *error);

/**
 * Run tasks 0 to @n_tasks - 1, and return when all are done. Must be called by the thread that
 * called runtime_new(). *ret_times (n_tasks of them, indexed by task) stays the runtime's and is
 * valid until the next run. -E2BIG if there are more than n_tasks_max; under `thread`: -EAGAIN (no
 * thread can be made) or what binding gave, with some tasks not done.
 */
int runtime_run(struct runtime *rt, uint32_t n_tasks, task_fn run, void *context,
	const struct task_time **ret_times, struct error *error);

/** End the other workers and wait for them. Totals stay readable. Idempotent. */
void runtime_stop(struct runtime *rt);

/** What worker @worker did. Only after runtime_stop(). */
struct worker_totals runtime_totals(const struct runtime *rt, unsigned worker);

/** Stop if need be, and release. NULL is fine. */
void runtime_free(struct runtime *rt);

/** For _cleanup_. */
static inline void runtime_freep(struct runtime **rt)
{
	runtime_free(*rt);
}
