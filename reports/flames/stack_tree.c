/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/flames/stack_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/summary/summary.h"

const struct side_info side_table[SIDE_COUNT] = {
	[SIDE_THREAD] = {"thread", "thread", "#d9d9d6", 't'},
	[SIDE_KERNEL] = {"kernel", "host kernel", "#f2b48c", 'k'},
	[SIDE_USER] = {"user", "host user", "#a9c8ea", 'u'},
	[SIDE_BOUNDARY] = {"boundary", "host/guest boundary", "#ffffff", 'b'},
	[SIDE_GUEST_KERNEL] = {"guest-kernel", "guest kernel", "#e3a9c9", 'g'},
	[SIDE_GUEST_USER] = {"guest-user", "guest program", "#a8d8b4", 'p'},
};

/** A frame, as nodes of the tree are made from. */
struct part {
	enum frame_side side;
	const char *module;
	const char *symbol;
	bool inlined;
};

struct builder {
	struct store_reader *store;
	const struct store_stacks *stacks; /**< borrowed from the store */
	struct stack_tree *tree;
	size_t room;
	uint32_t *slots; /**< hash of (parent, frame) to node, 0 = free */
	size_t n_slots;
};

void stack_tree_free(struct stack_tree *tree)
{
	if (!tree)
		return;
	free(tree->nodes);
	free(tree->order);
	free(tree);
}

static enum frame_side side_from_name(const char *name)
{
	for (int i = SIDE_KERNEL; i < SIDE_COUNT; i++)
		if (strcmp(side_table[i].name, name) == 0)
			return (enum frame_side)i;
	return SIDE_USER;
}

static int grow(void **array, size_t *room, size_t n, size_t size)
{
	size_t more = *room ? *room * 2 : 1024;
	void *p;

	if (n < *room)
		return 0;
	p = reallocarray(*array, more, size);
	if (!p)
		return -ENOMEM;
	*array = p;
	*room = more;
	return 0;
}

static size_t hash_key(uint32_t parent, const struct part *frame)
{
	uint64_t h = parent;

	/* Strings are interned: equal ones have equal addresses. */
	h = (h ^ (uintptr_t)frame->symbol) * 0x9e3779b97f4a7c15;
	h = (h ^ (h >> 32) ^ (uintptr_t)frame->module) * 0x9e3779b97f4a7c15;
	h = (h ^ (h >> 32) ^ frame->side * 2 ^ frame->inlined) * 0x9e3779b97f4a7c15;
	return h ^ (h >> 29);
}

static bool is_node(const struct stack_node *node, uint32_t parent, const struct part *frame)
{
	return node->parent == parent && node->symbol == frame->symbol &&
	       node->module == frame->module && node->side == frame->side &&
	       node->inlined == frame->inlined;
}

