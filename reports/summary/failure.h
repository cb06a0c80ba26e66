/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * What a guest's CPUs, threads and timers were when its run failed, as they were read from its memory. Texts are
 * the store's, NULL where it has none; numbers that it leaves open are STORE_NULL.
 */

#include <stddef.h>
#include <stdint.h>

#include "reports/store/store_reader.h"

struct failure_cpu {
	int64_t cpu, queued;
	int64_t thread; /**< that has it */
	const char *thread_name;
	int64_t timers, counted; /**< in its lists; as these say themselves */
	int64_t misfiled;        /**< of these lists: marked as empty and are not, or the reverse */
	int64_t clock_ns;        /**< the guest's clock when it last looked */
	int64_t next_ns;         /**< when it wants to be woken */
	const char *trouble;     /**< why its lists are not whole */
	int64_t torn;
};

struct failure_thread {
	int64_t id;
	const char *name, *state;
	int64_t cpu, cpu_ns, torn;
};

struct failure_timer {
	const char *owner_kind; /**< "thread", "cpu" */
	int64_t owner;
	const char *owner_name; /**< of a thread */
	int64_t owner_cpu, list_cpu;
	int64_t links_cpu; /**< in no list: into whose its links lead */
	const char *state, *fault;
	int64_t due_ns;   /**< by the guest's clock */
	int64_t clock_ns; /**< that clock, as the CPU that looked last saw it */
	int64_t torn;
};

struct failure {
	const struct store_run *run;
	const char *phase; /**< in which it failed */
	struct failure_cpu *cpus;
	size_t n_cpus;
	struct failure_thread *threads; /**< those that run, or could, are the first */
	size_t n_threads;
	struct failure_timer *timers; /**< those with a fault first; then by when they are due */
	size_t n_timers;
	int64_t clock_ns; /**< the latest of its CPUs */
};
