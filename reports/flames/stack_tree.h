/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The samples of a configuration (a stack on a number of cores) as one tree: thread, outermost
 * frame, ..., leaf. Frames of equal side, module and symbol, inlined or not, are one, whatever
 * their lines.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/hash_index.h"
#include "reports/flames/sample_groups.h"
#include "reports/store/stack_order.h"
#include "reports/store/store_reader.h"
#include "reports/summary/summary.h"

/** The thread of all lanes, where they are merged. */
#define STACK_LANES "lanes"

enum frame_side {
	SIDE_THREAD, /**< the thread's name, or the root */
	SIDE_KERNEL,
	SIDE_USER,
	SIDE_BOUNDARY,
	SIDE_GUEST_KERNEL,
	SIDE_GUEST_USER,
	SIDE_GUEST_PROCESS, /**< no function: whose they are */
	SIDE_COUNT
};

/** Most trees have one side, A. One of two configurations has two: what is gone in one stays
 * visible. */
enum { TREE_A, TREE_B, TREE_SIDES };

/** What is taken for the same frame. */
enum frame_key {
	KEY_ADDRESS, /**< side, module, symbol and inlining, of one store: their strings are kept
			once */
	KEY_TEXT,    /**< the same of several stores */
	KEY_SYMBOL,  /**< the symbol alone */
};

struct stack_frame {
	enum frame_side side;
	const char *module; /**< the stores' strings, or static; may be empty */
	const char *symbol;
	bool inlined; /**< into the function of the parent */
};

struct stack_node {
	struct stack_frame frame;
	uint32_t parent; /**< index of the parent, which is smaller; the root is its own */
	uint32_t depth;  /**< root 0, threads 1 */
	uint64_t self_ns[TREE_SIDES];  /**< sums over the runs of a side */
	uint64_t total_ns[TREE_SIDES]; /**< self and all children */
	uint64_t self_samples[TREE_SIDES];
	uint64_t samples[TREE_SIDES]; /**< in total */
	/** As drawn. With one side: total_ns. With two: per run, the larger of both selfs, and all
	 * children's widths. */
	double width;
};

struct stack_tree {
	struct stack_node *nodes; /**< nodes[0] is the root; parents precede their children */
	size_t n_nodes;
	/** All but the root, by parent, then by side and name: the drawing order. */
	uint32_t *order;
	int n_sides;
	size_t n_runs[TREE_SIDES];

	/* While it is built. */
	enum frame_key key;
	struct hash_index index; /**< by parent and frame; without the root */
};

/** A root. -ENOMEM. */
int stack_tree_begin(int n_sides, enum frame_key key, struct stack_tree **ret);

/** The child of @parent for @frame, made if need be. -ENOMEM. */
int stack_tree_child(
	struct stack_tree *tree, uint32_t parent, const struct stack_frame *frame, uint32_t *ret);

/** All self times are there: fill in totals, widths and order. -ENOMEM. */
int stack_tree_finish(struct stack_tree *tree);

/** A sum over the runs of @side, per run. */
static inline double stack_per_run(const struct stack_tree *tree, int side, uint64_t sum)
{
	return tree->n_runs[side] ? (double)sum / (double)tree->n_runs[side] : 0;
}

/**
 * Build the tree of a group of samples. @merge_lanes: the threads of lanes are one, STACK_LANES;
 * helpers keep their names. It may be empty (n_nodes 1). -ENOMEM, -EBADMSG.
 */
int stack_tree_build(struct store_reader *store, const struct sample_group *group, bool merge_lanes,
	struct stack_tree **ret);

/**
 * The tree of @kind of @configuration's window by thread of the guest: those are the outermost
 * frames ("guest thread 0x...", by FS base), the lanes that they were on the next. Only of the last
 * run that has any: another boot's threads may have the same numbers. Empty where no run has any.
 */
int stack_tree_build_guest_threads(struct store_reader *store,
	const struct configuration *configuration, const char *kind, struct stack_tree **ret);

void stack_tree_free(struct stack_tree *tree);

static inline void stack_tree_freep(struct stack_tree **tree)
{
	stack_tree_free(*tree);
}

#define _cleanup_stack_tree_ __attribute__((cleanup(stack_tree_freep)))
