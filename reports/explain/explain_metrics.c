/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Numbers that the programs wrote: with the statistics that run times have. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "reports/explain/explain_internal.h"

static bool is_whole(
	const struct configuration *configuration, const struct configuration_metric *m)
{
	return configuration->series.n > 0 && m->known.n == configuration->series.n;
}

static int add_spread(struct explanation *e, const struct configuration *configuration,
	const struct configuration_metric *m)
{
	struct spread *x = &e->metrics[e->n_metrics++];
	int r;

	*x = (struct spread){.configuration = configuration, .metric = m, .variance = NAN};
	r = spread_describe(x, m->values, is_whole(configuration, m));
	return r < 0 ? r : describe(NULL, 0, &x->boot);
}

/** Is the first worse than the second? Where nobody said what is better, the larger comes first. */
static bool is_worse(const struct configuration_metric *x, const struct configuration_metric *y)
{
	return x->wish == WISH_HIGHER ? x->known.mean < y->known.mean
				      : x->known.mean > y->known.mean;
}

static int add_contrast(struct explanation *e, const struct configuration *one,
	const struct configuration *other, const char *name)
{
	bool swap = is_worse(configuration_metric(other, name), configuration_metric(one, name));
	const struct configuration *a = swap ? other : one, *b = swap ? one : other;
	const struct configuration_metric *of_a = configuration_metric(a, name),
					  *of_b = configuration_metric(b, name);
	struct contrast *x = &e->metric_contrasts[e->n_metric_contrasts++];
	int r;

	*x = (struct contrast){.a = a,
		.b = b,
		.metric = of_a,
		.control = configurations_are_control(a, b),
		.noise_ns = NAN};
	r = compare(of_a->values, a->series.n, of_b->values, b->series.n, &x->values);
	return r < 0 ? r : compare(NULL, 0, NULL, 0, &x->boot);
}

static bool has_values(const struct configuration *configuration, const char *name)
{
	const struct configuration_metric *m = configuration_metric(configuration, name);

	return m && m->known.n;
}

/** Each pair of the group of configurations that begins with the @i-th. */
static int add_group(const struct summary *s, size_t i, const char *name, struct explanation *e)
{
	size_t first = e->n_metric_contrasts, end = i;
	int r = 0;

	while (end < s->n_configurations &&
		configurations_are_beside(&s->configurations[i], &s->configurations[end]))
		end++;
	for (size_t k = i; k < end; k++)
		for (size_t j = k + 1; r >= 0 && j < end; j++)
			if (has_values(&s->configurations[k], name) &&
				has_values(&s->configurations[j], name) &&
				configurations_compare(
					&s->configurations[k], &s->configurations[j]) &&
				!thresholds_forbid(
					&s->configurations[k], &s->configurations[j], name))
				r = add_contrast(
					e, &s->configurations[k], &s->configurations[j], name);
	return r < 0 ? r
		     : contrasts_correct(
			       e->metric_contrasts + first, e->n_metric_contrasts - first);
}

static int add_metric(const struct summary *s, const char *name, struct explanation *e)
{
	size_t spreads = e->n_metrics, contrasts = e->n_metric_contrasts;
	int r = 0;

	for (size_t i = 0; i < s->n_configurations && r >= 0; i++) {
		const struct configuration_metric *m =
			configuration_metric(&s->configurations[i], name);

		if (m)
			r = add_spread(e, &s->configurations[i], m);
	}
	for (size_t i = 0; i < s->n_configurations && r >= 0; i++)
		if (i == 0 || !configurations_are_beside(
				      &s->configurations[i], &s->configurations[i - 1]))
			r = add_group(s, i, name, e);
	if (r >= 0)
		r = spreads_correct(e->metrics + spreads, e->n_metrics - spreads);
	if (r >= 0)
		contrasts_judge(e->metric_contrasts + contrasts, e->n_metric_contrasts - contrasts);
	return r;
}

/** Has none of the configurations before @configuration that metric? */
static bool is_new(const struct summary *s, size_t configuration, const char *name)
{
	for (size_t i = 0; i < configuration; i++)
		if (configuration_metric(&s->configurations[i], name))
			return false;
	return true;
}

int metrics_make(const struct summary *s, struct explanation *e)
{
	size_t n = 0, names = 0;
	int r = 0;

	for (size_t i = 0; i < s->n_configurations; i++) {
		n += s->configurations[i].n_metrics;
		for (size_t j = 0; j < s->configurations[i].n_metrics; j++)
			names += is_new(s, i, s->configurations[i].metrics[j].name);
	}
	e->metrics = calloc(n + 1, sizeof(*e->metrics));
	e->metric_contrasts = calloc(names * contrasts_room(s) + 1, sizeof(*e->metric_contrasts));
	if (!e->metrics || !e->metric_contrasts)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_configurations; i++)
		for (size_t j = 0; j < s->configurations[i].n_metrics && r >= 0; j++)
			if (is_new(s, i, s->configurations[i].metrics[j].name))
				r = add_metric(s, s->configurations[i].metrics[j].name, e);
	return r;
}
