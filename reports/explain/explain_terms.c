/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include <gsl/gsl_statistics_double.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "reports/explain/explain_internal.h"
#include "reports/statistics/stat_internal.h"
#include "reports/text/text.h"

/* Sums of a few thousand doubles are this exact, whatever they cancel to. */
#define ROUNDING 1e-9
/* Terms below this share of the scale are too small to be of interest. */
#define INTERVAL_SHARE 0.005
/* Terms that are so many times as large, together, as their sum cancel: no share of it is
 * stated. */
#define CANCELLING 10

bool is_explainable(const struct configuration *configuration)
{
	/* Of run times of 0 nothing is a share. */
	return configuration->series.n > 0 && configuration->series.exact &&
	       configuration->series.window.has_accounts && configuration->runtime_ns.mean > 0;
}

int items_add(struct items *items, const struct item *item)
{
	int r = ARRAY_ADD(items->list, items->n, *item);

	if (r < 0) {
		free(item->own_a);
		free(item->own_b);
	}
	return r;
}

void items_clear(struct items *items)
{
	for (size_t i = 0; i < items->n; i++) {
		free(items->list[i].own_a);
		free(items->list[i].own_b);
	}
	free(items->list);
}

static const double *term_of(const struct book_series *b, size_t k)
{
	return b ? b->term_ns[k] : NULL;
}

static const struct detail_series *find_detail(
	const struct book_series *b, int state, const char *detail)
{
	for (size_t i = 0; b && i < b->n_details; i++)
		if ((int)b->details[i].state == state && same_text(b->details[i].detail, detail))
			return &b->details[i];
	return NULL;
}

/** The details of one state, or the whole state where it has none. */
static int add_details(struct items *items, const char *phase, int state,
	const struct book_series *a, const struct book_series *b)
{
	int r = 0;

	for (size_t i = 0; a && i < a->n_details && r >= 0; i++) {
		const struct detail_series *x = &a->details[i], *y;

		if ((int)x->state != state)
			continue;
		y = find_detail(b, state, x->detail);
		r = items_add(items, &(struct item){phase, state, x->detail, x->ns,
					     y ? y->ns : NULL, NULL, NULL});
	}
	for (size_t i = 0; b && i < b->n_details && r >= 0; i++) {
		const struct detail_series *y = &b->details[i];

		if ((int)y->state == state && !find_detail(a, state, y->detail))
			r = items_add(items,
				&(struct item){phase, state, y->detail, NULL, y->ns, NULL, NULL});
	}
	return r;
}

static int add_book(struct items *items, const char *phase, bool details,
	const struct book_series *a, const struct book_series *b)
{
	int r = 0;

	for (size_t k = 0; k < TERM_COUNT && r >= 0; k++) {
		if (details && k < STATE_COUNT)
			r = add_details(items, phase, (int)k, a, b);
		else
			r = items_add(items, &(struct item){phase, (int)k, NULL, term_of(a, k),
						     term_of(b, k), NULL, NULL});
	}
	return r;
}

static int add_phase(struct items *items, const char *name, enum grain grain,
	const struct book_series *a, const struct book_series *b)
{
	if (grain == GRAIN_PHASE)
		return items_add(items, &(struct item){name, -1, NULL, a ? a->whole_ns : NULL,
						b ? b->whole_ns : NULL, NULL, NULL});
	return add_book(items, name, grain == GRAIN_DETAIL, a, b);
}

/*
 * The parts of the windows of @a and @b (NULL: of @a alone), in order of time, then of states. What
 * belongs to neither phase is an item of its own. -ENOMEM.
 */
static int items_make(const struct configuration *a, const struct configuration *b,
	enum grain grain, struct items *ret)
{
	struct items items = {};
	int r = 0;

	if (grain == GRAIN_STATE) {
		r = add_book(&items, NULL, false, a->series.split_window,
			b ? b->series.split_window : NULL);
	} else {
		for (size_t i = 0; i < a->n_phases && r >= 0; i++) {
			const struct book_series *phase = &a->series.split_phases[i];

			if (!phase_is_outside(phase->name))
				r = add_phase(&items, phase->name, grain, phase,
					configuration_terms(b, phase->name));
		}
		for (size_t i = 0; b && i < b->n_phases && r >= 0; i++) {
			const struct book_series *phase = &b->series.split_phases[i];

			if (!phase_is_outside(phase->name) && !configuration_phase(a, phase->name))
				r = add_phase(&items, phase->name, grain, NULL, phase);
		}
		if (r >= 0)
			r = items_add(&items,
				&(struct item){NULL, TERM_RESIDUAL, NULL, a->series.between_ns,
					b ? b->series.between_ns : NULL, NULL, NULL});
	}
	if (r < 0) {
		items_clear(&items);
		return r;
	}
	*ret = items;
	return 0;
}

static int compare_terms(const void *a, const void *b)
{
	double x = fabs(((const struct term *)a)->value), y = fabs(((const struct term *)b)->value);

	return (x < y) - (x > y);
}

static bool is_nothing(const double *values, size_t n)
{
	for (size_t i = 0; values && i < n; i++)
		if (values[i] != 0)
			return false;
	return true;
}

/** What sums and differences of an item can be wrong by is in proportion to this. */
typedef double (*magnitude_t)(const struct split *split, const struct item *item);

/** What an estimate of one item needs. */
struct asked {
	const struct split *split;
	const struct item *item;
};

