/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/diff/diff_tree.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

/** A frame, as nodes are made from. */
struct part {
	enum frame_side side;
	const char *module;
	const char *symbol;
};

struct builder {
	const struct stack_tree *trees[DIFF_SIDES];
	enum frame_side program[DIFF_SIDES]; /* the side on which the program's frames are */
	bool aligned;
	const char **common; /* names of the program's functions that both have, sorted */
	size_t n_common;
	struct diff_tree *tree;
	size_t room;
	uint32_t *slots; /* hash of (parent, key) to node, 0 = free */
	size_t n_slots;
};

void diff_tree_free(struct diff_tree *tree)
{
	if (!tree)
		return;
	free(tree->nodes);
	free(tree->order);
	free(tree);
}

double diff_of(const struct diff_tree *tree, const uint64_t sums[DIFF_SIDES])
{
	return diff_per_run(tree, DIFF_B, sums[DIFF_B]) - diff_per_run(tree, DIFF_A, sums[DIFF_A]);
}

double diff_sampling_error(const struct diff_tree *tree, const uint64_t sums[DIFF_SIDES],
	const uint64_t samples[DIFF_SIDES])
{
	double variance = 0;

	for (int i = 0; i < DIFF_SIDES; i++)
		if (samples[i] > 0)
			variance += pow(diff_per_run(tree, i, sums[i]), 2) / (double)samples[i];
	return 1.959964 * sqrt(variance);
}

static uint64_t hash_text(uint64_t h, const char *text)
{
	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3;
	return h;
}

static size_t hash_key(const struct builder *b, uint32_t parent, const struct part *part)
{
	uint64_t h = (0xcbf29ce484222325 ^ parent) * 0x9e3779b97f4a7c15;

	h = hash_text(h ^ (h >> 29), part->symbol);
	if (!b->aligned)
		h = hash_text(h, part->module) ^ part->side;
	return h ^ (h >> 31);
}

static bool is_node(const struct builder *b, const struct diff_node *node, uint32_t parent,
	const struct part *part)
{
	return node->parent == parent && strcmp(node->symbol, part->symbol) == 0 &&
	       (b->aligned ||
		       (node->side == part->side && strcmp(node->module, part->module) == 0));
}

static int rehash(struct builder *b)
{
	size_t n_slots = b->n_slots ? b->n_slots * 2 : 4096;
	uint32_t *slots = calloc(n_slots, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (uint32_t i = 1; i < b->tree->n_nodes; i++) {
		const struct diff_node *node = &b->tree->nodes[i];
		const struct part part = {node->side, node->module, node->symbol};
		size_t at = hash_key(b, node->parent, &part) & (n_slots - 1);

		while (slots[at])
			at = (at + 1) & (n_slots - 1);
		slots[at] = i;
	}
	free(b->slots);
	b->slots = slots;
	b->n_slots = n_slots;
	return 0;
}

static int make_room(struct builder *b)
{
	size_t room = b->room ? b->room * 2 : 1024;
	struct diff_node *nodes;

	if (b->tree->n_nodes < b->room)
		return 0;
	if (b->tree->n_nodes >= UINT32_MAX)
		return -ENOMEM;
	nodes = reallocarray(b->tree->nodes, room, sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	b->tree->nodes = nodes;
	b->room = room;
	return 0;
}

/** The child of @parent for @part, made if need be. */
static int child_of(struct builder *b, uint32_t parent, const struct part *part, uint32_t *ret)
{
	struct diff_tree *tree = b->tree;
	size_t at;

	if ((tree->n_nodes * 2 >= b->n_slots && rehash(b) < 0) || make_room(b) < 0)
		return -ENOMEM;
	at = hash_key(b, parent, part) & (b->n_slots - 1);
	while (b->slots[at]) {
		if (is_node(b, &tree->nodes[b->slots[at]], parent, part)) {
			*ret = b->slots[at];
			return 0;
		}
		at = (at + 1) & (b->n_slots - 1);
	}
	*ret = (uint32_t)tree->n_nodes++;
	b->slots[at] = *ret;
	tree->nodes[*ret] = (struct diff_node){.parent = parent,
		.depth = tree->nodes[parent].depth + 1,
		.side = part->side,
		.symbol = part->symbol,
		.module = part->module};
	return 0;
}

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
		if (tree->nodes[i].side == side)
			names[n++] = tree->nodes[i].symbol;
	qsort(names, n, sizeof(*names), compare_names);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || strcmp(names[kept - 1], names[i]) != 0)
			names[kept++] = names[i];
	*ret = names;
	*ret_n = kept;
	return 0;
}

/** Fill b->common. */
static int find_common(struct builder *b)
{
	_cleanup_free_ const char **other = NULL;
	size_t n = 0, n_other = 0;
	int r;

	if (!b->trees[DIFF_A] || !b->trees[DIFF_B])
		return 0;
	r = program_names(b->trees[DIFF_A], b->program[DIFF_A], &b->common, &n);
	if (r >= 0)
		r = program_names(b->trees[DIFF_B], b->program[DIFF_B], &other, &n_other);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		if (n_other > 0 &&
			bsearch(&b->common[i], other, n_other, sizeof(*other), compare_names))
			b->common[b->n_common++] = b->common[i];
	return 0;
}

static bool is_common(const struct builder *b, const struct part *part, int side)
{
	return part->side == b->program[side] && b->n_common > 0 &&
	       bsearch(&part->symbol, b->common, b->n_common, sizeof(*b->common), compare_names);
}

