/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Why the call stacks of a configuration's samples end, sums of its runs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "reports/summary/summary_internal.h"

/* As in the store's tables of ends. */
#define ROOT "root"

struct side {
	const char *name, *table, *query;
};

static const struct side sides[] = {
	{"host", "host_stack_end", "SELECT run, why, module, samples FROM host_stack_end"},
	{"guest", "guest_stack_end", "SELECT run, why, '', samples FROM guest_stack_end"},
};

/* The end of that kind, made if need be. NULL: no memory. */
static struct call_stack_end *find_end(
	struct configuration *c, const char *side, const char *why, const char *module)
{
	struct call_stack_end *e;

	for (size_t i = 0; i < c->n_stack_ends; i++) {
		e = &c->stack_ends[i];
		if (e->side == side && strcmp(e->why, why) == 0 && strcmp(e->module, module) == 0)
			return e;
	}
	e = ARRAY_PUSH(c->stack_ends, c->n_stack_ends);
	if (e)
		*e = (struct call_stack_end){.side = side, .why = why, .module = module};
	return e;
}

static int take_row(struct summary *s, const struct side *side, sqlite3_stmt *row)
{
	const struct store_run *run = store_run(s->store, store_number(row, 0));
	struct configuration *c =
		run && run->ok && run->counted ? summary_configuration(s, run) : NULL;
	const char *why = store_text(s->store, row, 1), *module = store_text(s->store, row, 2);
	int64_t samples = store_number(row, 3);
	struct call_stack_end *e;

	if (!why || !module)
		return -ENOMEM;
	if (!c || samples <= 0)
		return 0;
	/* The share that reaches a root is told where there is none, too. */
	if (!find_end(c, side->name, ROOT, ""))
		return -ENOMEM;
	e = find_end(c, side->name, why, module);
	if (!e)
		return -ENOMEM;
	e->samples += (double)samples;
	return 0;
}

static int take_side(struct summary *s, const struct side *side)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	int r;

	if (!store_has_table(s->store, side->table))
		return 0;
	r = store_prepare(s->store, &query, side->query);
	while (r >= 0 && (r = store_step(s->store, query)) > 0)
		r = take_row(s, side, query);
	return r;
}

static bool is_root(const struct call_stack_end *e)
{
	return strcmp(e->why, ROOT) == 0;
}

/* The host's first; of a side the whole ones, then what is worst. */
static int by_share(const void *a, const void *b)
{
	const struct call_stack_end *x = a, *y = b;
	int r = strcmp(y->side, x->side);

	if (r == 0)
		r = is_root(y) - is_root(x);
	if (r == 0)
		r = (x->samples < y->samples) - (x->samples > y->samples);
	if (r == 0)
		r = strcmp(x->why, y->why);
	return r ? r : strcmp(x->module, y->module);
}

/* The rarest of each side are one row, so that a table stays one. */
static void sum_up_rest(struct configuration *c)
{
	size_t n = 0, of_side = 0;

	for (size_t i = 0; i < c->n_stack_ends; i++) {
		const struct call_stack_end e = c->stack_ends[i];

		of_side = n > 0 && c->stack_ends[n - 1].side == e.side ? of_side + 1 : 0;
		if (of_side > SUMMARY_STACK_ENDS_MAX) {
			c->stack_ends[n - 1].samples += e.samples;
			c->stack_ends[n - 1].why = SUMMARY_OTHER_ENDS;
			c->stack_ends[n - 1].module = "";
		} else {
			c->stack_ends[n++] = e;
		}
	}
	c->n_stack_ends = n;
}

static void fill_whole(struct configuration *c)
{
	for (size_t i = 0; i < c->n_stack_ends; i++)
		for (size_t j = 0; j < c->n_stack_ends; j++)
			if (c->stack_ends[j].side == c->stack_ends[i].side)
				c->stack_ends[i].whole += c->stack_ends[j].samples;
}

int summary_make_stacks(struct summary *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
		int r = take_side(s, &sides[i]);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < s->n_configurations; i++) {
		struct configuration *c = &s->configurations[i];

		if (!c->n_stack_ends)
			continue;
		qsort(c->stack_ends, c->n_stack_ends, sizeof(*c->stack_ends), by_share);
		sum_up_rest(c);
		fill_whole(c);
	}
	return 0;
}
