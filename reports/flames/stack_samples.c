/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Trees of the samples of a store. */
#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/store_format.h"
#include "reports/flames/flamegraph.h"
#include "reports/flames/idle.h"
#include "reports/store/stack_order.h"
#include "reports/summary/summary.h"

struct builder {
	struct store_reader *store;
	const struct store_stacks *stacks; /**< borrowed from the store */
	struct stack_tree *tree;
};

/* As in the store's frame.side. */
static const char *const side_names[SIDE_COUNT] = {
	"thread", "kernel", "user", "boundary", "guest-kernel", "guest-user", SIDE_OF_PROCESS};

const char *frame_side_word(enum frame_side side)
{
	return side_names[side];
}

static enum frame_side side_from_name(const char *name)
{
	for (int i = SIDE_KERNEL; i < SIDE_COUNT; i++)
		if (strcmp(side_names[i], name) == 0)
			return (enum frame_side)i;
	return SIDE_USER;
}

/** Frames of a stack from the leaf outwards; returns their number. */
static size_t unwind(
	const struct builder *b, int64_t id, struct stack_frame parts[static STACK_DEPTH_MAX])
{
	const struct store_frame *frames[STACK_DEPTH_MAX];
	size_t n = stack_order_frames(b->stacks, id, frames);

	for (size_t i = 0; i < n; i++)
		parts[i] = (struct stack_frame){side_from_name(frames[i]->side), frames[i]->module,
			frames[i]->symbol, frames[i]->inlined};
	return n;
}

/** @guest_thread: NULL where the tree begins with @thread. */
static int add_sample(struct builder *b, const char *guest_thread, const char *thread,
	int64_t stack, uint64_t weight_ns, uint64_t count)
{
	struct stack_frame parts[STACK_DEPTH_MAX];
	struct stack_frame top = {SIDE_THREAD, "", thread, false},
			   outermost = {SIDE_THREAD, "", guest_thread, false};
	size_t n = unwind(b, stack, parts);
	uint32_t node = 0;

	if (guest_thread && stack_tree_child(b->tree, 0, &outermost, &node) < 0)
		return -ENOMEM;
	if (stack_tree_child(b->tree, node, &top, &node) < 0)
		return -ENOMEM;
	while (n > 0)
		if (stack_tree_child(b->tree, node, &parts[--n], &node) < 0)
			return -ENOMEM;
	b->tree->nodes[node].self_ns[TREE_A] += weight_ns;
	b->tree->nodes[node].self_samples[TREE_A] += count;
	return 0;
}

/* As add_sample(), but for what is idle: see idle.h. */
static int add_folded(struct builder *b, const struct group_entry *e, const char *thread)
{
	static const struct stack_frame halted = {SIDE_BOUNDARY, "", IDLE_VCPU, false};
	struct stack_frame parts[STACK_DEPTH_MAX], top = {SIDE_THREAD, "", thread, false};
	size_t n = unwind(b, e->stack, parts);
	uint32_t node = 0;

	if (!e->lane && idle_is_helper(parts, n))
		return add_sample(b, IDLE_HELPERS, thread, e->stack, e->ns, e->count);
	if (!e->lane || !idle_is_halted(parts, n))
		return add_sample(b, NULL, thread, e->stack, e->ns, e->count);
	if (stack_tree_child(b->tree, 0, &top, &node) < 0 ||
		stack_tree_child(b->tree, node, &halted, &node) < 0)
		return -ENOMEM;
	b->tree->nodes[node].self_ns[TREE_A] += e->ns;
	b->tree->nodes[node].self_samples[TREE_A] += e->count;
	return 0;
}

static int add_group(struct builder *b, const struct sample_group *group, bool merge_lanes)
{
	b->tree->n_runs[TREE_A] = group->n_runs;
	for (size_t i = 0; i < group->n; i++) {
		const struct group_entry *e = &group->entries[i];
		int r = add_folded(b, e, merge_lanes && e->lane ? STACK_LANES : e->thread);

		if (r < 0)
			return r;
	}
	return 0;
}

/** The configuration's last run in which threads of the guest were seen; STORE_NULL: none. */
static int last_run_with_threads(
	struct store_reader *store, const struct configuration *configuration, int64_t *ret)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	const struct store_tables *t = store_tables(store);
	int r;

	if (!store_has_table(store, "guest_thread"))
		return 0;
	r = store_prepare(store, &query, "SELECT 1 FROM guest_thread WHERE run = ?1 LIMIT 1");
	for (size_t i = 0; r >= 0 && i < t->n_runs; i++) {
		if (!configuration_counts(configuration, &t->runs[i]) ||
			(*ret != STORE_NULL && *ret > t->runs[i].id))
			continue;
		sqlite3_reset(query);
		sqlite3_bind_int64(query, 1, t->runs[i].id);
		r = store_step(store, query);
		if (r > 0)
			*ret = t->runs[i].id;
	}
	return r < 0 ? r : 0;
}

/* By name, where the guest's scheduler tells it. */
#define GUEST_THREADS_SQL(name)                                                                    \
	"SELECT thread, stack, phase, CAST(total(weight_ns) AS INTEGER),"                          \
	" CAST(total(count) AS INTEGER), CASE WHEN " name " IS NOT NULL THEN " name                \
	" WHEN guest_thread IS NULL THEN 'outside the guest'"                                      \
	" ELSE printf('guest thread 0x%llx', guest_thread) END AS guest_thread"                    \
	" FROM sample WHERE run = ?1 AND kind = ?2 AND weight_ns > 0"                              \
	" GROUP BY thread, 6, stack, phase"

static int add_guest_threads(struct builder *b, int64_t run, const char *kind)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	int r = store_prepare(b->store, &query,
		store_has_column(b->store, "sample", "guest_name") ? GUEST_THREADS_SQL("guest_name")
								   : GUEST_THREADS_SQL("NULL"));

	if (r < 0)
		return r;
	b->tree->n_runs[TREE_A] = 1;
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

/** A tree of one side, and the builder for it. */
static int begin(struct builder *b, struct store_reader *store)
{
	int r = stack_tree_begin(1, KEY_ADDRESS, &b->tree);

	b->store = store;
	return r < 0 ? r : store_stacks(store, &b->stacks);
}

/** The tree is whole, unless @r says that it is not. */
static int finish(struct builder *b, int r, struct stack_tree **ret)
{
	if (r >= 0)
		r = stack_tree_finish(b->tree);
	if (r < 0)
		stack_tree_free(b->tree);
	else
		*ret = b->tree;
	return r;
}

int stack_tree_build(struct store_reader *store, const struct sample_group *group, bool merge_lanes,
	struct stack_tree **ret)
{
	struct builder b = {};
	int r = begin(&b, store);

	if (r >= 0)
		r = add_group(&b, group, merge_lanes);
	return finish(&b, r, ret);
}

int stack_tree_build_guest_threads(struct store_reader *store,
	const struct configuration *configuration, const char *kind, struct stack_tree **ret)
{
	struct builder b = {};
	int64_t run = STORE_NULL;
	int r = begin(&b, store);

	if (r >= 0)
		r = last_run_with_threads(store, configuration, &run);
	if (r >= 0 && run != STORE_NULL)
		r = add_guest_threads(&b, run, kind);
	return finish(&b, r, ret);
}