static double difference_of(const double *const *weights, void *userdata)
{
	const struct asked *q = userdata;
	const struct split *s = q->split;
	double value = 0;

	if (q->item->a)
		value += s->scale_a * weighted_mean(q->item->a, weights[0], s->a->series.n);
	if (q->item->b)
		value -= s->scale_b * weighted_mean(q->item->b, weights[1], s->b->series.n);
	return value;
}

static double covariance(const double *x, const double *y, const double *weights, size_t n)
{
	double sum_x = 0, sum_y = 0, sum = 0, whole = 0;

	/* Off the first value the whole numbers are small, and their differences exact. */
	for (size_t i = 0; i < n; i++) {
		sum_x += weights[i] * (x[i] - x[0]);
		sum_y += weights[i] * (y[i] - y[0]);
		whole += weights[i];
	}
	for (size_t i = 0; i < n; i++)
		sum += weights[i] * (x[i] - x[0] - sum_x / whole) * (y[i] - y[0] - sum_y / whole);
	return sum / (whole - 1);
}

/** Cov(T, C̄ₖ) over Var(T): of a resample, too, the shares sum to one. */
static double share_of(const double *const *weights, void *userdata)
{
	const struct asked *q = userdata;
	const struct configuration *configuration = q->split->a;
	const double *t = configuration->series.runtime_ns;
	double variance = covariance(t, t, weights[0], configuration->series.n);

	if (!(variance > 0))
		return NAN;
	return q->split->scale_a * covariance(t, q->item->a, weights[0], configuration->series.n) /
	       variance;
}

static double difference_magnitude(const struct split *s, const struct item *item)
{
	double value = 0;

	for (size_t i = 0; item->a && i < s->a->series.n; i++)
		value += fabs(s->scale_a * item->a[i]);
	for (size_t i = 0; item->b && i < s->b->series.n; i++)
		value += fabs(s->scale_b * item->b[i]);
	return value;
}

static double variance_magnitude(const struct split *s, const struct item *item)
{
	const struct run_series *series = &s->a->series;

	return s->scale_a * gsl_stats_sd(series->runtime_ns, 1, series->n) *
	       gsl_stats_sd(item->a, 1, series->n);
}

static void finish(const struct split *split, const struct items *items, magnitude_t magnitude_of,
	struct terms *terms)
{
	double sum = 0, sizes = 0, whole = split->whole, magnitude = fabs(whole);

	for (size_t i = 0; i < items->n; i++)
		magnitude += magnitude_of(split, &items->list[i]);
	for (size_t i = 0; i < terms->n; i++) {
		sum += terms->list[i].value;
		sizes += fabs(terms->list[i].value);
	}
	for (size_t i = 0; i < terms->n && sizes <= CANCELLING * fabs(whole); i++)
		terms->list[i].share = terms->list[i].value / whole;
	assert(fabs(sum - whole) <= ROUNDING * magnitude);
	(void)sum;
	(void)magnitude;
	qsort(terms->list, terms->n, sizeof(*terms->list), compare_terms);
}

/** Work all items out by @estimate times @unit. */
static int make_terms(const struct split *split, const struct items *items, estimate_t estimate,
	double unit, struct terms *ret)
{
	struct terms terms = {calloc(items->n + 1, sizeof(*terms.list)), 0};
	_cleanup_free_ double *ones =
		calloc(split->a->series.n + (split->b ? split->b->series.n : 0) + 1, sizeof(*ones));
	size_t n_a = split->a->series.n, n_b = split->b ? split->b->series.n : 0;
	const double *weights[2];

	if (!terms.list || !ones) {
		free(terms.list);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n_a + n_b; i++)
		ones[i] = 1;
	weights[0] = ones;
	weights[1] = ones + n_a;
	for (size_t i = 0; i < items->n; i++) {
		const struct item *item = &items->list[i];
		struct asked asked = {split, item};
		struct term *term = &terms.list[terms.n];

		if (is_nothing(item->a, n_a) && is_nothing(item->b, n_b))
			continue;
		*term = (struct term){item->phase, item->state, item->detail,
			unit * estimate(weights, &asked), {NAN, NAN}, NAN};
		terms.n++;
		if (fabs(term->value) < INTERVAL_SHARE * split->scale)
			continue;
		bootstrap_interval(split->draws, estimate, &asked, &term->range);
		term->range.low *= unit;
		term->range.high *= unit;
	}
	*ret = terms;
	return 0;
}

int split_difference(const struct split *split, enum grain grain, struct terms *ret)
{
	_cleanup_items_ struct items items = {};
	int r = grain == GRAIN_CAUSE ? items_causes(split->a, split->b, split->scaling, &items)
				     : items_make(split->a, split->b, grain, &items);

	if (r >= 0)
		r = make_terms(split, &items, difference_of, 1, ret);
	if (r >= 0)
		finish(split, &items, difference_magnitude, ret);
	return r;
}

int split_variance(const struct configuration *configuration, double variance,
	struct bootstrap *draws, enum grain grain, struct terms *ret)
{
	struct split split = {.a = configuration,
		.scale_a = 1 / (double)configuration->cores,
		.whole = variance,
		.scale = variance,
		.draws = draws};
	_cleanup_items_ struct items items = {};
	int r = grain == GRAIN_CAUSE ? items_causes(configuration, NULL, NULL, &items)
				     : items_make(configuration, NULL, grain, &items);

	if (r >= 0)
		r = make_terms(&split, &items, share_of, variance, ret);
	if (r >= 0)
		finish(&split, &items, variance_magnitude, ret);
	return r;
}
