/* SPDX-License-Identifier: GPL-2.0-or-later */
/** How the call stacks of a configuration's samples were walked, and why they end: sums of its runs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "reports/summary/summary_internal.h"

/* As in the store's tables of ends. */
#define ROOT "root"

/* A table of the store whose rows are shares of one side's, or of both. */
struct source {
	const char *table;
	const char *column; /* that it has not got in old stores, or NULL */
	const char *query;  /* run, side, what, module, count */
	const char *old;    /* without the column */
	size_t member;      /* of struct configuration: struct stack_shares */
	bool has_root;
};

#define ENDS    offsetof(struct configuration, stack_ends)
#define MODULES offsetof(struct configuration, stack_modules)

static const struct source sources[] = {
	{"host_stack_end", NULL, "SELECT run, 'host', why, module, samples FROM host_stack_end",
		NULL, ENDS, true},
	{"guest_stack_end", "module",
		"SELECT run, 'guest', why, module, samples FROM guest_stack_end",
		"SELECT run, 'guest', why, '', samples FROM guest_stack_end", ENDS, true},
	{"stack_module", NULL, "SELECT run, side, way, module, frames FROM stack_module", NULL,
		MODULES, false},
};

static struct stack_shares *shares_of(struct configuration *c, const struct source *source)
{
	return (struct stack_shares *)((char *)c + source->member);
}

/* The one of that kind, made if need be. NULL: no memory. */
static struct stack_share *find_share(
	struct stack_shares *all, const char *side, const char *what, const char *module)
{
	struct stack_share *e;

	for (size_t i = 0; i < all->n; i++) {
		e = &all->list[i];
		if (strcmp(e->side, side) == 0 && strcmp(e->what, what) == 0 &&
			strcmp(e->module, module) == 0)
			return e;
	}
	e = ARRAY_PUSH(all->list, all->n);
	if (e)
		*e = (struct stack_share){.side = side, .what = what, .module = module};
	return e;
}

static int take_row(struct summary *s, const struct source *source, sqlite3_stmt *row)
{
	const struct store_run *run = store_run(s->store, store_number(row, 0));
	struct configuration *c =
		run && run->ok && run->counted ? summary_configuration(s, run) : NULL;
	const char *side = store_text(s->store, row, 1), *what = store_text(s->store, row, 2),
		   *module = store_text(s->store, row, 3);
	int64_t count = store_number(row, 4);
	struct stack_share *e;

	if (!side || !what || !module)
		return -ENOMEM;
	if (!c || count <= 0)
		return 0;
	/* The share that reaches a root is told where there is none, too. */
	if (source->has_root && !find_share(shares_of(c, source), side, ROOT, ""))
		return -ENOMEM;
	e = find_share(shares_of(c, source), side, what, module);
	if (!e)
		return -ENOMEM;
	e->count += (double)count;
	return 0;
}

static int take_source(struct summary *s, const struct source *source)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	bool is_old = source->column && !store_has_column(s->store, source->table, source->column);
	int r;

	if (!store_has_table(s->store, source->table))
		return 0;
	r = store_prepare(s->store, &query, is_old ? source->old : source->query);
	while (r >= 0 && (r = store_step(s->store, query)) > 0)
		r = take_row(s, source, query);
	return r;
}

static bool is_root(const struct stack_share *e)
{
	return strcmp(e->what, ROOT) == 0;
}

/* The host's first; of a side the whole ones, then those of which there are most. */
static int by_share(const void *a, const void *b)
{
	const struct stack_share *x = a, *y = b;
	int r = strcmp(y->side, x->side);

	if (r == 0)
		r = is_root(y) - is_root(x);
	if (r == 0)
		r = (x->count < y->count) - (x->count > y->count);
	if (r == 0)
		r = strcmp(x->what, y->what);
	return r ? r : strcmp(x->module, y->module);
}

/* The rarest of each side are one row, so that a table stays one. */
static void sum_up_rest(struct stack_shares *all, size_t max)
{
	size_t n = 0, of_side = 0;

	for (size_t i = 0; i < all->n; i++) {
		const struct stack_share e = all->list[i];

		if (n == 0 || strcmp(all->list[n - 1].side, e.side) != 0)
			of_side = 0;
		of_side += !is_root(&e);
		if (of_side > max) {
			all->list[n - 1].count += e.count;
			all->list[n - 1].what = SUMMARY_OTHER_STACKS;
			all->list[n - 1].module = "";
		} else {
			all->list[n++] = e;
		}
	}
	all->n = n;
}

static void finish(struct stack_shares *all, size_t max)
{
	if (!all->n)
		return;
	qsort(all->list, all->n, sizeof(*all->list), by_share);
	sum_up_rest(all, max);
	for (size_t i = 0; i < all->n; i++)
		for (size_t j = 0; j < all->n; j++)
			if (strcmp(all->list[j].side, all->list[i].side) == 0)
				all->list[i].whole += all->list[j].count;
}

int summary_make_stacks(struct summary *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		int r = take_source(s, &sources[i]);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < s->n_configurations; i++) {
		finish(&s->configurations[i].stack_ends, SUMMARY_STACK_ENDS_MAX);
		finish(&s->configurations[i].stack_modules, SUMMARY_STACK_MODULES_MAX);
	}
	return 0;
}
