/* SPDX-License-Identifier: GPL-2.0-or-later */
/** The threads of a configuration's programs, those of one name together: means of its runs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "reports/summary/summary_internal.h"

static struct thread_group *find_group(struct configuration *c, const char *name)
{
	for (size_t i = 0; i < c->n_threads; i++)
		if (c->threads[i].name == name)
			return &c->threads[i];
	return NULL;
}

static void add(struct thread_group *to, const struct thread_group *g)
{
	to->threads += g->threads;
	to->processes += g->processes;
	to->cpu_ns += g->cpu_ns;
	to->wait_siblings_ns += g->wait_siblings_ns;
	to->wait_others_ns += g->wait_others_ns;
	to->blocked_ns += g->blocked_ns;
	to->switches += g->switches;
	to->migrations += g->migrations;
}

static struct thread_group of_one_run(const struct store_thread *t)
{
	return (struct thread_group){
		.threads = (double)t->threads,
		.processes = (double)t->processes,
		.cpu_ns = (double)t->cpu_ns,
		.wait_siblings_ns = (double)t->wait_siblings_ns,
		.wait_others_ns = (double)(t->wait_ns - t->wait_siblings_ns),
		.blocked_ns = (double)t->blocked_ns,
		.switches = (double)t->switches,
		.migrations = (double)t->migrations,
	};
}

/* Sums first. */
static int take_thread(const struct summary *s, const struct store_thread *t)
{
	const struct store_run *run = store_run(s->store, t->run);
	struct configuration *c =
		run && run->ok && run->counted ? summary_configuration(s, run) : NULL;
	struct thread_group *g = c ? find_group(c, t->name) : NULL;
	const struct thread_group more = of_one_run(t);

	if (!c)
		return 0;
	if (!g) {
		g = ARRAY_PUSH(c->threads, c->n_threads);
		if (!g)
			return -ENOMEM;
		*g = (struct thread_group){.name = t->name};
	}
	add(g, &more);
	if (t->cause && (double)t->cause_ns > g->cause_ns) {
		g->cause = t->cause;
		g->cause_ns = (double)t->cause_ns;
	}
	return 0;
}

static void divide(struct thread_group *g, double runs)
{
	g->threads /= runs;
	g->processes /= runs;
	g->cpu_ns /= runs;
	g->wait_siblings_ns /= runs;
	g->wait_others_ns /= runs;
	g->blocked_ns /= runs;
	g->switches /= runs;
	g->migrations /= runs;
}

static int by_cpu_time(const void *a, const void *b)
{
	const struct thread_group *x = a, *y = b;

	if (x->cpu_ns != y->cpu_ns)
		return x->cpu_ns < y->cpu_ns ? 1 : -1;
	return strcmp(x->name, y->name);
}

/* The smallest are one, so that a table stays one. */
static void sum_up_rest(struct configuration *c)
{
	struct thread_group *rest = &c->threads[SUMMARY_THREADS_MAX - 1];

	if (c->n_threads <= SUMMARY_THREADS_MAX)
		return;
	rest->name = SUMMARY_OTHER_THREADS;
	rest->cause = NULL;
	for (size_t i = SUMMARY_THREADS_MAX; i < c->n_threads; i++)
		add(rest, &c->threads[i]);
	c->n_threads = SUMMARY_THREADS_MAX;
}

int summary_make_threads(struct summary *s)
{
	const struct store_tables *t = store_tables(s->store);

	for (size_t i = 0; i < t->n_threads; i++) {
		int r = take_thread(s, &t->threads[i]);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < s->n_configurations; i++) {
		struct configuration *c = &s->configurations[i];

		for (size_t k = 0; k < c->n_threads; k++)
			divide(&c->threads[k], (double)c->n_ok);
		if (c->n_threads)
			qsort(c->threads, c->n_threads, sizeof(*c->threads), by_cpu_time);
		sum_up_rest(c);
	}
	return 0;
}
