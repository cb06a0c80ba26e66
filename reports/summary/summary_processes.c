/* SPDX-License-Identifier: GPL-2.0-or-later */
/** The processes of a configuration's guest, sums of its runs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "reports/summary/summary_internal.h"

/* The process of that name, made if need be. NULL: no memory. */
static struct process_time *find_process(struct configuration *c, const char *name)
{
	struct process_time *p;

	for (size_t i = 0; i < c->n_processes; i++)
		if (c->processes[i].name == name) /* the store's strings are kept once */
			return &c->processes[i];
	p = ARRAY_PUSH(c->processes, c->n_processes);
	if (p)
		*p = (struct process_time){.name = name};
	return p;
}

static int take_row(struct summary *s, sqlite3_stmt *row)
{
	const struct store_run *run = store_run(s->store, store_number(row, 0));
	struct configuration *c =
		run && run->ok && run->counted ? summary_configuration(s, run) : NULL;
	const char *name = store_text(s->store, row, 1);
	int64_t samples = store_number(row, 2), user = store_number(row, 3);
	struct process_time *p;

	if (!name)
		return -ENOMEM;
	if (!c || samples <= 0)
		return 0;
	p = find_process(c, name);
	if (!p)
		return -ENOMEM;
	p->samples += (double)samples;
	p->user += user > 0 ? (double)user : 0;
	return 0;
}

static int by_samples(const void *a, const void *b)
{
	const struct process_time *x = a, *y = b;

	if (x->samples != y->samples)
		return x->samples < y->samples ? 1 : -1;
	return strcmp(x->name, y->name);
}

static void finish(struct configuration *c)
{
	double whole = 0;

	for (size_t i = 0; i < c->n_processes; i++)
		whole += c->processes[i].samples;
	for (size_t i = 0; i < c->n_processes; i++)
		c->processes[i].whole = whole;
	if (c->n_processes)
		qsort(c->processes, c->n_processes, sizeof(*c->processes), by_samples);
}

int summary_make_processes(struct summary *s)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	int r;

	if (!store_has_table(s->store, "guest_process"))
		return 0;
	r = store_prepare(s->store, &query, "SELECT run, name, samples, user FROM guest_process");
	while (r >= 0 && (r = store_step(s->store, query)) > 0)
		r = take_row(s, query);
	for (size_t i = 0; i < s->n_configurations && r >= 0; i++)
		finish(&s->configurations[i]);
	return r < 0 ? r : 0;
}