static int rehash(struct builder *b)
{
	size_t n_slots = b->n_slots ? b->n_slots * 2 : 4096;
	uint32_t *slots = calloc(n_slots, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (uint32_t i = 1; i < b->tree->n_nodes; i++) {
		const struct stack_node *node = &b->tree->nodes[i];
		struct part frame = {node->side, node->module, node->symbol, node->inlined};
		size_t at = hash_key(node->parent, &frame) & (n_slots - 1);

		while (slots[at])
			at = (at + 1) & (n_slots - 1);
		slots[at] = i;
	}
	free(b->slots);
	b->slots = slots;
	b->n_slots = n_slots;
	return 0;
}

/** The child of @parent for @frame, made if need be. */
static int child_of(struct builder *b, uint32_t parent, const struct part *frame, uint32_t *ret)
{
	struct stack_tree *tree = b->tree;
	size_t at;

	if (tree->n_nodes * 2 >= b->n_slots && rehash(b) < 0)
		return -ENOMEM;
	at = hash_key(parent, frame) & (b->n_slots - 1);
	while (b->slots[at]) {
		if (is_node(&tree->nodes[b->slots[at]], parent, frame)) {
			*ret = b->slots[at];
			return 0;
		}
		at = (at + 1) & (b->n_slots - 1);
	}
	if (tree->n_nodes >= UINT32_MAX ||
		grow((void **)&tree->nodes, &b->room, tree->n_nodes, sizeof(*tree->nodes)) < 0)
		return -ENOMEM;
	*ret = (uint32_t)tree->n_nodes++;
	b->slots[at] = *ret;
	tree->nodes[*ret] = (struct stack_node){.parent = parent,
		.depth = tree->nodes[parent].depth + 1,
		.side = frame->side,
		.symbol = frame->symbol,
		.module = frame->module,
		.inlined = frame->inlined};
	return 0;
}

/** Frames of a stack from the leaf outwards; returns their number. */
static size_t unwind(const struct builder *b, int64_t id, struct part *parts)
{
	size_t n = 0;

	while (id != STORE_NULL) {
		const struct store_stack *stack = store_stack(b->stacks, id);
		const struct store_frame *frame;

		if (!stack)
			break;
		if (n == STACK_DEPTH_MAX - 1) {
			parts[n++] = (struct part){SIDE_USER, "", "[deeper frames cut]", false};
			break;
		}
		frame = store_frame(b->stacks, stack->frame);
		parts[n++] = frame ? (struct part){side_from_name(frame->side), frame->module,
					     frame->symbol, frame->inlined}
				   : (struct part){SIDE_USER, "", "[unknown]", false};
		id = stack->parent;
	}
	if (n == 0)
		parts[n++] = (struct part){SIDE_USER, "", "[unknown]", false};
	return n;
}

/** @guest_thread: NULL where the tree begins with @thread. */
static int add_sample(struct builder *b, const char *guest_thread, const char *thread,
	int64_t stack, uint64_t weight_ns, uint64_t count)
{
	struct part parts[STACK_DEPTH_MAX];
	struct part top = {SIDE_THREAD, "", thread, false},
		    outermost = {SIDE_THREAD, "", guest_thread, false};
	size_t n = unwind(b, stack, parts);
	uint32_t node = 0;

	if (guest_thread && child_of(b, 0, &outermost, &node) < 0)
		return -ENOMEM;
	if (child_of(b, node, &top, &node) < 0)
		return -ENOMEM;
	while (n > 0)
		if (child_of(b, node, &parts[--n], &node) < 0)
			return -ENOMEM;
	b->tree->nodes[node].self_ns += weight_ns;
	b->tree->nodes[node].samples += count;
	return 0;
}

static int add_pile(struct builder *b, const struct pile *pile, bool merge_lanes)
{
	b->tree->n_runs = pile->n_runs;
	for (size_t i = 0; i < pile->n; i++) {
		const struct pile_entry *e = &pile->entries[i];
		int r = add_sample(b, NULL, merge_lanes && e->lane ? STACK_LANES : e->thread,
			e->stack, e->ns, e->count);

		if (r < 0)
			return r;
	}
	return 0;
}

/** The cell's last run in which threads of the guest were seen; STORE_NULL: none. */
static int last_run_with_threads(struct store_reader *store, const struct cell *cell, int64_t *ret)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	const struct store_tables *t = store_tables(store);
	int r;

	if (!store_has_table(store, "guest_thread"))
		return 0;
	r = store_prepare(store, &query, "SELECT 1 FROM guest_thread WHERE run = ?1 LIMIT 1");
	for (size_t i = 0; r >= 0 && i < t->n_runs; i++) {
		if (!cell_counts(cell, &t->runs[i]) || (*ret != STORE_NULL && *ret > t->runs[i].id))
			continue;
		sqlite3_reset(query);
		sqlite3_bind_int64(query, 1, t->runs[i].id);
		r = store_step(store, query);
		if (r > 0)
			*ret = t->runs[i].id;
	}
	return r < 0 ? r : 0;
}

