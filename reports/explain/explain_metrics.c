/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Numbers that the programs wrote: with the statistics that run times have. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "reports/explain/explain_internal.h"

static bool is_whole(const struct cell *cell, const struct cell_metric *m)
{
	return cell->series.n > 0 && m->known.n == cell->series.n;
}

static int add_spread(struct explanation *e, const struct cell *cell, const struct cell_metric *m)
{
	struct spread *x = &e->metrics[e->n_metrics++];
	int r;

	*x = (struct spread){.cell = cell, .metric = m, .variance = NAN};
	r = spread_describe(x, m->values, is_whole(cell, m));
	return r < 0 ? r : describe(NULL, 0, &x->boot);
}

/** Is the first worse than the second? Where nobody said what is better, the larger comes first. */
static bool is_worse(const struct cell_metric *x, const struct cell_metric *y)
{
	return x->wish == WISH_HIGHER ? x->known.mean < y->known.mean
				      : x->known.mean > y->known.mean;
}

static int add_contrast(
	struct explanation *e, const struct cell *one, const struct cell *other, const char *name)
{
	bool swap = is_worse(cell_metric(other, name), cell_metric(one, name));
	const struct cell *a = swap ? other : one, *b = swap ? one : other;
	const struct cell_metric *of_a = cell_metric(a, name), *of_b = cell_metric(b, name);
	struct contrast *x = &e->metric_contrasts[e->n_metric_contrasts++];
	int r;

	*x = (struct contrast){
		.a = a, .b = b, .metric = of_a, .control = a->guest == b->guest, .noise_ns = NAN};
	r = compare(of_a->values, a->series.n, of_b->values, b->series.n, &x->values);
	return r < 0 ? r : compare(NULL, 0, NULL, 0, &x->boot);
}

static bool has_values(const struct cell *cell, const char *name)
{
	const struct cell_metric *m = cell_metric(cell, name);

	return m && m->known.n;
}

/** Each pair of the group of cells that begins with the @i-th. */
static int add_group(const struct summary *s, size_t i, const char *name, struct explanation *e)
{
	size_t first = e->n_metric_contrasts, end = i;
	int r = 0;

	while (end < s->n_cells && contrast_has(&s->cells[i], &s->cells[end]))
		end++;
	for (size_t k = i; k < end; k++)
		for (size_t j = k + 1; r >= 0 && j < end; j++)
			if (has_values(&s->cells[k], name) && has_values(&s->cells[j], name))
				r = add_contrast(e, &s->cells[k], &s->cells[j], name);
	return r < 0 ? r
		     : contrasts_correct(
			       e->metric_contrasts + first, e->n_metric_contrasts - first);
}

static int add_metric(const struct summary *s, const char *name, struct explanation *e)
{
	size_t spreads = e->n_metrics, contrasts = e->n_metric_contrasts;
	int r = 0;

	for (size_t i = 0; i < s->n_cells && r >= 0; i++) {
		const struct cell_metric *m = cell_metric(&s->cells[i], name);

		if (m)
			r = add_spread(e, &s->cells[i], m);
	}
	for (size_t i = 0; i < s->n_cells && r >= 0; i++)
		if (i == 0 || !contrast_has(&s->cells[i], &s->cells[i - 1]))
			r = add_group(s, i, name, e);
	if (r >= 0)
		r = spreads_correct(e->metrics + spreads, e->n_metrics - spreads);
	if (r >= 0)
		contrasts_judge(e->metric_contrasts + contrasts, e->n_metric_contrasts - contrasts);
	return r;
}

/** Has none of the cells before @cell that metric? */
static bool is_new(const struct summary *s, size_t cell, const char *name)
{
	for (size_t i = 0; i < cell; i++)
		if (cell_metric(&s->cells[i], name))
			return false;
	return true;
}

int metrics_make(const struct summary *s, struct explanation *e)
{
	size_t n = 0, names = 0;
	int r = 0;

	for (size_t i = 0; i < s->n_cells; i++) {
		n += s->cells[i].n_metrics;
		for (size_t j = 0; j < s->cells[i].n_metrics; j++)
			names += is_new(s, i, s->cells[i].metrics[j].name);
	}
	e->metrics = calloc(n + 1, sizeof(*e->metrics));
	e->metric_contrasts = calloc(names * contrasts_room(s) + 1, sizeof(*e->metric_contrasts));
	if (!e->metrics || !e->metric_contrasts)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_cells; i++)
		for (size_t j = 0; j < s->cells[i].n_metrics && r >= 0; j++)
			if (is_new(s, i, s->cells[i].metrics[j].name))
				r = add_metric(s, s->cells[i].metrics[j].name, e);
	return r;
}
