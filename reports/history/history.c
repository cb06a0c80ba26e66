/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/history/history.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "reports/statistics/change_points.h"

#define LEVEL 0.05

static void series_clear(struct history_series *s)
{
	for (size_t i = 0; i < s->n_changes; i++)
		cause_clear(&s->changes[i].cause);
	free(s->changes);
	free(s->points);
}

void history_free(struct history *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->n_series; i++)
		series_clear(&h->series[i]);
	free(h->series);
	free(h);
}

static const struct configuration *find_same(const struct summary *s, const struct configuration *c)
{
	for (size_t i = 0; i < s->n_configurations; i++)
		if (configurations_are_same(&s->configurations[i], c))
			return &s->configurations[i];
	return NULL;
}

/** Fill a point from its configuration's runs. */
static int fill_point(const char *what, struct history_point *p)
{
	struct description d;
	struct quantity q;
	int r;

	p->mean = (struct estimate){NAN, {NAN, NAN}};
	p->level = NAN;
	if (!p->configuration || !quantity_find(p->configuration, what, &q))
		return 0;
	r = describe(q.values, q.n, &d);
	if (r < 0)
		return r;
	p->n = quantity_known(&q);
	if (p->n > 0)
		p->mean = (struct estimate){d.mean, d.mean_interval};
	return 0;
}

static int add_series(const struct history_question *q, const struct configuration *c,
	const char *what, struct history *h)
{
	struct history_series *s;
	struct quantity quantity;
	int r = 0;

	if (ARRAY_MORE(h->series, h->n_series, 1) < 0)
		return -ENOMEM;
	s = &h->series[h->n_series++];
	quantity_find(c, what, &quantity);
	*s = (struct history_series){.name = c->name,
		.cores = c->cores,
		.scenario = c->scenario,
		.what = what,
		.is_time = quantity.is_time,
		.higher = quantity.wish == WISH_HIGHER,
		.points = calloc(q->n_stores, sizeof(*s->points)),
		.n_points = q->n_stores};
	if (!s->points)
		return -ENOMEM;
	for (size_t i = 0; r >= 0 && i < q->n_stores; i++) {
		s->points[i].store = &q->stores[i];
		s->points[i].configuration = find_same(q->stores[i].summary, c);
		r = fill_point(what, &s->points[i]);
	}
	return r;
}

/** Has an earlier store that configuration? Then it is in its series. */
static bool is_known(const struct history_question *q, size_t store, const struct configuration *c)
{
	for (size_t i = 0; i < store; i++)
		if (find_same(q->stores[i].summary, c))
			return true;
	return false;
}

