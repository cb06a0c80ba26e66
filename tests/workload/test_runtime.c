/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Promises of the run queue and of the runtime: every task is done exactly once, whoever steals,
 * whoever sleeps. Built a second time with ThreadSanitizer, so no cmocka in the threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workload/runqueue.h"
#include "workload/runtime.h"

#define TASKS   20000
#define THIEVES 3

struct arena {
	struct runqueue shared;
	_Atomic uint32_t seen[TASKS];
	_Atomic uint32_t taken;
	_Atomic bool failed;
};

static void take(struct arena *a, struct runqueue *q)
{
	uint32_t task;

	while (runqueue_pop(q, &task)) {
		if (task >= TASKS || atomic_fetch_add(&a->seen[task], 1) != 0)
			atomic_store(&a->failed, true);
		atomic_fetch_add(&a->taken, 1);
	}
}

static void *thief(void *userdata)
{
	struct arena *a = userdata;
	struct runqueue mine;

	if (runqueue_init(&mine, 64) < 0) {
		atomic_store(&a->failed, true);
		return NULL;
	}
	while (atomic_load(&a->taken) < TASKS && !atomic_load(&a->failed))
		if (runqueue_steal(&a->shared, &mine))
			take(a, &mine);
	runqueue_destroy(&mine);
	return NULL;
}

static void stolen_tasks_are_neither_lost_nor_doubled(void **state)
{
	struct arena *a = calloc(1, sizeof(*a));
	pthread_t threads[THIEVES];

	(void)state;
	assert_non_null(a);
	/* Small, so that it wraps thousands of times and is full now and then. */
	assert_int_equal(runqueue_init(&a->shared, 16), 0);
	for (int i = 0; i < THIEVES; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, thief, a), 0);
	for (uint32_t task = 0; task < TASKS;) {
		uint32_t own;

		if (runqueue_push(&a->shared, task))
			task++;
		else if (runqueue_pop(&a->shared, &own)) {
			if (atomic_fetch_add(&a->seen[own], 1) != 0)
				atomic_store(&a->failed, true);
			atomic_fetch_add(&a->taken, 1);
		}
	}
	take(a, &a->shared);
	for (int i = 0; i < THIEVES; i++)
		pthread_join(threads[i], NULL);
	assert_false(atomic_load(&a->failed));
	assert_int_equal(atomic_load(&a->taken), TASKS);
	runqueue_destroy(&a->shared);
	free(a);
}

static void a_queue_is_first_in_first_out_and_bounded(void **state)
{
	struct runqueue q, mine;
	uint32_t task;

	(void)state;
	assert_int_equal(runqueue_init(&q, 5), 0);
	assert_int_equal(runqueue_init(&mine, 8), 0);
	assert_true(runqueue_empty(&q));
	assert_false(runqueue_pop(&q, &task));
	assert_int_equal(runqueue_steal(&q, &mine), 0);
	for (uint32_t i = 0; i < 8; i++)
		assert_true(runqueue_push(&q, i));
	assert_false(runqueue_push(&q, 8));
	assert_int_equal(runqueue_steal(&q, &mine), 4);
	for (uint32_t i = 0; i < 4; i++) {
		assert_true(runqueue_pop(&mine, &task));
		assert_int_equal(task, i);
	}
	for (uint32_t i = 4; i < 8; i++) {
		assert_true(runqueue_pop(&q, &task));
		assert_int_equal(task, i);
	}
	runqueue_destroy(&q);
	runqueue_destroy(&mine);
}

static void count(void *context, uint32_t task)
{
	_Atomic uint32_t *done = context;

	atomic_fetch_add(&done[task], 1);
	/* Uneven work, so that there is something to steal and somebody has to wait. */
	for (volatile uint32_t i = 0; i < task % 64 * 20; i++)
		;
}

static void run_all(const char *schedule, unsigned n_workers, uint32_t n_tasks, int rounds)
{
	_Atomic uint32_t *done = calloc(n_tasks + 1, sizeof(*done));
	struct runtime_config config = {schedule_find(schedule), n_workers, n_tasks, NULL};
	const struct task_time *times = NULL;
	struct runtime *rt = NULL;
	uint64_t tasks = 0;

	assert_non_null(done);
	assert_non_null(config.schedule);
	assert_int_equal(runtime_new(&config, &rt, NULL), 0);
	assert_int_equal(runtime_run(rt, n_tasks + 1, count, done, &times, NULL), -E2BIG);
	for (int round = 1; round <= rounds; round++) {
		assert_int_equal(runtime_run(rt, n_tasks, count, done, &times, NULL), 0);
		for (uint32_t i = 0; i < n_tasks; i++) {
			assert_int_equal(atomic_load(&done[i]), round);
			assert_true(times[i].worker < n_workers);
			assert_true(times[i].start_ns > 0 && times[i].start_ns <= times[i].end_ns);
		}
	}
	runtime_stop(rt);
	runtime_stop(rt);
	for (unsigned i = 0; i < n_workers; i++)
		tasks += runtime_totals(rt, i).tasks;
	assert_int_equal(tasks, (uint64_t)n_tasks * (unsigned)rounds);
	runtime_free(rt);
	free((void *)done);
}

static void every_schedule_does_every_task_once(void **state)
{
	static const char *const schedules[] = {"goroutine", "static", "dynamic", "thread"};
	static const uint32_t sizes[] = {0, 1, 2, 3, 17, 400};

	(void)state;
	for (size_t s = 0; s < 4; s++)
		for (unsigned workers = 1; workers <= 5; workers += 2)
			for (size_t n = 0; n < 6; n++)
				run_all(schedules[s], workers, sizes[n], s < 3 ? 20 : 2);
}

static void an_unknown_schedule_is_not_found(void **state)
{
	(void)state;
	assert_null(schedule_find("guided"));
	assert_null(schedule_find(""));
	assert_null(schedule_find("goroutines"));
}

static void the_first_block_of_static_belongs_to_worker_0(void **state)
{
	_Atomic uint32_t done[10] = {0};
	struct runtime_config config = {schedule_find("static"), 3, 10, NULL};
	static const uint32_t expected[10] = {0, 0, 0, 1, 1, 1, 2, 2, 2, 2};
	const struct task_time *times;
	struct runtime *rt;

	(void)state;
	assert_int_equal(runtime_new(&config, &rt, NULL), 0);
	assert_int_equal(runtime_run(rt, 10, count, done, &times, NULL), 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(times[i].worker, expected[i]);
	runtime_free(rt);
}

static void row_threads_belong_to_lanes_in_turn(void **state)
{
	_Atomic uint32_t done[600] = {0};
	struct runtime_config config = {schedule_find("thread"), 2, 600, NULL};
	const struct task_time *times;
	struct runtime *rt;

	(void)state;
	assert_int_equal(runtime_new(&config, &rt, NULL), 0);
	assert_int_equal(runtime_run(rt, 600, count, done, &times, NULL), 0);
	for (uint32_t i = 0; i < 600; i++)
		assert_int_equal(times[i].worker, i % 2);
	runtime_free(rt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_queue_is_first_in_first_out_and_bounded),
		cmocka_unit_test(stolen_tasks_are_neither_lost_nor_doubled),
		cmocka_unit_test(every_schedule_does_every_task_once),
		cmocka_unit_test(an_unknown_schedule_is_not_found),
		cmocka_unit_test(the_first_block_of_static_belongs_to_worker_0),
		cmocka_unit_test(row_threads_belong_to_lanes_in_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
