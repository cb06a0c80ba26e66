/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Why the runs of a configuration differ, and what their order has to do with it. */
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
	gaps_clear(&x->gaps);
	gaps_clear(&x->boot_gaps);
}

static int split(struct spread *x)
{
	_cleanup_bootstrap_ struct bootstrap *draws = NULL;
	size_t n = x->configuration->series.n;
	int r;

	if (!is_explainable(x->configuration) || n < SPLIT_MIN)
		return 0;
	x->variance = gsl_stats_variance(x->configuration->series.runtime_ns, 1, n);
	if (!(x->variance > 0))
		return 0;
	r = bootstrap_make(&n, 1, &draws);
	if (r >= 0)
		r = split_variance(x->configuration, x->variance, draws, GRAIN_STATE, &x->states);
	if (r >= 0)
		r = split_variance(x->configuration, x->variance, draws, GRAIN_PHASE, &x->phases);
	if (r >= 0)
		r = split_variance(x->configuration, x->variance, draws, GRAIN_DETAIL, &x->details);
	return r < 0 ? r
		     : split_variance(
			       x->configuration, x->variance, draws, GRAIN_CAUSE, &x->causes);
}

int spread_describe(struct spread *x, const double *values, bool whole)
{
	size_t n = x->configuration->series.n;
	int r;

	x->outlier = calloc(n + 1, sizeof(*x->outlier));
	if (!x->outlier)
		return -ENOMEM;
	r = describe(values, n, &x->values);
	if (r < 0)
		return r;
	x->one_percent = repetitions_needed(&x->values, 0.01);
	r = find_tails(values, n, &x->tails);
	if (r >= 0)
		r = find_modes(values, n, &x->modes);
	if (r < 0)
		return r;
	if (!whole)
		return find_order_effects(NULL, 0, &x->order);
	/* Where there are two heaps the smaller one would be. */
	r = x->modes.n > 1 ? 0 : find_outliers(values, n, x->outlier);
	if (r < 0)
		return r;
	x->n_outliers = (size_t)r;
	return find_order_effects(values, n, &x->order);
}

static int find_gaps(const struct summary *s, struct spread *x)
{
	const struct run_series *series = &x->configuration->series;
	int r = gaps_make(s, x->configuration, series->runtime_ns, &x->modes, &x->gaps);

	if (r >= 0)
		r = find_modes(series->boot_ns, series->n, &x->boot_modes);
	return r < 0 ? r
		     : gaps_make(
			       s, x->configuration, series->boot_ns, &x->boot_modes, &x->boot_gaps);
}

static int make_spread(
	const struct summary *s, const struct configuration *configuration, struct spread *x)
{
	const struct run_series *series = &configuration->series;
	int r;

	*x = (struct spread){.configuration = configuration, .variance = NAN};
	r = spread_describe(x, series->runtime_ns, series->exact);
	if (r >= 0)
		r = describe(series->boot_ns, series->n, &x->boot);
	if (r >= 0)
		r = find_gaps(s, x);
	return r < 0 ? r : split(x);
}

/** Many configurations are looked at: some drift is found by chance alone. */
int spreads_correct(struct spread *list, size_t n)
{
	_cleanup_free_ double *p = calloc(3 * n + 1, sizeof(*p));
	int r = 0;

	if (!p)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		p[i] = list[i].order.rho_p;
		p[n + i] = list[i].order.first_p;
		p[2 * n + i] = list[i].order.warmup_p;
	}
	for (size_t k = 0; k < 3 && r >= 0; k++)
		r = holm(p + k * n, n);
	for (size_t i = 0; i < n; i++) {
		list[i].drift_p = p[i];
		list[i].first_p = p[n + i];
		list[i].warmup_p = p[2 * n + i];
	}
	return r;
}

int spreads_make(const struct summary *s, struct explanation *e)
{
	e->spreads = calloc(s->n_configurations + 1, sizeof(*e->spreads));
	if (!e->spreads)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_configurations; i++) {
		int r;

		if (s->configurations[i].series.n == 0)
			continue;
		r = make_spread(s, &s->configurations[i], &e->spreads[e->n_spreads++]);
		if (r < 0)
			return r;
	}
	return spreads_correct(e->spreads, e->n_spreads);
}
