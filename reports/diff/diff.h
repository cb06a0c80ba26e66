/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Two configurations against each other: how much longer a run of B takes than one of A, and where.
 *
 * With C̄ₖ the time in state k, mean over lanes and runs, and T = Σₖ C̄ₖ the run time:
 * T_B - T_A = Σₖ (C̄ₖᴮ - C̄ₖᴬ), where k = "residual" is what the books do not account for.
 * The same difference is split by function: the samples of the lanes, on the CPU (sampled) and off
 * it (measured), divided by runs and lanes; what no stack accounts for is a row of its own, so that
 * these rows, too, sum to T_B - T_A.
 */

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "reports/diff/diff_tree.h"
#include "reports/flames/flames.h"
#include "reports/summary/summary.h"

/** One of the two. All borrowed. */
struct diff_operand {
	const struct summary *summary;
	struct flames *flames; /**< of the summary */
	const struct configuration *configuration;
	const char
		*name; /**< for people: the stack, with its experiment or cores if these differ */
};

/** A and B; they may be of one summary, or of two. */
struct diff_pair {
	struct diff_operand sides[TREE_SIDES];
};

struct diff_state {
	const char *name;
	double ns[TREE_SIDES]; /**< mean over lanes and runs */
	bool exact;
};

/** A number in the programs' output that both have; means over the runs. */
struct diff_metric {
	const char *name;
	const char *better; /**< "higher", "lower" or NULL, as it is in A */
	double mean[TREE_SIDES];
	bool differs; /**< Welch's test, 5 % */
};

struct diff_function {
	const char *symbol;
	const char *module; /**< may be empty */
	bool on_cpu; /**< else off the CPU, by the innermost function that is not the kernel's */
	enum frame_side side;
	uint64_t sum_ns[TREE_SIDES]; /**< own time of all lanes in all runs */
	uint64_t samples[TREE_SIDES];
	double ns[TREE_SIDES]; /**< per run and lane */
	double error_ns; /**< half of the difference's 95 % interval by sampling; NAN: measured */
};

struct diff {
	struct diff_pair pair;
	double runtime_ns[TREE_SIDES];        /**< mean over runs */
	struct diff_state states[TERM_COUNT]; /**< and other terms (summary.h) */
	size_t n_states;
	struct diff_metric *metrics;
	size_t n_metrics;
	struct diff_function *functions; /**< largest change first */
	size_t n_functions;
	double unsampled_ns[TREE_SIDES]; /**< per run and lane: run time that is in no stack */
	struct stack_tree *trees[FLAME_KINDS]; /**< by flame_table; NULL: no samples */
};

/**
 * Compare. Stacks of different names are aligned (diff_tree.h). -ENOMEM, -EBADMSG (then
 * store_reader_error() of a side's store says why).
 */
int diff_make(const struct diff_pair *pair, struct diff **ret);

void diff_free(struct diff *d);

static inline void diff_freep(struct diff **d)
{
	diff_free(*d);
}

#define _cleanup_diff_ __attribute__((cleanup(diff_freep)))

/**
 * Draw the differential flame graph of flame_table[@kind]; nothing where neither side has samples.
 * @standalone, or for a page, where @index makes its id unique. @narrowest_px: see flamegraph.h.
 */
int diff_flame(const struct diff *d, size_t kind, bool standalone, double narrowest_px,
	size_t index, FILE *out);

/** File name of that graph, what a file name should not have replaced. Malloced; NULL: no memory.
 */
char *diff_flame_name(const struct diff *d, size_t kind);

/** Why a difference of these two says nothing of their stacks, as a sentence; "" where it does. @builds: their programs
 * may be two builds. */
void diff_workloads(const struct diff_pair *pair, bool builds, char *ret, size_t size);

/** The tables for a terminal, at most 100 columns; the largest changes alone. */
int diff_write_text(const struct diff *d, FILE *out);

/** All rows: states of the window; functions. Times in seconds. */
int diff_write_states_csv(const struct diff *d, bool heading, FILE *out);
int diff_write_functions_csv(const struct diff *d, bool heading, FILE *out);

/** One object; see docs/exports.md. A new reference, or NULL: out of memory. */
json_t *diff_json(const struct diff *d);
