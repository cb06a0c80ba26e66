/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The samples of a cell (a stack on a number of cores) as one tree: thread, outermost frame, ...,
 * leaf. Frames of equal side, module and symbol, inlined or not, are one, whatever their lines.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reports/flames/sample_piles.h"
#include "reports/store/store_reader.h"
#include "reports/summary/summary.h"

/** Deeper stacks are cut there (and a damaged store's circle of parents ends). */
#define STACK_DEPTH_MAX 512

/** The thread of all lanes, where they are merged. */
#define STACK_LANES "lanes"

enum frame_side {
	SIDE_THREAD, /**< the thread's name, or the root */
	SIDE_KERNEL,
	SIDE_USER,
	SIDE_BOUNDARY,
	SIDE_GUEST_KERNEL,
	SIDE_GUEST_USER,
	SIDE_COUNT
};

struct side_info {
	const char *name;  /**< as in the store's frame.side */
	const char *title; /**< for people */
	const char *color; /**< fill, light enough for black text */
	char mark;         /**< CSS class: one letter */
};

/** Indexed by enum frame_side. */
extern const struct side_info side_table[SIDE_COUNT];

struct stack_node {
	uint32_t parent; /**< index of the parent, which is smaller; the root is its own */
	uint32_t depth;  /**< root 0, threads 1 */
	enum frame_side side;
	const char *symbol; /**< the store's strings */
	const char *module; /**< may be empty */
	bool inlined;       /**< into the function of the parent */
	uint64_t self_ns;
	uint64_t total_ns; /**< self and all children */
	uint64_t samples;  /**< in total */
};

struct stack_tree {
	struct stack_node *nodes; /**< nodes[0] is the root; parents precede their children */
	size_t n_nodes;
	uint32_t *
		order; /**< all but the root, by parent, then by side and name: the drawing order */
	size_t n_runs;
};

/**
 * Build the tree of a pile of samples. @merge_lanes: the threads of lanes are one, STACK_LANES;
 * helpers keep their names. It may be empty (n_nodes 1). -ENOMEM, -EBADMSG.
 */
int stack_tree_build(struct store_reader *store, const struct pile *pile, bool merge_lanes,
	struct stack_tree **ret);

/**
 * The tree of @kind of @cell's window by thread of the guest: those are the outermost frames
 * ("guest thread 0x...", by FS base), the lanes that they were on the next. Only of the last run
 * that has any: another boot's threads may have the same numbers. Empty where no run has any.
 */
int stack_tree_build_guest_threads(struct store_reader *store, const struct cell *cell,
	const char *kind, struct stack_tree **ret);

void stack_tree_free(struct stack_tree *tree);

static inline void stack_tree_freep(struct stack_tree **tree)
{
	stack_tree_free(*tree);
}

#define _cleanup_stack_tree_ __attribute__((cleanup(stack_tree_freep)))
