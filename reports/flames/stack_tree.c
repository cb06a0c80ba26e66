/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/flames/stack_tree.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"

void stack_tree_free(struct stack_tree *tree)
{
	if (!tree)
		return;
	free(tree->nodes);
	free(tree->order);
	hash_index_clear(&tree->index);
	free(tree);
}

static uint64_t hash_text(enum frame_key key, const char *text)
{
	return key == KEY_ADDRESS ? (uintptr_t)text : hash_bytes(HASH_FIRST, text, strlen(text));
}

/* A child that is looked for. */
struct child {
	uint32_t parent;
	const struct stack_frame *frame;
};

static uint64_t hash_child(enum frame_key key, const struct child *c)
{
	uint64_t h = hash_number(c->parent, hash_text(key, c->frame->symbol));

	if (key == KEY_SYMBOL)
		return h;
	h = hash_number(h, hash_text(key, c->frame->module));
	return hash_number(h, c->frame->side * 2 ^ c->frame->inlined);
}

/* One for each enum frame_key. */
static bool is_address(const void *nodes, size_t i, const void *key)
{
	const struct stack_node *n = (const struct stack_node *)nodes + i;
	const struct child *c = key;

	return n->parent == c->parent && n->frame.symbol == c->frame->symbol &&
	       n->frame.module == c->frame->module && n->frame.side == c->frame->side &&
	       n->frame.inlined == c->frame->inlined;
}

static bool is_symbol(const void *nodes, size_t i, const void *key)
{
	const struct stack_node *n = (const struct stack_node *)nodes + i;
	const struct child *c = key;

	return n->parent == c->parent && strcmp(n->frame.symbol, c->frame->symbol) == 0;
}

static bool is_text(const void *nodes, size_t i, const void *key)
{
	const struct stack_node *n = (const struct stack_node *)nodes + i;
	const struct child *c = key;

	return is_symbol(nodes, i, key) && n->frame.side == c->frame->side &&
	       n->frame.inlined == c->frame->inlined &&
	       strcmp(n->frame.module, c->frame->module) == 0;
}

int stack_tree_begin(int n_sides, enum frame_key key, struct stack_tree **ret)
{
	_cleanup_stack_tree_ struct stack_tree *tree = calloc(1, sizeof(*tree));
	const struct stack_node root = {.frame = {.symbol = "all", .module = ""}};

	if (!tree || ARRAY_ADD(tree->nodes, tree->n_nodes, root) < 0)
		return -ENOMEM;
	tree->n_sides = n_sides;
	tree->key = key;
	*ret = TAKE_PTR(tree);
	return 0;
}

int stack_tree_child(
	struct stack_tree *tree, uint32_t parent, const struct stack_frame *frame, uint32_t *ret)
{
	static const hash_same_t same[] = {
		[KEY_ADDRESS] = is_address, [KEY_TEXT] = is_text, [KEY_SYMBOL] = is_symbol};
	const struct child child = {parent, frame};
	uint64_t hash = hash_child(tree->key, &child);
	size_t i = hash_index_find(&tree->index, hash, same[tree->key], tree->nodes, &child);

	if (i == HASH_NONE) {
		i = tree->n_nodes;
		if (ARRAY_MORE(tree->nodes, i, 1) < 0 || hash_index_add(&tree->index, hash, i) < 0)
			return -ENOMEM;
		tree->nodes[tree->n_nodes++] = (struct stack_node){
			.frame = *frame, .parent = parent, .depth = tree->nodes[parent].depth + 1};
	}
	*ret = (uint32_t)i;
	return 0;
}

static int compare_order(const void *a, const void *b, void *userdata)
{
	const struct stack_node *nodes = userdata;
	const struct stack_node *x = &nodes[*(const uint32_t *)a],
				*y = &nodes[*(const uint32_t *)b];
	int r;

	if (x->parent != y->parent)
		return x->parent < y->parent ? -1 : 1;
	if (x->frame.side != y->frame.side)
		return x->frame.side < y->frame.side ? -1 : 1;
	r = strcmp(x->frame.symbol, y->frame.symbol);
	if (r == 0)
		r = x->frame.inlined - y->frame.inlined;
	return r ? r : strcmp(x->frame.module, y->frame.module);
}

int stack_tree_finish(struct stack_tree *tree)
{
	tree->order = calloc(tree->n_nodes, sizeof(*tree->order));
	if (!tree->order)
		return -ENOMEM;
	for (size_t i = tree->n_nodes; i-- > 0;) {
		struct stack_node *node = &tree->nodes[i], *parent = &tree->nodes[node->parent];

		node->width +=
			tree->n_sides == 1
				? (double)node->self_ns[TREE_A]
				: fmax(stack_per_run(tree, TREE_A, node->self_ns[TREE_A]),
					  stack_per_run(tree, TREE_B, node->self_ns[TREE_B]));
		for (int s = 0; s < tree->n_sides; s++) {
			node->total_ns[s] += node->self_ns[s];
			node->samples[s] += node->self_samples[s];
			if (i > 0) {
				parent->total_ns[s] += node->total_ns[s];
				parent->samples[s] += node->samples[s];
			}
		}
		if (i > 0) {
			parent->width += node->width;
			tree->order[i - 1] = (uint32_t)i;
		}
	}
	qsort_r(tree->order, tree->n_nodes - 1, sizeof(*tree->order), compare_order, tree->nodes);
	hash_index_clear(&tree->index);
	return 0;
}
