/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Off-CPU time by stack: a thread's stacks come when it loses its CPU, how long it was away when it
 * has one again. Here the two are brought together, split where phases meet, and put into the
 * profile. The same for a vCPU's time out of its guest: the stack comes at the exit, the length at the
 * entry.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/books/books.h"
#include "collector/books/profile.h"
#include "common/hash_index.h"

struct offcpu_pending;

#define EXIT_CAUSES_MAX 64

/** Exits for one reason, but for the boot. */
struct exit_sum {
	uint64_t cause;  /**< as of kernel's detail */
	uint64_t stacks; /**< that were taken */
	double variance; /**< of their time as the profile has it, in ns squared: see struct offcpu */
};

/** Of an entry of the profile: time of the missed that it is to stand for. */
struct offcpu_share {
	size_t entry;
	uint64_t ns;
};

struct offcpu {
	struct offcpu_pending **pending;
	size_t n;
	struct hash_index index; /**< of those, by pid */
	uint64_t lost;           /**< stacks for which there was no memory */
	/**
	 * Of the lanes' time off the CPU as the profile has it, in ns squared: an interval that was
	 * taken by chance, one in w, counts w times (Horvitz and Thompson's estimator, 1952). Long ones
	 * are all there, and count once.
	 */
	double variance;
	struct offcpu_share *shares;
	size_t n_shares;
	struct record_long *missed; /**< long intervals whose stacks were not taken */
	size_t n_missed;
	struct exit_sum exits[EXIT_CAUSES_MAX];
	size_t n_exits;
};

/** A thread lost its CPU. */
void offcpu_off(struct offcpu *o, const struct record_sample *record, const uint64_t *frames);

/** A vCPU's thread left its guest. Of a struct offcpu that has exits alone. */
void offcpu_exit(struct offcpu *o, const struct record_sample *record, const uint64_t *frames);

/** It entered it again. @of_window: outside of the boot. The time that it took to take the stack is apart, see struct profile_entry. */
void offcpu_entry(struct offcpu *o, struct profile *profile, const struct phase *phases,
	unsigned n_phases, const struct record_entry *record, bool of_window);

/**
 * Thread @pid, which is @key's, was away already at @since_ns, when it began to be watched: its
 * stacks are not known. Unless it was @asleep it may have been on a CPU: it was not if the next that
 * is heard of it is that it has one again.
 */
void offcpu_away(struct offcpu *o, const struct profile_entry *key, uint32_t pid, uint64_t since_ns,
	bool asleep);

/** Thread @pid is lane @lane's from @since_ns on: where it is away, what came before is not the lane's. */
void offcpu_join(struct offcpu *o, struct profile *profile, const struct phase *phases,
	unsigned n_phases, uint32_t pid, int lane, uint64_t since_ns);

/** Thread @pid has a CPU again, at @now_ns. */
void offcpu_on(struct offcpu *o, struct profile *profile, const struct phase *phases,
	unsigned n_phases, uint32_t pid, uint64_t now_ns);

/** A lane's thread was off its CPU for long, and its stacks were not taken. */
void offcpu_long(struct offcpu *o, const struct record_long *record);

/**
 * All that are still away count up to @end_ns. The time of the long intervals that were missed is divided among the stacks of
 * those of the same lane and phase that were taken instead of them, in proportion; where there are none it has no stack.
 */
void offcpu_finish(struct offcpu *o, struct profile *profile, const struct phase *phases,
	unsigned n_phases, uint64_t end_ns);

void offcpu_done(struct offcpu *o);
