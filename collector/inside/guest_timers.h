/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * A guest's armed timers, from outside: those in each CPU's list and those that each thread and each CPU
 * holds to be its own, read from the guest's memory while it runs. In a kernel that is sound the two say
 * the same, so where they do not is told: who died of a broken list has it in its memory still. Where
 * things lie the kernel itself tells, as in guest_sched.h, and as there nothing that is read is trusted.
 *
 * OSv: all of it. Linux: of each CPU when its next timer of high resolution is due, and no more.
 */

#include <stddef.h>
#include <stdint.h>

#include "collector/inside/guest_sched.h"

#define TIMERS_MAX 4096 /**< of all CPUs together */

enum timer_owner { TIMER_OF_NOBODY, TIMER_OF_THREAD, TIMER_OF_CPU };

/** A timer that is in some list, or says that it is armed. */
struct guest_timer {
	uint64_t address;    /**< in the guest */
	uint64_t due_ns;     /**< by the guest's clock, which began with its boot */
	uint64_t owner;      /**< the thread's id, or the CPU's number */
	uint32_t owner_kind; /**< enum timer_owner */
	int32_t owner_cpu;   /**< where its owner is; -1: not known */
	int32_t list_cpu;    /**< whose list it is in; -1: in no CPU's */
	int32_t links_cpu;   /**< else: into whose lists its links lead; -1: no CPU's */
	uint32_t expired;    /**< that list is of those that are being told */
	uint32_t owned;      /**< it is among its owner's own */
	uint32_t suspended;  /**< its owner moves to another CPU, and takes its timers along */
	uint32_t torn;       /**< it changed while it was read */
	uint32_t partial;    /**< not all lists of the guest's timers were read */
	uint32_t unused;
	char state[SCHED_STATE_BYTES];     /**< the guest's own word */
	char owner_name[SCHED_NAME_BYTES]; /**< of a thread; printable ASCII */
};

#define TIMERS_NOT_COUNTED UINT64_MAX

/** The timers of a CPU. */
struct guest_timer_cpu {
	uint32_t cpu;
	uint32_t torn;
	uint64_t
		timers; /**< in those of its lists that were read to the end; TIMERS_NOT_COUNTED: not known (Linux) */
	uint64_t counted;  /**< as many as these themselves say; likewise */
	uint64_t misfiled; /**< of these, said to be empty though they are not, or the reverse */
	uint64_t clock_ns; /**< the guest's clock when this CPU last looked at it; 0: not known */
	uint64_t
		next_ns; /**< when it wants to be woken for a timer; 0: never, or, with trouble, not known */
	const char *trouble; /**< why its lists are not whole, for people; NULL: they are */
};

struct timers_snapshot {
	uint64_t begin_ns, end_ns;  /**< host CLOCK_MONOTONIC, of its reading */
	struct guest_timer *timers; /**< by their addresses */
	size_t n_timers;
	struct guest_timer_cpu *cpus;
	size_t n_cpus;
	const char *trouble; /**< why it is not whole; NULL: but for single CPUs it is */
};

/** Where OSv has them. */
struct timers_osv {
	struct sched_field lists, expired, used, looked, next, since; /**< in a CPU */
	struct sched_field list_next, list_previous,
		list_count;                     /**< in the list of those expired */
	struct sched_field preemption;          /**< a timer of the CPU's own */
	struct sched_field cpu_own, thread_own; /**< lists of who owns */
	struct sched_field own, own_next, own_previous, suspended; /**< in who owns, as such */
	struct sched_field link_next, link_previous;         /**< in a timer: of the CPU's list */
	struct sched_field own_link_next, own_link_previous; /**< of its owner's */
	struct sched_field owner, state, due;
	struct sched_field node_next, node_previous; /**< in what lists link */
	struct dwarf_values states;
};

/** Where Linux has them. */
struct timers_linux {
	uint64_t bases;   /**< the symbol hrtimer_bases, which is for each CPU */
	uint32_t expires; /**< in it */
};

struct timers_layout {
	enum sched_kind kind;
	union {
		struct timers_osv osv;
		struct timers_linux linux_kernel;
	};
};

/** Of the OSv kernel @symbols, as sched_osv_layout(). -ENODATA ..., with a message. */
int timers_osv_layout(const char *symbols, struct timers_layout *ret, struct error *error);

/** Of a Linux kernel with the type information @btf; @bases: its symbol hrtimer_bases. -ENODATA. */
int timers_linux_layout(const void *btf, size_t size, uint64_t bases, struct timers_layout *ret);

/**
 * Read them, twice and more, until they are the same twice. *ret is to be released by
 * timers_snapshot_done(). What cannot be read is missing, and ->trouble says so. -ENODATA: the layouts are
 * not of the same kernel. -ENOMEM.
 */
int timers_read(const struct sched_source *source, const struct sched_layout *sched,
	const struct timers_layout *layout, struct timers_snapshot *ret);

/** What is wrong with it, in some words; NULL: nothing. */
const char *guest_timer_fault(const struct guest_timer *t);

/**
 * A CPU that gets no timer any more: it looked at the clock a tenth of a second or more after a timer of its own was
 * due, which still waits. NULL: none does, as far as this tells.
 */
const struct guest_timer_cpu *timers_overdue(const struct timers_snapshot *s);

void timers_snapshot_done(struct timers_snapshot *s);
