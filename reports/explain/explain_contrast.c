/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Two configurations of the same cores and scenario. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "reports/explain/explain_internal.h"

#define LEVEL 0.05

void contrast_clear(struct contrast *x)
{
	free(x->states.list);
	free(x->parts.list);
	free(x->details.list);
	free(x->causes.list);
}

static int split(struct contrast *x)
{
	_cleanup_bootstrap_ struct bootstrap *draws = NULL;
	size_t n[2] = {x->a->series.n, x->b->series.n};
	struct split split = {.a = x->a,
		.b = x->b,
		.scale_a = 1 / (double)x->a->cores,
		.scale_b = 1 / (double)x->b->cores,
		.whole = x->runtime.difference.value,
		.scale = x->a->runtime_ns.mean};
	int r;

	if (!is_explainable(x->a) || !is_explainable(x->b))
		return 0;
	r = bootstrap_make(n, 2, &draws);
	split.draws = draws;
	if (r >= 0)
		r = split_difference(&split, GRAIN_STATE, &x->states);
	if (r >= 0)
		r = split_difference(&split, GRAIN_PART, &x->parts);
	if (r >= 0)
		r = split_difference(&split, GRAIN_DETAIL, &x->details);
	return r < 0 ? r : split_difference(&split, GRAIN_CAUSE, &x->causes);
}

int contrast_make(const struct configuration *a, const struct configuration *b, struct contrast *x)
{
	int r;

	if (b->runtime_ns.mean > a->runtime_ns.mean) {
		const struct configuration *other = a;

		a = b;
		b = other;
	}
	*x = (struct contrast){
		.a = a, .b = b, .control = configurations_are_control(a, b), .noise_ns = NAN};
	r = compare(
		a->series.runtime_ns, a->series.n, b->series.runtime_ns, b->series.n, &x->runtime);
	if (r >= 0)
		r = compare(
			a->series.boot_ns, a->series.n, b->series.boot_ns, b->series.n, &x->boot);
	return r < 0 ? r : split(x);
}

/** Holm's correction of the comparisons that are of one number of cores in one scenario. */
int contrasts_correct(struct contrast *list, size_t n)
{
	_cleanup_free_ double *p = calloc(2 * n + 1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		p[i] = list[i].runtime.welch_p;
		p[n + i] = list[i].boot.welch_p;
	}
	r = holm(p, n);
	if (r >= 0)
		r = holm(p + n, n);
	for (size_t i = 0; i < n; i++) {
		comparison_correct(&list[i].runtime, p[i]);
		comparison_correct(&list[i].boot, p[n + i]);
		list[i].runtime.equivalent = equivalent_within(&list[i].runtime, n);
	}
	return r;
}

/**
 * What configurations make that are the same but for their label is noise: as a share of run time,
 * the most of any control; of the same number of cores where there is one.
 */
static double noise_share(
	const struct contrast *list, size_t n, const struct configuration *configuration)
{
	double here = NAN, elsewhere = NAN;

	for (size_t i = 0; i < n; i++) {
		const struct contrast *x = &list[i];
		double share = fabs(x->values.ratio.value - 1);

		if (!x->control || x->a->scenario != configuration->scenario)
			continue;
		elsewhere = fmax(share, elsewhere);
		if (x->a->cores == configuration->cores)
			here = fmax(share, here);
	}
	return isnan(here) ? elsewhere : here;
}

void contrasts_judge(struct contrast *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct contrast *x = &list[i];
		double mean = x->metric ? configuration_metric(x->b, x->metric->name)->known.mean
					: x->b->runtime_ns.mean;

		if (!x->control)
			x->noise_ns = noise_share(list, n, x->a) * fabs(mean);
		x->differs = x->values.p_holm < LEVEL &&
			     !(fabs(x->values.difference.value) <= x->noise_ns);
	}
}

static int add_group(const struct summary *s, size_t from, size_t to, struct explanation *e)
{
	size_t first = e->n_contrasts;

	for (size_t i = from; i < to; i++)
		for (size_t j = i + 1; j < to; j++) {
			int r;

			if (s->configurations[i].runtime_ns.n == 0 ||
				s->configurations[j].runtime_ns.n == 0 ||
				!configurations_compare(
					&s->configurations[i], &s->configurations[j]))
				continue;
			r = contrast_make(&s->configurations[i], &s->configurations[j],
				&e->contrasts[e->n_contrasts++]);
			if (r < 0)
				return r;
		}
	return contrasts_correct(e->contrasts + first, e->n_contrasts - first);
}

size_t contrasts_room(const struct summary *s)
{
	size_t pairs = 0;

	for (size_t i = 0, j; i < s->n_configurations; i = j) {
		for (j = i; j < s->n_configurations &&
			    configurations_are_beside(&s->configurations[i], &s->configurations[j]);
			j++)
			;
		pairs += (j - i) * (j - i - 1) / 2;
	}
	return pairs;
}

int contrasts_make(const struct summary *s, struct explanation *e)
{
	e->n_contrasts = 0;
	e->contrasts = calloc(contrasts_room(s) + 1, sizeof(*e->contrasts));
	if (!e->contrasts)
		return -ENOMEM;
	for (size_t i = 0, j; i < s->n_configurations; i = j) {
		int r;

		for (j = i; j < s->n_configurations &&
			    configurations_are_beside(&s->configurations[i], &s->configurations[j]);
			j++)
			;
		r = add_group(s, i, j, e);
		if (r < 0)
			return r;
	}
	contrasts_judge(e->contrasts, e->n_contrasts);
	return 0;
}

static const char *metric_of(const struct contrast *x)
{
	return x->metric ? x->metric->name : NULL;
}

/* All variants of one stack, or all stacks in one variant. */
static bool are_of_one_row(const struct contrast *x, const struct contrast *y)
{
	return (configurations_are_variants(x->a, x->b) &&
		       configurations_are_variants(y->a, y->b) &&
		       configurations_are_variants(x->a, y->a)) ||
	       (configurations_are_stacks(x->a, x->b) && configurations_are_stacks(y->a, y->b) &&
		       configurations_are_stacks(x->a, y->a));
}

bool contrast_is_with_best(const struct contrast *list, size_t n, const struct contrast *x)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].a == x->b && metric_of(&list[i]) == metric_of(x) &&
			are_of_one_row(&list[i], x))
			return false;
	return true;
}
