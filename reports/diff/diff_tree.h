/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The samples of two cells as one tree, in which every frame that either has is a node: what is
 * gone in one stays visible. Numbers are sums over the runs of each side; diff_per_run() makes them
 * comparable: each run does the same work.
 *
 * *Aligned*, the program is brought to cover itself in two different stacks: the host's frames
 * below a virtual machine's boundary go, frames outside of the outermost function of the program
 * that both sides have go, too, and frames of the same name are one, whatever module or side they
 * are of (OSv's kernel has what a C library has elsewhere). Time in the hypervisor itself stands
 * beside the program, in "[hypervisor]".
 */

#include "reports/flames/stack_tree.h"

enum { DIFF_A, DIFF_B, DIFF_SIDES };

struct diff_node {
	uint32_t parent; /**< index of the parent, which is smaller; the root is its own */
	uint32_t depth;
	enum frame_side side;
	const char *symbol; /**< of the stores, or static */
	const char *module;
	uint64_t self_ns[DIFF_SIDES];
	uint64_t total_ns[DIFF_SIDES]; /**< self and all children */
	uint64_t self_samples[DIFF_SIDES];
	uint64_t samples[DIFF_SIDES]; /**< in total */
	double width_ns; /**< per run: the larger of both selfs, and all children's widths */
};

struct diff_tree {
	struct diff_node *nodes; /**< nodes[0] is the root; parents precede their children */
	size_t n_nodes;
	uint32_t *order; /**< all but the root, by parent, then by side and name: the drawing order
			  */
	size_t n_runs[DIFF_SIDES];
};

/**
 * Unite two trees, which must outlive the result (it borrows their names). Build them with
 * `merge_lanes`, or threads of different stacks do not meet. A tree may be NULL: that side has no
 * samples. -ENOMEM.
 */
int diff_tree_build(const struct stack_tree *a, const struct stack_tree *b, bool aligned,
	struct diff_tree **ret);

void diff_tree_free(struct diff_tree *tree);

static inline void diff_tree_freep(struct diff_tree **tree)
{
	diff_tree_free(*tree);
}

#define _cleanup_diff_tree_ __attribute__((cleanup(diff_tree_freep)))

/** A sum over the runs of @side, per run. */
static inline double diff_per_run(const struct diff_tree *tree, int side, uint64_t sum)
{
	return tree->n_runs[side] ? (double)sum / (double)tree->n_runs[side] : 0;
}

/** What one run of B takes more than one of A, ns. */
double diff_of(const struct diff_tree *tree, const uint64_t sums[DIFF_SIDES]);

/**
 * Half of the 95 % interval of that difference by the sampling alone: samples are independent
 * events of a Poisson process, so a sum of n samples has the standard deviation sum / sqrt(n).
 */
double diff_sampling_error(const struct diff_tree *tree, const uint64_t sums[DIFF_SIDES],
	const uint64_t samples[DIFF_SIDES]);
