/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reports/summary/summary.h"
#include "reports/summary/summary_internal.h"

static int compare_details(const void *a, const void *b)
{
	const struct book_detail *x = a, *y = b;

	if (x->state != y->state)
		return x->state < y->state ? -1 : 1;
	if (x->ns != y->ns)
		return x->ns > y->ns ? -1 : 1;
	return strcmp(x->detail, y->detail);
}

/** The time that samples divided, and how many of them, for each configuration. */
struct pool {
	double ns;
	double samples;
};

static struct pool pool_of(const struct summary *s, const struct configuration *configuration)
{
	const struct store_tables *t = store_tables(s->store);
	struct pool pool = {};

	for (size_t i = 0; i < t->n_splits; i++) {
		const struct store_split *split = &t->splits[i];

		if (phase_is_outside(split->phase) ||
			summary_configuration_of(s, split->run) != configuration)
			continue;
		pool.ns += (double)split->ns;
		pool.samples += (double)split->samples;
	}
	return pool;
}

static void finish_detail(struct book_detail *d, const struct pool *pool, size_t n_runs)
{
	double runs = n_runs ? (double)n_runs : 1;

	d->low_ns = d->high_ns = d->ns / runs;
	if (!d->exact && pool->ns > 0) {
		double low, high;

		proportion_interval(fmin(1, d->ns / pool->ns), pool->samples, &low, &high);
		d->low_ns = low * pool->ns / runs;
		d->high_ns = high * pool->ns / runs;
		d->samples = pool->samples;
	}
	d->ns /= runs;
	d->count /= runs;
}

static void add_details(
	struct configuration *configuration, const struct detail_series *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct book_detail *d = &configuration->details[configuration->n_details];

		if (!list[i].any)
			continue;
		configuration->n_details++;
		*d = (struct book_detail){.state = list[i].state,
			.detail = list[i].detail,
			.lane_time_ns = configuration->window.lane_time_ns,
			.count = list[i].count,
			.exact = list[i].exact};
		for (size_t run = 0; run < configuration->series.n; run++)
			d->ns += list[i].ns[run];
	}
}

int summary_make_details(struct summary *s)
{
	for (size_t i = 0; i < s->n_configurations; i++) {
		struct configuration *configuration = &s->configurations[i];
		const struct book_series *window = &configuration->series.window;
		const struct pool pool = pool_of(s, configuration);

		configuration->details = calloc(
			window->n_details + window->n_helpers + 1, sizeof(*configuration->details));
		if (!configuration->details)
			return -ENOMEM;
		add_details(configuration, window->details, window->n_details);
		add_details(configuration, window->helpers, window->n_helpers);
		for (size_t k = 0; k < configuration->n_details; k++)
			finish_detail(&configuration->details[k], &pool, configuration->n_ok);
		qsort(configuration->details, configuration->n_details,
			sizeof(*configuration->details), compare_details);
	}
	return 0;
}
