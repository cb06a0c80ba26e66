/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Why the runs of a cell differ, and what their order has to do with it. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include <gsl/gsl_statistics_double.h>

#include "common/cleanup.h"
#include "reports/explain/explain_internal.h"

/* Of two runs everything that differs goes with everything else. */
#define SPLIT_MIN 3

void spread_clear(struct spread *x)
{
	free(x->states.list);
	free(x->details.list);
	free(x->causes.list);
	free(x->phases.list);
	free(x->outlier);
}

static int split(struct spread *x)
{
	_cleanup_bootstrap_ struct bootstrap *draws = NULL;
	size_t n = x->cell->series.n;
	int r;

	if (!is_explainable(x->cell) || n < SPLIT_MIN)
		return 0;
	x->variance = gsl_stats_variance(x->cell->series.runtime_ns, 1, n);
	if (!(x->variance > 0))
		return 0;
	r = bootstrap_make(&n, 1, &draws);
	if (r >= 0)
		r = split_variance(x->cell, x->variance, draws, GRAIN_STATE, &x->states);
	if (r >= 0)
		r = split_variance(x->cell, x->variance, draws, GRAIN_PHASE, &x->phases);
	if (r >= 0)
		r = split_variance(x->cell, x->variance, draws, GRAIN_DETAIL, &x->details);
	return r < 0 ? r : split_variance(x->cell, x->variance, draws, GRAIN_CAUSE, &x->causes);
}

static int make_spread(const struct cell *cell, struct spread *x)
{
	const struct run_series *series = &cell->series;
	int r;

	*x = (struct spread){.cell = cell, .variance = NAN};
	x->outlier = calloc(series->n + 1, sizeof(*x->outlier));
	if (!x->outlier)
		return -ENOMEM;
	r = describe(series->runtime_ns, series->n, &x->runtime);
	if (r >= 0)
		r = describe(series->boot_ns, series->n, &x->boot);
	if (r < 0)
		return r;
	x->one_percent = repetitions_needed(&x->runtime, 0.01);
	if (series->exact) {
		r = find_outliers(series->runtime_ns, series->n, x->outlier);
		if (r < 0)
			return r;
		x->n_outliers = (size_t)r;
		r = find_order_effects(series->runtime_ns, series->n, &x->order);
	} else {
		r = find_order_effects(NULL, 0, &x->order);
	}
	return r < 0 ? r : split(x);
}

/** Many cells are looked at: some drift is found by chance alone. */
static int correct(struct explanation *e)
{
	_cleanup_free_ double *p = calloc(3 * e->n_spreads + 1, sizeof(*p));
	size_t n = e->n_spreads;
	int r = 0;

	if (!p)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		p[i] = e->spreads[i].order.rho_p;
		p[n + i] = e->spreads[i].order.first_p;
		p[2 * n + i] = e->spreads[i].order.warmup_p;
	}
	for (size_t k = 0; k < 3 && r >= 0; k++)
		r = holm(p + k * n, n);
	for (size_t i = 0; i < n; i++) {
		e->spreads[i].drift_p = p[i];
		e->spreads[i].first_p = p[n + i];
		e->spreads[i].warmup_p = p[2 * n + i];
	}
	return r;
}

int spreads_make(const struct summary *s, struct explanation *e)
{
	e->spreads = calloc(s->n_cells + 1, sizeof(*e->spreads));
	if (!e->spreads)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_cells; i++) {
		int r;

		if (s->cells[i].series.n == 0)
			continue;
		r = make_spread(&s->cells[i], &e->spreads[e->n_spreads++]);
		if (r < 0)
			return r;
	}
	return correct(e);
}
