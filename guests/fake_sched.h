/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The scheduler's data of bare's fake threads, as they lie in the guest's memory at the symbol fake_scheduler, to be read from outside as
 * OSv's and Linux's are. It decides nothing: the calibrator (tests/calibrator) gives its vCPUs to these threads in turn, and keeps
 * count here. Pointers are the guest's addresses.
 */

#include <stdint.h>

#define FAKE_SCHED_MAGIC      UINT64_C(0x31646863732d6673) /* "sf-schd1" */
#define FAKE_SCHED_NAME_BYTES 16

enum fake_sched_state { FAKE_SCHED_WAITING, FAKE_SCHED_QUEUED, FAKE_SCHED_RUNNING };

struct fake_sched_task {
	uint64_t next; /**< of the list; 0: it is the last */
	uint64_t id;   /**< from 1 */
	char name[FAKE_SCHED_NAME_BYTES];
	uint32_t state; /**< enum fake_sched_state */
	uint32_t cpu;
	uint64_t cpu_ns;          /**< until it last lost its CPU */
	uint64_t queued_ns;       /**< until it last got it */
	uint64_t queued_since_ns; /**< by its CPU's clock; 0: it is not queued */
	uint64_t switches, preemptions, migrations;
};

struct fake_sched_cpu {
	uint64_t queued;   /**< threads that could run here, the one that does included */
	uint64_t current;  /**< id of that; 0: none */
	uint64_t since_ns; /**< it has the CPU */
	uint64_t clock_ns; /**< when all this was last written */
};

struct fake_sched {
	uint64_t magic;
	uint64_t n_cpus, cpus;   /**< how many struct fake_sched_cpu, and where */
	uint64_t n_tasks, first; /**< how many struct fake_sched_task, and where the first is */
};