/** A series for each configuration that has @what. */
static int add_all(const struct history_question *q, const char *what, struct history *h)
{
	for (size_t i = 0; i < q->n_stores; i++) {
		const struct summary *s = q->stores[i].summary;

		for (size_t k = 0; k < s->n_configurations; k++) {
			struct quantity quantity;
			int r = 0;

			if (!is_known(q, i, &s->configurations[k]) &&
				quantity_find(&s->configurations[k], what, &quantity))
				r = add_series(q, &s->configurations[k], what, h);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static double mean_of(const struct history_series *s, size_t first, size_t last)
{
	double sum = 0, n = 0;

	for (size_t i = first; i < last; i++)
		if (s->points[i].n > 0) {
			sum += s->points[i].mean.value * (double)s->points[i].n;
			n += (double)s->points[i].n;
		}
	return sum / n;
}

/** Where the level before change @i begins, and where that behind it ends. */
static size_t begin_of(const struct history_series *s, size_t i)
{
	return i == 0 ? 0 : s->changes[i - 1].at;
}

static size_t end_of(const struct history_series *s, size_t i)
{
	return i + 1 == s->n_changes ? s->n_points : s->changes[i + 1].at;
}

static double size_of(const struct history_change *c)
{
	return fmax(c->ratio, 1 / c->ratio) - 1;
}

/** Take the smallest change out as long as it is less than @least. */
static void drop_small(struct history_series *s, double least)
{
	for (;;) {
		size_t smallest = 0;

		for (size_t i = 0; i < s->n_changes; i++) {
			struct history_change *c = &s->changes[i];

			c->ratio =
				mean_of(s, c->at, end_of(s, i)) / mean_of(s, begin_of(s, i), c->at);
			if (size_of(c) < size_of(&s->changes[smallest]))
				smallest = i;
		}
		if (s->n_changes == 0 || !(size_of(&s->changes[smallest]) < least))
			return;
		memmove(&s->changes[smallest], &s->changes[smallest + 1],
			(s->n_changes - smallest - 1) * sizeof(*s->changes));
		s->n_changes--;
	}
}

static void fill_levels(struct history_series *s)
{
	for (size_t i = 0; i <= s->n_changes; i++) {
		size_t first = begin_of(s, i),
		       last = i == s->n_changes ? s->n_points : s->changes[i].at;

		for (size_t k = first; k < last; k++)
			if (s->points[k].n > 0)
				s->points[k].level = mean_of(s, first, last);
	}
}

/** All runs of a series, sample by sample. */
static int gather(const struct history_series *s, double **ret_values, size_t **ret_sizes)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_points; i++)
		n += s->points[i].n;
	*ret_values = calloc(n + 1, sizeof(**ret_values));
	*ret_sizes = calloc(s->n_points + 1, sizeof(**ret_sizes));
	if (!*ret_values || !*ret_sizes)
		return -ENOMEM;
	n = 0;
	for (size_t i = 0; i < s->n_points; i++) {
		struct quantity q = {};

		(*ret_sizes)[i] = s->points[i].n;
		if (s->points[i].n > 0)
			quantity_find(s->points[i].configuration, s->what, &q);
		for (size_t k = 0; k < q.n; k++)
			if (isfinite(q.values[k]))
				(*ret_values)[n++] = q.values[k];
	}
	return 0;
}

/** What differs between the two experiments at a change. */
static int explain(const struct history_series *s, struct history_change *c)
{
	_cleanup_diff_ struct diff *d = NULL;
	struct diff_pair pair = {};
	const struct history_point *points[TREE_SIDES];
	int r;

	/* An experiment without runs is no neighbour. */
	while (c->at < s->n_points && s->points[c->at].n == 0)
		c->at++;
	for (c->from = c->at - 1; c->from > 0 && s->points[c->from].n == 0;)
		c->from--;
	points[TREE_A] = &s->points[c->from];
	points[TREE_B] = &s->points[c->at];
	for (int side = 0; side < TREE_SIDES; side++)
		pair.sides[side] = (struct diff_operand){points[side]->store->summary,
			points[side]->store->flames, points[side]->configuration,
			points[side]->store->label};
	r = diff_make(&pair, &d);
	return r < 0 ? r : cause_find(d, s->what, &c->cause);
}

static int find_changes(struct history_series *s, double level, double least)
{
	_cleanup_free_ double *values = NULL;
	_cleanup_free_ size_t *sizes = NULL;
	_cleanup_free_ struct change_point *points = calloc(s->n_points + 1, sizeof(*points));
	size_t n = 0;
	int r = points ? gather(s, &values, &sizes) : -ENOMEM;

	s->changes = calloc(s->n_points + 1, sizeof(*s->changes));
	if (r >= 0 && !s->changes)
		r = -ENOMEM;
	if (r >= 0)
		r = change_points_find(values, sizes, s->n_points, level, points, &n);
	for (size_t i = 0; r >= 0 && i < n; i++)
		s->changes[s->n_changes++] =
			(struct history_change){.at = points[i].at, .p = points[i].p};
	drop_small(s, least);
	fill_levels(s);
	for (size_t i = 0; r >= 0 && i < s->n_changes; i++)
		r = explain(s, &s->changes[i]);
	return r;
}

static int make_series(const struct history_question *q, struct history *h, struct error *error)
{
	const char *at = q->metrics ? q->metrics : QUANTITY_RUNTIME, *name;
	int r;

	do {
		r = quantity_next(q->stores[0].summary, &at, &name, error);
		if (r < 0)
			return r;
		r = add_all(q, name, h);
	} while (r >= 0 && *at);
	return r < 0 ? error_set_errno(error, r, "cannot sum the stores up") : 0;
}

int history_make(const struct history_question *q, struct history **ret, struct error *error)
{
	_cleanup_history_ struct history *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return error_no_memory(error);
	h->least = q->least;
	r = make_series(q, h, error);
	if (r < 0)
		return r;
	for (size_t i = 0; r >= 0 && i < h->n_series; i++)
		r = find_changes(&h->series[i], LEVEL / (double)h->n_series, q->least);
	if (r < 0)
		return error_set_errno(error, r, "cannot look for changes");
	*ret = TAKE_PTR(h);
	return 0;
}
