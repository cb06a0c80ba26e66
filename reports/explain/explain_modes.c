/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Modes of run times and boots, explained like two stacks: the runs of two neighbouring modes against each other. */
#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "reports/explain/explain_internal.h"

static void gap_clear(struct mode_gap *g)
{
	contrast_clear(&g->contrast);
	configuration_subset_clear(&g->slow);
	configuration_subset_clear(&g->fast);
	free(g->boot.list);
}

void gaps_clear(struct mode_gaps *gaps)
{
	for (size_t i = 0; i < gaps->n; i++)
		gap_clear(&gaps->list[i]);
	free(gaps->list);
}

static int make_group(const struct configuration *whole, const double *values,
	const struct modes *modes, size_t mode, struct configuration *ret)
{
	_cleanup_free_ size_t *runs = calloc(whole->series.n + 1, sizeof(*runs));
	size_t n = 0;

	if (!runs)
		return -ENOMEM;
	for (size_t i = 0; i < whole->series.n; i++)
		if (modes_index(modes, values[i]) == mode)
			runs[n++] = i;
	return configuration_subset(whole, runs, n, ret);
}

int gaps_make(const struct summary *s, const struct configuration *whole, const double *values,
	const struct modes *modes, struct mode_gaps *ret)
{
	int r = 0;

	if (modes->n < 2 || !whole->series.split_window)
		return 0;
	ret->list = calloc(modes->n, sizeof(*ret->list));
	if (!ret->list)
		return -ENOMEM;
	for (size_t i = 0; i + 1 < modes->n && r >= 0; i++) {
		struct mode_gap *g = &ret->list[ret->n++];

		r = make_group(whole, values, modes, i, &g->fast);
		if (r >= 0)
			r = make_group(whole, values, modes, i + 1, &g->slow);
		if (r >= 0)
			r = contrast_make(&g->slow, &g->fast, &g->contrast);
		if (r >= 0)
			r = boot_changes_make(s, &g->slow.series, &g->fast.series, &g->boot);
	}
	return r;
}
