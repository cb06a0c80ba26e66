/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/diff/diff_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

struct builder {
	const struct stack_tree *sides[TREE_SIDES];
	enum frame_side program[TREE_SIDES]; /* the side on which the program's frames are */
	bool aligned;
	const char **common; /* names of the program's functions that both have, sorted */
	size_t n_common;
	struct stack_tree *tree;
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/** The names of the program's functions in one tree, sorted; as many as it has nodes at most. */
static int program_names(
	const struct stack_tree *tree, enum frame_side side, const char ***ret, size_t *ret_n)
{
	const char **names = calloc(tree->n_nodes, sizeof(*names));
	size_t n = 0, kept = 0;

	if (!names)
		return -ENOMEM;
	for (size_t i = 1; i < tree->n_nodes; i++)
		if (tree->nodes[i].frame.side == side)
			names[n++] = tree->nodes[i].frame.symbol;
	qsort(names, n, sizeof(*names), compare_names);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || strcmp(names[kept - 1], names[i]) != 0)
			names[kept++] = names[i];
	*ret = names;
	*ret_n = kept;
	return 0;
}

static bool is_of_guest(const struct stack_frame *frame)
{
	return frame->side == SIDE_GUEST_USER || frame->side == SIDE_GUEST_KERNEL ||
	       frame->side == SIDE_GUEST_PROCESS || frame->side == SIDE_BOUNDARY;
}

/** Where the program is seen in that tree: in the guest, if there is one. */
static enum frame_side program_side(const struct stack_tree *tree)
{
	for (size_t i = 1; i < tree->n_nodes; i++)
		if (is_of_guest(&tree->nodes[i].frame))
			return SIDE_GUEST_USER;
	return SIDE_USER;
}

/** Fill b->program and b->common. */
static int find_common(struct builder *b)
{
	_cleanup_free_ const char **other = NULL;
	size_t n = 0, n_other = 0;
	int r;

	for (int side = 0; side < TREE_SIDES; side++)
		b->program[side] = program_side(b->sides[side]);
	r = program_names(b->sides[TREE_A], b->program[TREE_A], &b->common, &n);
	if (r >= 0)
		r = program_names(b->sides[TREE_B], b->program[TREE_B], &other, &n_other);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		if (n_other > 0 &&
			bsearch(&b->common[i], other, n_other, sizeof(*other), compare_names))
			b->common[b->n_common++] = b->common[i];
	return 0;
}

static bool is_common(const struct builder *b, const struct stack_frame *part, int side)
{
	return part->side == b->program[side] && b->n_common > 0 &&
	       bsearch(&part->symbol, b->common, b->n_common, sizeof(*b->common), compare_names);
}

/**
 * What a virtual machine's stack (@n parts, leaf first) has of the guest, and of what was done for it
 * where that stands on the guest's frames; what is left of it begins with parts[0].
 */
static size_t keep_guest(struct stack_frame *parts, size_t n)
{
	static const struct stack_frame hypervisor = {SIDE_BOUNDARY, "", STACK_HYPERVISOR, false};
	size_t n_guest = 0;

	if (is_of_guest(&parts[n - 1]) && !is_of_guest(&parts[0]))
		return n;
	while (n_guest < n && is_of_guest(&parts[n_guest]) &&
		(n_guest == 0 || parts[n_guest].side != SIDE_BOUNDARY))
		n_guest++;
	if (n_guest > 0)
		return n_guest;
	parts[n] = hypervisor;
	return n + 1;
}

/**
 * Bring a stack (@n parts, leaf first, without its thread) into the form in which two stacks can be
 * compared; returns how many parts are left.
 */
static size_t align(const struct builder *b, int side, struct stack_frame *parts, size_t n)
{
	size_t outermost;

	if (b->program[side] == SIDE_GUEST_USER)
		n = keep_guest(parts, n);
	outermost = n;
	while (outermost > 0 && !is_common(b, &parts[outermost - 1], side))
		outermost--;
	return outermost > 0 ? outermost : n;
}

static int add_node(struct builder *b, int side, uint32_t index)
{
	const struct stack_tree *tree = b->sides[side];
	const struct stack_node *own = &tree->nodes[index];
	struct stack_frame parts[STACK_DEPTH_MAX + 4];
	uint32_t at = index, node = 0;
	size_t n = 0;

	while (tree->nodes[at].depth > 1 && n <= STACK_DEPTH_MAX) {
		/* Whether a compiler's inlining is seen depends on debug information. */
		if (!tree->nodes[at].frame.inlined)
			parts[n++] = tree->nodes[at].frame;
		at = tree->nodes[at].parent;
	}
	if (b->aligned && n > 0)
		n = align(b, side, parts, n);
	parts[n++] = tree->nodes[at].frame;
	while (n > 0)
		if (stack_tree_child(b->tree, node, &parts[--n], &node) < 0)
			return -ENOMEM;
	b->tree->nodes[node].self_ns[side] += own->self_ns[TREE_A];
	b->tree->nodes[node].self_samples[side] += own->self_samples[TREE_A];
	return 0;
}

static int add_tree(struct builder *b, int side)
{
	const struct stack_tree *tree = b->sides[side];

	b->tree->n_runs[side] = tree->n_runs[TREE_A];
	for (uint32_t i = 1; i < tree->n_nodes; i++)
		if (tree->nodes[i].self_ns[TREE_A] > 0 && add_node(b, side, i) < 0)
			return -ENOMEM;
	return 0;
}

int diff_tree_build(
	const struct stack_tree *const sides[TREE_SIDES], bool aligned, struct stack_tree **ret)
{
	struct builder b = {.sides = {sides[TREE_A], sides[TREE_B]}, .aligned = aligned};
	int r = stack_tree_begin(TREE_SIDES, aligned ? KEY_SYMBOL : KEY_TEXT, &b.tree);

	if (r >= 0 && aligned)
		r = find_common(&b);
	for (int side = 0; r >= 0 && side < TREE_SIDES; side++)
		r = add_tree(&b, side);
	if (r >= 0)
		r = stack_tree_finish(b.tree);
	free(b.common);
	if (r < 0)
		stack_tree_free(b.tree);
	else
		*ret = b.tree;
	return r;
}
