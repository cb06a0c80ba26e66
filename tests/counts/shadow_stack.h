/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The call stacks of a guest with one vCPU, kept up by its calls and returns: the truth that sampled call
 * stacks are held against. Nothing of a stack's content is looked at, and no unwind table.
 *
 * Known is, for each block of code that begins, how it ends; for each call and return, where on the
 * stack the return address is. A frame is a return address that lies on a stack and has not been
 * returned to. So threads are told apart by where their frames lie: a return that finds a frame of
 * another stack says that the thread was switched. Interrupts, exceptions and signals are
 * told by a block that is not one that the block before leads to; what was interrupted becomes a
 * frame, too.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/hash_index.h"

/** How a block of code ends, which tells where it can go. */
enum shadow_end {
	SHADOW_FALL,     /**< to the next instruction */
	SHADOW_BRANCH,   /**< there, or to its target */
	SHADOW_JUMP,     /**< to its target: by a jump or a call */
	SHADOW_ANYWHERE, /**< by an address that is computed */
	SHADOW_RETURN,
	SHADOW_SYSCALL,
	SHADOW_LEAVE, /**< back from an interrupt or a system call: IRET, SYSRET */
};

/** A translation of code. */
struct shadow_block {
	uint64_t begin, end, target;
	enum shadow_end how;
	bool calls;    /**< by its last instruction */
	bool sets_rsp; /**< to a value of a register or of memory */
	bool switches; /**< ... and jumps to an address that is computed: perhaps to another thread */
	bool sets_slot; /**< writes a register to where RSP points to: perhaps over a return address */
	uint32_t node; /**< where it ran last; 0: not yet while recording */
	uint32_t leaf;
};

/** What a frame stands for. */
enum shadow_kind {
	SHADOW_CALL,        /**< its address is where a call returns to */
	SHADOW_INTERRUPTED, /**< ... that of the instruction that goes on after an interrupt, an
			     * exception or a system call */
	SHADOW_UNKNOWN,     /**< no address is known */
};

/** A call path: a frame's address on top of its parent. Node 0 is the empty path. */
struct shadow_node {
	uint32_t parent;
	enum shadow_kind kind;
	uint64_t address;
};

/** A block that ran on top of a call path, while it was recorded. */
struct shadow_leaf {
	uint32_t node;
	uint64_t address;
	uint64_t count;
};

/** An address at which interrupts and exceptions enter. */
struct shadow_entry {
	uint64_t address;
	uint64_t count;
};

struct shadow_frame;
struct shadow_page;

/** All zero at first; see shadow_done(). */
struct shadow {
	struct shadow_frame *top; /* NULL: a stack without frames */
	struct shadow_block *last;
	uint64_t expected; /* by the last return; 0: not known */
	bool accessed;     /* the stack, by the call or the return that ends the last block */
	bool overwritten;  /* what lies at RSP, since the last call or return */
	bool moved;        /* RSP has been set since the last call or return */
	bool fresh;        /* ... by a block that switches */
	bool new_thread;   /* its stack has no frames yet */
	bool recording;

	struct shadow_page **pages;
	size_t n_pages;
	struct hash_index pages_index;
	struct shadow_page *last_page;

	struct shadow_node *nodes;
	size_t n_nodes;
	struct hash_index nodes_index;
	struct shadow_leaf *leaves;
	size_t n_leaves;
	struct hash_index leaves_index;
	struct shadow_entry *entries;
	size_t n_entries;
};

/** @b begins. */
void shadow_begins(struct shadow *s, struct shadow_block *b);

/** The same where nothing else ran meanwhile, as in a loop of one block; else it returns false. */
static inline bool shadow_begins_again(struct shadow *s, const struct shadow_block *b)
{
	if (s->last != b || b->how != SHADOW_BRANCH || (s->recording && !b->leaf))
		return false;
	if (s->recording)
		s->leaves[b->leaf - 1].count++;
	return true;
}

/** A call has stored the address @back, to which it returns, at the address @slot. */
void shadow_calls(struct shadow *s, uint64_t slot, uint64_t back);

/** A return has taken its address from the address @slot. */
void shadow_returns(struct shadow *s, uint64_t slot);

/** Release what it holds. */
void shadow_done(struct shadow *s);
