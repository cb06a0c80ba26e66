/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * A guest's scheduler, from outside: its threads and what it counts of each, its CPUs and how many threads
 * wait for each, read from the guest's memory while it runs. Where things lie there the kernel itself
 * tells: OSv's DWARF, Linux's BTF. Nothing that is read is trusted: lists end after so many steps, what
 * does not fit together is not taken, and what changed while it was read is marked.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/inside/guest_memory.h"
#include "collector/symbols/dwarf_members.h"
#include "common/error.h"

#define SCHED_NAME_BYTES  24 /* a name has 16 at most; no byte of the structure is left over */
#define SCHED_STATE_BYTES DWARF_VALUE_BYTES

#define SCHED_RUNNING "running" /**< on its CPU; both kernels' own words, or ours for them */
#define SCHED_QUEUED  "queued"  /**< could run, and waits for its CPU */
#define SCHED_WAKING  "waking"  /**< could run, and is about to be queued */

/* What is known of a thread, and what it is. */
#define SCHED_COUNTS_CPU   1U /**< its CPU time is counted: Linux's idle threads' is not */
#define SCHED_COUNTS_DELAY 2U /**< the kernel itself counts how long it was queued */
#define SCHED_IS_IDLE      4U /**< it runs where there is nothing to run */

/** A thread of the guest. */
struct sched_task {
	uint64_t id;
	uint64_t
		process; /**< number of its process; 0: there are none (OSv), or it is the kernel's */
	char name[SCHED_NAME_BYTES];   /**< printable ASCII; other bytes are "?" */
	char state[SCHED_STATE_BYTES]; /**< OSv: its own word */
	int32_t cpu;                   /**< -1: none */
	uint32_t torn;                 /**< it changed while it was read */
	uint32_t flags;                /**< SCHED_... */
	uint32_t unused;
	uint64_t delay_ns;        /**< queued, until it last got its CPU */
	uint64_t queued_since_ns; /**< by its CPU's clock; 0: it is not queued now */
	uint64_t cpu_ns;          /**< until it last lost its CPU (OSv), or the last tick (Linux) */
	uint64_t switches;        /**< to it (OSv), from it (Linux) */
	uint64_t preemptions;     /**< of these: while it could have gone on */
	uint64_t migrations;
};

/** A CPU of the guest. */
struct sched_cpu {
	uint32_t cpu;
	uint32_t idle; /**< its idle thread has it */
	uint32_t torn; /**< it changed while it was read */
	uint32_t unused;
	uint64_t queued;   /**< threads queued for it, without its idle thread */
	uint64_t current;  /**< id of the thread that has it */
	uint64_t switches; /**< since its boot; 0: not counted (OSv) */
	uint64_t since_ns; /**< the thread got it, by the guest's clock; 0: not known (Linux) */
	uint64_t clock_ns; /**< of its run queue; 0: there is none (OSv) */
};

/** All of it, at one instant. */
struct sched_snapshot {
	uint64_t begin_ns, end_ns; /**< host CLOCK_MONOTONIC, of its reading */
	struct sched_task *tasks;
	size_t n_tasks;
	struct sched_cpu *cpus;
	size_t n_cpus;
	const char *trouble; /**< why it is not whole, for people; NULL: it is */
};

/** A number in a structure. */
struct sched_field {
	uint32_t offset, size; /**< in bytes */
};

/** Where OSv has its threads and CPUs. */
struct sched_osv {
	uint64_t cpus, threads;                   /**< addresses of the vector and of the map */
	struct sched_field cpus_first, cpus_last; /**< in the vector */
	struct sched_field first, count;          /**< in the map */
	struct sched_field next, node_value;      /**< in a node of it */
	struct sched_field key, value;            /**< in the node's value */
	struct sched_field cpu_id, cpu_queue, cpu_idle;
	struct sched_field cpu_since; /**< size 0: there is none */
	struct sched_field id, name, detached, switches, preemptions, migrations, cpu_time;
	struct sched_field detached_thread, detached_cpu, detached_state;
	struct sched_field stack,
		stacks; /**< for interrupts: in a thread; and a CPU's pointers to ends of such */
	struct dwarf_values states;
};

/** Where Linux has them. */
struct sched_linux {
	uint64_t init_task, runqueues, cpu_offsets;
	/* In struct task_struct; on_cpu is there in kernels for several CPUs: */
	uint32_t tasks, pid, tgid, comm, flags, signal, thread_node, state, on_cpu, on_rq, se;
	uint32_t thread_cpu;                          /**< where the task's CPU is in it */
	uint32_t switches, preemptions;               /**< voluntary ones, and the others */
	uint32_t thread_head;                         /**< in struct signal_struct */
	uint32_t cpu_ns, migrations;                  /**< in struct sched_entity */
	uint32_t queued, current, idle, cpu_switches; /**< in struct rq */
	uint32_t delay, last_queued; /**< in the task; delay 0: the kernel does not count it */
	uint32_t clock;              /**< in struct rq */
};

/** Where bare's calibrator has those of its fake threads: guests/fake_sched.h. */
struct sched_fake {
	uint64_t scheduler;
};

enum sched_kind { SCHED_NONE, SCHED_OSV, SCHED_LINUX, SCHED_FAKE };

struct sched_layout {
	enum sched_kind kind;
	union {
		struct sched_osv osv;
		struct sched_linux linux_kernel;
		struct sched_fake fake;
	};
};

/** Where to read. */
struct sched_source {
	const struct guest_memory *memory;
	uint64_t cr3;  /**< root of page tables that map the kernel */
	unsigned cpus; /**< of the machine, at most */
};

/** Of the OSv kernel @symbols: an ELF file with debug information. -ENODATA ..., with a message. */
int sched_osv_layout(const char *symbols, struct sched_layout *ret, struct error *error);

/** Of the kernel bare @symbols, if it has fake threads. -ENODATA, without a message: it has none. */
int sched_fake_layout(const char *symbols, struct sched_layout *ret, struct error *error);

/**
 * Of the Linux kernel whose type information is @btf (@size bytes). Addresses are the caller's to fill in.
 * -ENODATA.
 */
int sched_linux_layout(const void *btf, size_t size, struct sched_layout *ret);

/**
 * Read it, twice and more, until it is the same twice. *ret is to be released by sched_snapshot_done().
 * What cannot be read is missing, and ->trouble says so. -ENOMEM; -ENODATA: bare has no fake threads, or not yet.
 */
int sched_read(const struct sched_source *source, const struct sched_layout *layout,
	struct sched_snapshot *ret);

/** The same read once, for who looks often: what changed meanwhile is not marked. Errors are the same. */
int sched_glance(const struct sched_source *source, const struct sched_layout *layout,
	struct sched_snapshot *ret);

/**
 * Where the run queues' numbers of threads are, by CPU: @max addresses of *ret_size bytes at most. How many are known.
 */
size_t sched_queues(const struct sched_source *source, const struct sched_layout *layout,
	uint64_t *ret, size_t max, uint32_t *ret_size);

/**
 * Where samples find OSv's thread that a CPU is at work for, as its own pointers tell. -ENODATA: it is another kernel, or
 * has no thread now.
 */
int sched_current(const struct sched_source *source, const struct sched_layout *layout,
	struct guest_task_layout *ret);

void sched_snapshot_done(struct sched_snapshot *s);
