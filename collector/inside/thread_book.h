/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The books of a guest's threads: of each thread and phase how long it ran on a CPU of the guest's, was queued
 * for one, and waited, by the guest's own clock and counters. The scheduler is read when a phase begins, some fifty times a
 * second in it, and when it ends: so threads that begin and end within a phase are in it, too.
 *
 * running + queued + waiting + absent + unknown = the phase, from its first reading to its last, for each thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/inside/guest_sched.h"

/** A thread in a phase. */
struct thread_row {
	uint64_t id, process;
	char name[SCHED_NAME_BYTES]; /**< when it was last seen */
	int32_t cpu;                 /**< of an idle thread; else -1 */
	bool idle;
	uint64_t running_ns;
	uint64_t queued_ns;
	uint64_t waiting_ns; /**< what is left: neither of the two */
	uint64_t absent_ns;  /**< before it began, and since it ended */
	uint64_t unknown_ns; /**< from its last reading to its end */
	uint64_t
		over_ns; /**< counted by the guest beyond its time in the phase; in none of these */
	uint64_t within_ns; /**< running_ns is known to that */
	bool exact;         /**< queued_ns is the guest's own count; else of so many readings: */
	uint64_t readings, queued_readings;
	uint64_t switches, preemptions, migrations;
	/* Of the book itself: the thread as it was first and last seen in the phase. */
	struct sched_task first, last;
	int64_t first_gap,
		last_gap; /**< since it was given its CPU, by two clocks; 0: it has none */
	uint64_t first_delay_ns, last_delay_ns;
	uint64_t first_ns, last_ns; /**< when it began, was last seen, */
	uint64_t gone_ns;           /**< and had ended; 0: it has not */
};

struct thread_phase {
	unsigned phase;
	uint64_t begin_ns, end_ns; /**< of its first and last reading */
	size_t readings;
	size_t spoilt;           /**< others, that were not whole, or had no room */
	struct thread_row *rows; /**< by number, and CPU */
	size_t n_rows;
};

struct thread_book {
	struct thread_phase *phases;
	size_t n_phases;
	size_t n_rows;    /**< of all of them */
	bool open;        /**< the last of them goes on */
	bool clock_known; /**< guest's clock minus the host's lies between these: */
	int64_t clock_low, clock_high;
	bool clock_denied;      /**< what its CPUs say of it cannot be: it never is known */
	struct sched_cpu *cpus; /**< as they were last read, and when that began */
	size_t n_cpus;
	uint64_t cpus_ns;
};

/** A reading at the end of the phase before, if one is open, and at the begin of @phase. -ENOMEM. */
int thread_book_begin(struct thread_book *b, unsigned phase, const struct sched_snapshot *s);

/** One within the phase that is open; which does not belong to it any more after @last. -ENOMEM. */
int thread_book_add(struct thread_book *b, const struct sched_snapshot *s, bool last);

/** None belongs to the phase that is open any more: it ended with the last. */
void thread_book_stop(struct thread_book *b);

/** All readings are in: work the rows out. */
void thread_book_close(struct thread_book *b);

void thread_book_done(struct thread_book *b);