/** Where the program is seen in that tree: behind a boundary, if there is one. */
static enum frame_side program_side(const struct stack_tree *tree)
{
	for (size_t i = 1; tree && i < tree->n_nodes; i++)
		if (tree->nodes[i].side == SIDE_BOUNDARY)
			return SIDE_GUEST_USER;
	return SIDE_USER;
}

/**
 * Bring a stack (@n parts, leaf first, without its thread) into the form in which two stacks can be
 * compared; returns how many parts are left.
 */
static size_t align(const struct builder *b, int side, struct part *parts, size_t n)
{
	static const struct part hypervisor = {SIDE_BOUNDARY, "", "[hypervisor]"};
	size_t boundary = 0, outermost;

	if (b->program[side] == SIDE_GUEST_USER) {
		while (boundary < n && parts[boundary].side != SIDE_BOUNDARY)
			boundary++;
		if (boundary == n) {
			parts[n] = hypervisor;
			return n + 1;
		}
		if (boundary > 0)
			n = boundary;
		else
			n = 1; /* nothing is known of the guest but that it ran */
	}
	outermost = n;
	while (outermost > 0 && !is_common(b, &parts[outermost - 1], side))
		outermost--;
	return outermost > 0 ? outermost : n;
}

static int add_node(struct builder *b, int side, uint32_t index, uint64_t self_samples)
{
	const struct stack_tree *tree = b->trees[side];
	struct part parts[STACK_DEPTH_MAX + 4];
	uint32_t at = index, node = 0;
	size_t n = 0;

	while (tree->nodes[at].depth > 1 && n <= STACK_DEPTH_MAX) {
		const struct stack_node *frame = &tree->nodes[at];

		/* Whether a compiler's inlining is seen depends on debug information. */
		if (!frame->inlined)
			parts[n++] = (struct part){frame->side, frame->module, frame->symbol};
		at = frame->parent;
	}
	if (b->aligned)
		n = align(b, side, parts, n);
	parts[n++] = (struct part){SIDE_THREAD, "", tree->nodes[at].symbol};
	while (n > 0)
		if (child_of(b, node, &parts[--n], &node) < 0)
			return -ENOMEM;
	b->tree->nodes[node].self_ns[side] += tree->nodes[index].self_ns;
	b->tree->nodes[node].self_samples[side] += self_samples;
	return 0;
}

static int add_tree(struct builder *b, int side)
{
	const struct stack_tree *tree = b->trees[side];
	_cleanup_free_ uint64_t *self_samples = NULL;

	if (!tree)
		return 0;
	b->tree->n_runs[side] = tree->n_runs;
	self_samples = calloc(tree->n_nodes, sizeof(*self_samples));
	if (!self_samples)
		return -ENOMEM;
	for (size_t i = tree->n_nodes; i-- > 1;) {
		self_samples[i] += tree->nodes[i].samples;
		self_samples[tree->nodes[i].parent] -= tree->nodes[i].samples;
	}
	for (uint32_t i = 1; i < tree->n_nodes; i++)
		if (tree->nodes[i].self_ns > 0 && add_node(b, side, i, self_samples[i]) < 0)
			return -ENOMEM;
	return 0;
}

static int compare_order(const void *a, const void *b, void *userdata)
{
	const struct diff_node *nodes = userdata;
	const struct diff_node *x = &nodes[*(const uint32_t *)a], *y = &nodes[*(const uint32_t *)b];
	int r;

	if (x->parent != y->parent)
		return x->parent < y->parent ? -1 : 1;
	if (x->side != y->side)
		return x->side < y->side ? -1 : 1;
	r = strcmp(x->symbol, y->symbol);
	return r ? r : strcmp(x->module, y->module);
}

static int finish(struct diff_tree *tree)
{
	tree->order = calloc(tree->n_nodes, sizeof(*tree->order));
	if (!tree->order)
		return -ENOMEM;
	for (size_t i = tree->n_nodes; i-- > 0;) {
		struct diff_node *node = &tree->nodes[i], *parent = &tree->nodes[node->parent];

		node->width_ns += fmax(diff_per_run(tree, DIFF_A, node->self_ns[DIFF_A]),
			diff_per_run(tree, DIFF_B, node->self_ns[DIFF_B]));
		for (int s = 0; s < DIFF_SIDES; s++) {
			node->total_ns[s] += node->self_ns[s];
			node->samples[s] += node->self_samples[s];
			if (i > 0) {
				parent->total_ns[s] += node->total_ns[s];
				parent->samples[s] += node->samples[s];
			}
		}
		if (i > 0) {
			parent->width_ns += node->width_ns;
			tree->order[i - 1] = (uint32_t)i;
		}
	}
	qsort_r(tree->order, tree->n_nodes - 1, sizeof(*tree->order), compare_order, tree->nodes);
	return 0;
}

int diff_tree_build(const struct stack_tree *a, const struct stack_tree *b, bool aligned,
	struct diff_tree **ret)
{
	_cleanup_diff_tree_ struct diff_tree *tree = calloc(1, sizeof(*tree));
	struct builder builder = {.trees = {a, b}, .aligned = aligned, .tree = tree};
	int r = tree ? make_room(&builder) : -ENOMEM;

	if (r >= 0) {
		tree->nodes[0] = (struct diff_node){.symbol = "all", .module = ""};
		tree->n_nodes = 1;
		builder.program[DIFF_A] = program_side(a);
		builder.program[DIFF_B] = program_side(b);
		r = aligned ? find_common(&builder) : 0;
	}
	for (int side = 0; r >= 0 && side < DIFF_SIDES; side++)
		r = add_tree(&builder, side);
	if (r >= 0)
		r = finish(tree);
	free(builder.slots);
	free(builder.common);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(tree);
	return 0;
}
