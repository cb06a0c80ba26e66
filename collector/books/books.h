/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The books of a run: every nanosecond of every lane in every phase, in exactly one state; closed,
 * and audited against clocks that the probes did not use.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "collector/books/detail.h"
#include "collector/books/profile.h"
#include "probes/records.h"

#define PHASE_NAME_SIZE 256

struct phase {
	char name[PHASE_NAME_SIZE]; /**< in the store: no two of a run are equal */
	uint64_t start_ns;
	uint64_t end_ns;
	char reported[PHASE_NAME_SIZE]; /**< by the program */
};

struct account {
	unsigned phase;
	int lane; /**< PROBE_LANE_NONE: a helper, whose name is the detail */
	unsigned state;
	char detail[DETAIL_SIZE];
	unsigned taker; /**< of STATE_PREEMPTED: enum probe_taker */
	uint64_t ns;
	bool exact;
	uint64_t samples; /**< where not exact: the samples behind this lane's and phase's split */
	uint64_t count;
};

/** What a sample of on-CPU time says: a state and a detail. */
typedef unsigned (*sample_classify_t)(
	const struct profile_entry *e, char ret_detail[static DETAIL_SIZE], void *userdata);

struct books {
	struct account *accounts;
	size_t n;
	uint64_t residual_ns;  /**< sum over lanes and phases of |wall - sum of states| */
	double worst_residual; /**< the largest |wall - sum| / wall of a lane and phase */
};

/** An account with a detail, or of a helper, as the probes counted it. */
struct counted_account {
	struct account_key key;
	struct account_value value;
};

/** What a run left behind, for books_close(). Nothing of it changes any more. */
struct books_input {
	const struct lane_record *lanes;
	unsigned n_lanes;
	const struct counted_account *accounts;
	size_t n_accounts;
	const struct phase *phases;
	unsigned n_phases;
	const struct profile *profile;
	sample_classify_t classify;
	unsigned unsampled; /**< the state of on-CPU time of a lane without any sample */
	void *userdata;     /**< of classify */
};

/**
 * Close: split on-CPU time that events did not tell apart over what the samples of the same lane
 * and phase say (all of the lane's samples where the phase has none). The split parts sum to the
 * whole to the nanosecond. -ENOMEM.
 */
int books_close(struct books *b, const struct books_input *input);

/** On-CPU time of a lane in a phase by the books (halt polling included), ns. */
uint64_t books_cpu_ns(const struct books *b, unsigned phase, int lane);

/** Time in @state, ns. */
uint64_t books_state_ns(const struct books *b, unsigned phase, int lane, unsigned state);

/** Time from @first_phase on in which strangers ran in place of lanes, which are no threads of the stack and not guestscope, ns. */
uint64_t books_strangers_ns(const struct books *b, unsigned first_phase);

void books_done(struct books *b);
