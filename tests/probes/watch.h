/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Watching a program whose time is known: it is forked, followed from its first instruction, and
 * its books are closed when it has ended. Programs run in a child and tell what they know of
 * themselves in shared memory; the functions marked so are for them, all others are the test's.
 * Whatever fails ends the test (cmocka).
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "collector/books/books.h"
#include "collector/books/offcpu.h"
#include "collector/inside/guest_check.h"
#include "collector/probes/probe_set.h"

#define LANES  2
#define MS     1000000ULL
#define SECOND (1000 * MS)

/** What a watched program says of itself; shared with the test. */
struct truth {
	atomic_int tid[LANES];
	atomic_ullong cpu_ns[LANES];  /**< of the thread, while it was a lane */
	atomic_ullong away_ns[LANES]; /**< by its own clock, where it waited */
	atomic_ullong helper_ns;
	atomic_int ready;
	int cpu; /**< that the lane is pinned to, where the program pins it */
};

/** One program, watched from its begin to its end. */
struct watch {
	struct probe_set *probes;
	struct truth *truth;
	pid_t pid;
	struct phase phases[PROBE_PHASES_MAX];
	unsigned n_phases;
	struct books books;
	struct profile profile;
	struct offcpu offcpu;
	struct guest_check guest;
	uint32_t lane_tid[LANES];
	unsigned n_lane_records, n_samples, n_off, n_on;
};

/** Two lanes by name, samples and stacks: what most tests ask for. */
extern const struct probe_options plain;

/* For programs */

/** CPU time of this thread. */
uint64_t thread_ns(void);

/** Use a CPU until this thread has had @ns of it. */
void burn(uint64_t ns);

void sleep_ns(uint64_t ns);

/** This thread is lane @lane from here on. Returns its CPU time so far. */
uint64_t become_lane(struct truth *t, int lane);

void pin(int cpu);

void start_thread(pthread_t *thread, void *(*f)(void *), struct truth *t);

/** A thread: lane 1, which burns 30 ms. @userdata is the struct truth. */
void *second_burns(void *userdata);

/** A program: two lanes and a helper (named "helper" in the end) that burn some 10 ms each. */
void program_burns(struct truth *t);

/* For tests */

struct probe_set *open_probes(const struct probe_options *o, struct watch *w);

/** Zeroed memory that programs share with the test. */
struct truth *new_truth(void);

/** Fork a process that waits until @ret_release is closed, and then does @program. */
pid_t fork_program(void (*program)(struct truth *), struct truth *t, int *ret_release);

/** A new phase begins. */
void begin_phase(struct watch *w, const char *name);

/** The watch ends now: its books are closed. */
void close_watch(struct watch *w);

/** What holds for every run: each lane's states sum to each phase, and nothing was lost. */
void assert_books_are_whole(const struct watch *w);

/**
 * Watch @program to its end; @meanwhile (may be NULL) runs beside it. A program that takes longer
 * than ten seconds is ended, and the test has failed. The books are whole. Where the kernel left out
 * switches, so that the probes had to guess, it is done again, a few times.
 */
void watch(struct watch *w, const struct probe_options *o, void (*program)(struct truth *),
	void (*meanwhile)(struct watch *));

/** A kernel was measured that at times tells no probe anything of a process: then the test, which
 * cannot be done again, is skipped. @w's program has become a lane. */
void skip_if_untold(struct watch *w);

void watch_done(struct watch *w);

/** Time of a lane in @state for @detail, over all phases; @ret_count may be NULL. */
uint64_t time_of(
	const struct watch *w, int lane, unsigned state, const char *detail, uint64_t *ret_count);

/** Time that a lane held a CPU, over all phases. */
uint64_t cpu_time(const struct watch *w, int lane);

/** Time for which a lane could have run, but others did: all that a loaded machine adds. */
uint64_t waiting_time(const struct watch *w, int lane);

/** Two times are equal within @slack_ns; shows both where they are not. */
void assert_near(uint64_t books_ns, uint64_t truth_ns, uint64_t slack_ns);

/** A lane was blocked for as long as it says itself, but for what it then waited for its CPU. */
void assert_blocked(const struct watch *w, int lane, const char *detail, uint64_t away_ns);
