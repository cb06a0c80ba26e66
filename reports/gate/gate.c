/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/gate/gate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"

void gate_free(struct gate *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->n_rows; i++)
		cause_clear(&g->rows[i].cause);
	free(g->rows);
	free(g);
}

int gate_bound_parse(const char *option, const char *text, double *ret, struct error *error)
{
	char *end;
	double percent = strtod(text, &end);

	if (end == text || (*end && strcmp(end, "%") != 0) || text[strspn(text, "-0123456789.%")])
		return error_set_user(error, -EINVAL, "--%s %s: a number of percent is needed: 2%%",
			option, text);
	if (!(percent > 0 && percent <= 100))
		return error_set_user(error, -EINVAL,
			"--%s %s: more than 0 and at most 100 percent", option, text);
	*ret = percent / 100;
	return 0;
}

/** The number of runs that it takes, by how much these vary. */
static size_t runs_needed(const struct gate_row *row, double bound, size_t family)
{
	const struct comparison *c = &row->values;
	size_t n_first = row->n[row->higher ? 0 : 1], n_second = row->n[row->higher ? 1 : 0];

	return runs_to_decide(sqrt(c->a.variance * (double)n_first) / c->a.mean,
		sqrt(c->b.variance * (double)n_second) / c->b.mean, bound, family);
}

static int make_row(const struct diff *d, const char *what, double bound, struct gate_row *row)
{
	const struct configuration *a = d->pair.sides[TREE_A].configuration,
				   *b = d->pair.sides[TREE_B].configuration;
	struct quantity x, y;
	int r;

	quantity_find(a, what, &x);
	quantity_find(b, what, &y);
	*row = (struct gate_row){.diff = d,
		.name = b->name,
		.cores = b->cores,
		.what = what,
		.is_time = x.is_time,
		.higher = x.wish == WISH_HIGHER,
		.n = {quantity_known(&x), quantity_known(&y)},
		.failed = {a->n_runs - a->n_ok, b->n_runs - b->n_ok}};
	r = row->higher ? compare(x.values, x.n, y.values, y.n, &row->values)
			: compare(y.values, y.n, x.values, x.n, &row->values);
	if (r < 0)
		return r;
	row->mean[row->higher ? 0 : 1] = row->values.a.mean;
	row->mean[row->higher ? 1 : 0] = row->values.b.mean;
	ratio_test(&row->values, 1 + bound, &row->test);
	return 0;
}

/** Rows for all pairs that have @what, which must outlive them. */
static int add_rows(
	const struct gate_question *q, const char *what, struct gate *g, struct error *error)
{
	size_t before = g->n_rows;

	for (size_t i = 0; i < q->n_pairs; i++) {
		struct quantity a, b;
		int r;

		if (!quantity_find(q->pairs[i]->pair.sides[TREE_A].configuration, what, &a) ||
			!quantity_find(q->pairs[i]->pair.sides[TREE_B].configuration, what, &b))
			continue;
		if (quantity_known(&a) == 0 && quantity_known(&b) == 0)
			continue;
		if (a.wish == WISH_NONE)
			return error_set_user(error, -EINVAL,
				"the metric \"%s\" says not what is better: measure it with --metric "
				"'%s=...:lower' or ':higher'",
				what, what);
		if (ARRAY_MORE(g->rows, g->n_rows, 1) < 0)
			return error_no_memory(error);
		r = make_row(q->pairs[i], what, q->bound, &g->rows[g->n_rows]);
		if (r < 0)
			return error_set_errno(error, r, "cannot compare");
		g->n_rows++;
	}
	if (g->n_rows == before && strcmp(what, QUANTITY_RUNTIME) == 0)
		return error_set(error, -EINVAL,
			"A and B have no run times (--boot-only?): --metric boot compares their boots");
	if (g->n_rows == before)
		return error_set_user(error, -EINVAL,
			"A and B have no metric \"%s\" in a configuration of both", what);
	return 0;
}

static int make_rows(const struct gate_question *q, struct gate *g, struct error *error)
{
	const struct summary *s = q->pairs[0]->pair.sides[TREE_A].summary;
	const char *at = q->metrics ? q->metrics : QUANTITY_RUNTIME, *name;
	int r;

	do {
		r = quantity_next(s, &at, &name, error);
		if (r >= 0)
			r = add_rows(q, name, g, error);
	} while (r >= 0 && *at);
	return r;
}

static int judge(struct gate *g)
{
	size_t n = g->n_rows;
	_cleanup_free_ struct comparison *c = calloc(n + 1, sizeof(*c));
	_cleanup_free_ struct ratio_test *t = calloc(n + 1, sizeof(*t));
	_cleanup_free_ double *room = calloc(2 * n + 1, sizeof(*room));
	int r;

	if (!c || !t || !room)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		c[i] = g->rows[i].values;
		t[i] = g->rows[i].test;
	}
	r = ratio_tests_correct(c, t, n, room);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		static const enum gate_verdict verdicts[] = {[RATIO_UNKNOWN] = GATE_UNDECIDED,
			[RATIO_ABOVE] = GATE_SLOWER,
			[RATIO_BELOW] = GATE_NOT_SLOWER};

		g->rows[i].test = t[i];
		g->rows[i].needed = runs_needed(&g->rows[i], g->bound, n);
		g->rows[i].verdict = verdicts[ratio_test_side(&t[i])];
		g->n_verdict[g->rows[i].verdict]++;
	}
	return r;
}

int gate_make(const struct gate_question *q, struct gate **ret, struct error *error)
{
	_cleanup_gate_ struct gate *g = calloc(1, sizeof(*g));
	int r;

	if (!g)
		return error_no_memory(error);
	g->bound = q->bound;
	g->strict = q->strict;
	for (size_t i = 0; i < q->n_pairs; i++) {
		const struct configuration *b = q->pairs[i]->pair.sides[TREE_B].configuration;

		g->n_failed_runs += b->n_runs - b->n_ok;
	}
	r = make_rows(q, g, error);
	if (r < 0)
		return r;
	r = judge(g);
	for (size_t i = 0; r >= 0 && i < g->n_rows; i++)
		if (g->rows[i].verdict == GATE_SLOWER)
			r = cause_find(g->rows[i].diff, g->rows[i].what, &g->rows[i].cause);
	if (r < 0)
		return error_set_errno(error, r, "cannot decide");
	*ret = TAKE_PTR(g);
	return 0;
}

bool gate_is_passed(const struct gate *g)
{
	if (g->n_verdict[GATE_SLOWER] > 0)
		return false;
	return !g->strict || (g->n_verdict[GATE_UNDECIDED] == 0 && g->n_failed_runs == 0);
}
