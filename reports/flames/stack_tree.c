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
	free(tree->slots);
	free(tree);
}

static uint64_t hash_text(enum frame_key key, const char *text)
{
	uint64_t h = 0xcbf29ce484222325;

	if (key == KEY_ADDRESS)
		return (uintptr_t)text;
	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3;
	return h;
}

static size_t hash_frame(enum frame_key key, uint32_t parent, const struct stack_frame *frame)
{
	uint64_t h = (parent ^ hash_text(key, frame->symbol)) * 0x9e3779b97f4a7c15;

	if (key != KEY_SYMBOL) {
		h = (h ^ (h >> 32) ^ hash_text(key, frame->module)) * 0x9e3779b97f4a7c15;
		h = (h ^ (h >> 32) ^ frame->side * 2 ^ frame->inlined) * 0x9e3779b97f4a7c15;
	}
	return h ^ (h >> 29);
}

static bool same_text(enum frame_key key, const char *a, const char *b)
{
	return a == b || (key != KEY_ADDRESS && strcmp(a, b) == 0);
}

static bool is_node(enum frame_key key, const struct stack_node *node, uint32_t parent,
	const struct stack_frame *frame)
{
	const struct stack_frame *own = &node->frame;

	return node->parent == parent && same_text(key, own->symbol, frame->symbol) &&
	       (key == KEY_SYMBOL || (own->side == frame->side && own->inlined == frame->inlined &&
					     same_text(key, own->module, frame->module)));
}

static int rehash(struct stack_tree *tree)
{
	size_t n_slots = tree->n_slots ? tree->n_slots * 2 : 4096;
	uint32_t *slots = calloc(n_slots, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (uint32_t i = 1; i < tree->n_nodes; i++) {
		const struct stack_node *node = &tree->nodes[i];
		size_t at = hash_frame(tree->key, node->parent, &node->frame) & (n_slots - 1);

		while (slots[at])
			at = (at + 1) & (n_slots - 1);
		slots[at] = i;
	}
	free(tree->slots);
	tree->slots = slots;
	tree->n_slots = n_slots;
	return 0;
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
	size_t at;

	if (tree->n_nodes * 2 >= tree->n_slots && rehash(tree) < 0)
		return -ENOMEM;
	at = hash_frame(tree->key, parent, frame) & (tree->n_slots - 1);
	while (tree->slots[at]) {
		if (is_node(tree->key, &tree->nodes[tree->slots[at]], parent, frame)) {
			*ret = tree->slots[at];
			return 0;
		}
		at = (at + 1) & (tree->n_slots - 1);
	}
	if (tree->n_nodes >= UINT32_MAX || ARRAY_MORE(tree->nodes, tree->n_nodes, 1) < 0)
		return -ENOMEM;
	*ret = (uint32_t)tree->n_nodes++;
	tree->slots[at] = *ret;
	tree->nodes[*ret] = (struct stack_node){
		.frame = *frame, .parent = parent, .depth = tree->nodes[parent].depth + 1};
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
	free(tree->slots);
	tree->slots = NULL;
	return 0;
}