static int add_guest_threads(struct builder *b, int64_t run, const char *kind)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	int r = store_prepare(b->store, &query,
		"SELECT thread, stack, phase, CAST(total(weight_ns) AS INTEGER),"
		" CAST(total(count) AS INTEGER),"
		" CASE WHEN guest_thread IS NULL THEN 'outside the guest'"
		" ELSE printf('guest thread 0x%llx', guest_thread) END AS guest_thread"
		" FROM sample WHERE run = ?1 AND kind = ?2 AND weight_ns > 0"
		" GROUP BY thread, guest_thread, stack, phase");

	if (r < 0)
		return r;
	b->tree->n_runs = 1;
	sqlite3_bind_int64(query, 1, run);
	sqlite3_bind_text(query, 2, kind, -1, SQLITE_STATIC);
	while ((r = store_step(b->store, query)) > 0) {
		const char *thread = store_text(b->store, query, 0);
		const char *phase = store_text(b->store, query, 2);
		const char *guest_thread = store_text(b->store, query, 5);
		int64_t weight = store_number(query, 3), count = store_number(query, 4);

		if (!thread || !phase || !guest_thread)
			return -ENOMEM;
		if (phase_is_outside(phase))
			continue;
		r = add_sample(b, guest_thread, *thread ? thread : "[thread]",
			store_number(query, 1), (uint64_t)weight, count > 0 ? (uint64_t)count : 0);
		if (r < 0)
			return r;
	}
	return r;
}

static int compare_order(const void *a, const void *b, void *userdata)
{
	const struct stack_node *nodes = userdata;
	const struct stack_node *x = &nodes[*(const uint32_t *)a],
				*y = &nodes[*(const uint32_t *)b];
	int r;

	if (x->parent != y->parent)
		return x->parent < y->parent ? -1 : 1;
	if (x->side != y->side)
		return x->side < y->side ? -1 : 1;
	r = strcmp(x->symbol, y->symbol);
	if (r == 0)
		r = x->inlined - y->inlined;
	return r ? r : strcmp(x->module, y->module);
}

static int finish(struct stack_tree *tree)
{
	tree->order = calloc(tree->n_nodes, sizeof(*tree->order));
	if (!tree->order)
		return -ENOMEM;
	for (size_t i = 0; i < tree->n_nodes; i++)
		tree->nodes[i].total_ns = tree->nodes[i].self_ns;
	for (size_t i = tree->n_nodes; i-- > 1;) {
		struct stack_node *parent = &tree->nodes[tree->nodes[i].parent];

		parent->total_ns += tree->nodes[i].total_ns;
		parent->samples += tree->nodes[i].samples;
		tree->order[i - 1] = (uint32_t)i;
	}
	qsort_r(tree->order, tree->n_nodes - 1, sizeof(*tree->order), compare_order, tree->nodes);
	return 0;
}

/** An empty tree, and the builder for it. */
static int begin(struct builder *b, struct store_reader *store, struct stack_tree *tree)
{
	*b = (struct builder){.store = store, .tree = tree};
	if (!tree || grow((void **)&tree->nodes, &b->room, 0, sizeof(*tree->nodes)) < 0)
		return -ENOMEM;
	tree->nodes[0] = (struct stack_node){.symbol = "all", .module = ""};
	tree->n_nodes = 1;
	return store_stacks(store, &b->stacks);
}

int stack_tree_build(struct store_reader *store, const struct pile *pile, bool merge_lanes,
	struct stack_tree **ret)
{
	_cleanup_stack_tree_ struct stack_tree *tree = calloc(1, sizeof(*tree));
	struct builder b;
	int r = begin(&b, store, tree);

	if (r >= 0)
		r = add_pile(&b, pile, merge_lanes);
	if (r >= 0)
		r = finish(tree);
	free(b.slots);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(tree);
	return 0;
}

int stack_tree_build_guest_threads(struct store_reader *store, const struct cell *cell,
	const char *kind, struct stack_tree **ret)
{
	_cleanup_stack_tree_ struct stack_tree *tree = calloc(1, sizeof(*tree));
	int64_t run = STORE_NULL;
	struct builder b;
	int r = begin(&b, store, tree);

	if (r >= 0)
		r = last_run_with_threads(store, cell, &run);
	if (r >= 0 && run != STORE_NULL)
		r = add_guest_threads(&b, run, kind);
	if (r >= 0)
		r = finish(tree);
	free(b.slots);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(tree);
	return 0;
}
