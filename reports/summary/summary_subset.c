/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Some of a configuration's runs, as if they were a configuration of their own. */
#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "reports/summary/summary_internal.h"

static void pick(double *values, const size_t *runs, size_t n)
{
	for (size_t i = 0; values && i < n; i++)
		values[i] = values[runs[i]]; /* they rise: none is overwritten before it is read */
}

static void pick_of_book(struct book_series *b, const size_t *runs, size_t n)
{
	pick(b->wall_ns, runs, n);
	pick(b->whole_ns, runs, n);
	for (size_t k = 0; k < TERM_COUNT; k++)
		pick(b->term_ns[k], runs, n);
	for (size_t i = 0; i < b->n_details; i++)
		pick(b->details[i].ns, runs, n);
}

static double *copy(const double *values, const size_t *runs, size_t n)
{
	double *some = calloc(n + 1, sizeof(*some));

	for (size_t i = 0; some && i < n; i++)
		some[i] = values[runs[i]];
	return some;
}

static struct statistic sum_up(const double *values, size_t n)
{
	struct statistic s = {0};

	for (size_t i = 0; i < n; i++)
		if (values[i] == values[i])
			statistic_add(&s, values[i]);
	return s;
}

static int copy_times(const struct run_series *whole, const size_t *runs, struct run_series *ret)
{
	ret->runs = calloc(ret->n + 1, sizeof(struct store_run *));
	ret->runtime_ns = copy(whole->runtime_ns, runs, ret->n);
	ret->boot_ns = copy(whole->boot_ns, runs, ret->n);
	ret->between_ns = copy(whole->between_ns, runs, ret->n);
	if (!ret->runs || !ret->runtime_ns || !ret->boot_ns || !ret->between_ns)
		return -ENOMEM;
	for (size_t i = 0; i < ret->n; i++)
		ret->runs[i] = whole->runs[runs[i]];
	return 0;
}

static int copy_books(
	const struct configuration *whole, const size_t *runs, struct configuration *ret)
{
	const struct run_series *from = &whole->series;
	struct run_series *to = &ret->series;
	int r;

	to->split_window = calloc(1, sizeof(*to->split_window));
	to->split_phases = calloc(whole->n_phases + 1, sizeof(*to->split_phases));
	if (!to->split_window || !to->split_phases)
		return -ENOMEM;
	to->phases = to->split_phases; /* whose names and whole times are the same */
	r = book_copy(from->split_window, from->n, to->split_window);
	if (r >= 0)
		pick_of_book(to->split_window, runs, to->n);
	for (size_t i = 0; i < whole->n_phases && r >= 0; i++) {
		r = book_copy(&from->split_phases[i], from->n, &to->split_phases[i]);
		if (r >= 0)
			pick_of_book(&to->split_phases[i], runs, to->n);
	}
	return r;
}

int configuration_subset(
	const struct configuration *whole, const size_t *runs, size_t n, struct configuration *ret)
{
	int r;

	*ret = *whole;
	ret->own_name = ret->own_file_name = NULL;
	ret->series = (struct run_series){.n = n,
		.exact = whole->series.exact,
		.window = {.name = whole->series.window.name,
			.has_accounts = whole->series.window.has_accounts}};
	ret->n_metrics = 0;
	r = copy_times(&whole->series, runs, &ret->series);
	if (r >= 0)
		r = copy_books(whole, runs, ret);
	if (r < 0)
		return r;
	ret->runtime_ns = sum_up(ret->series.runtime_ns, n);
	ret->boot_ns = sum_up(ret->series.boot_ns, n);
	return 0;
}

void configuration_subset_clear(struct configuration *some)
{
	struct run_series *s = &some->series;

	free(s->runs);
	free(s->runtime_ns);
	free(s->boot_ns);
	free(s->between_ns);
	if (s->split_window)
		book_clear(s->split_window);
	for (size_t i = 0; s->split_phases && i < some->n_phases; i++)
		book_clear(&s->split_phases[i]);
	free(s->split_window);
	free(s->split_phases);
	*some = (struct configuration){0};
}
