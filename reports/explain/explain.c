/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/explain/explain.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include <gsl/gsl_statistics_double.h>

#include "common/cleanup.h"
#include "reports/explain/explain_internal.h"

struct term term_over(const struct term *t, double unit)
{
	struct term over = *t;

	over.value /= unit;
	over.range.low /= unit;
	over.range.high /= unit;
	return over;
}

void explanation_free(struct explanation *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->n_scalings; i++)
		scaling_clear(&e->scalings[i]);
	for (size_t i = 0; i < e->n_spreads; i++)
		spread_clear(&e->spreads[i]);
	for (size_t i = 0; i < e->n_contrasts; i++)
		contrast_clear(&e->contrasts[i]);
	free(e->scalings);
	free(e->spreads);
	for (size_t i = 0; i < e->n_metrics; i++)
		spread_clear(&e->metrics[i]);
	for (size_t i = 0; i < e->n_metric_contrasts; i++)
		contrast_clear(&e->metric_contrasts[i]);
	free(e->contrasts);
	free(e->metrics);
	free(e->metric_contrasts);
	free(e->tops);
	free(e);
}

/**
 * Each run over its configuration's mean, against its place in the whole experiment. In randomised
 * blocks the configurations' own differences cancel, so this sees drift that no single
 * configuration has runs enough to show.
 */
static int find_drift(const struct summary *s, struct explanation *e)
{
	_cleanup_free_ double *list = calloc(2 * s->n_ok + 2, sizeof(*list));
	double *place, *off;
	size_t n = 0;
	int r;

	e->drift = (struct drift){0, NAN, NAN, NAN, NAN};
	if (!list)
		return -ENOMEM;
	place = list;
	off = list + s->n_ok + 1;
	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct configuration *configuration = &s->configurations[i];

		if (!configuration->series.exact || configuration->series.n < 2 ||
			!(configuration->runtime_ns.mean > 0))
			continue;
		for (size_t j = 0; j < configuration->series.n; j++, n++) {
			place[n] = configuration->series.position[j];
			off[n] = configuration->series.runtime_ns[j] /
				 configuration->runtime_ns.mean;
		}
	}
	e->drift.n = n;
	if (n > 0)
		e->drift.span = gsl_stats_max(place, 1, n) - gsl_stats_min(place, 1, n);
	r = median_slope(place, off, n, &e->drift.slope);
	return r < 0 ? r : rank_correlation(place, off, n, &e->drift.rho, &e->drift.p);
}

int explanation_make(const struct summary *s, struct explanation **ret)
{
	_cleanup_explanation_ struct explanation *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	e->summary = s;
	e->tops = calloc(s->n_configurations + 1, sizeof(*e->tops));
	r = e->tops ? scalings_make(s, e) : -ENOMEM;
	if (r >= 0)
		r = spreads_make(s, e);
	if (r >= 0)
		r = contrasts_make(s, e);
	if (r >= 0)
		r = metrics_make(s, e);
	if (r >= 0)
		r = find_drift(s, e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(e);
	return 0;
}

const struct scaling *explanation_scaling(
	const struct explanation *e, const struct configuration *many)
{
	for (size_t i = 0; i < e->n_scalings; i++)
		if (e->scalings[i].many == many)
			return &e->scalings[i];
	return NULL;
}

const struct spread *explanation_spread(
	const struct explanation *e, const struct configuration *configuration)
{
	for (size_t i = 0; i < e->n_spreads; i++)
		if (e->spreads[i].configuration == configuration)
			return &e->spreads[i];
	return NULL;
}
