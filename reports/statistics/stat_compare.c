/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Two samples: tests, effect sizes, and what the tests could have seen. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sf_gamma.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

#include "common/cleanup.h"
#include "reports/statistics/stat_internal.h"

/* Up to here the distribution of ranks is computed exactly. */
#define EXACT_MAX 60

void double_ranks(const double *values, size_t n, size_t *order, double *ret)
{
	gsl_sort_index(order, values, 1, n);
	for (size_t i = 0, j; i < n; i = j) {
		for (j = i + 1; j < n && values[order[j]] == values[order[i]]; j++)
			;
		for (size_t k = i; k < j; k++)
			ret[order[k]] = (double)(i + j + 1);
	}
}

struct pair {
	struct values a;
	struct values b;
};

#define LEVEL 0.05

/** Fieller 1954: all ratios r for which the test does not tell a from r · b. With Welch's degrees of
 * freedom, so that 1 is one of them if, and only if, a is not told from b. */
struct interval ratio_range(const struct sample_mean *a, const struct sample_mean *b, double t)
{
	double square = b->mean * b->mean - t * t * b->variance;
	double middle = a->mean * b->mean;
	double rest = a->mean * a->mean - t * t * a->variance;

	/* No upper end where b may be 0; of what has either sign a ratio says nothing. */
	if (!(square > 0) || !(a->mean > 0) || !(b->mean > 0))
		return (struct interval){NAN, NAN};
	return (struct interval){fmax(0, (middle - sqrt(middle * middle - square * rest)) / square),
		(middle + sqrt(middle * middle - square * rest)) / square};
}

static void make_intervals(struct comparison *c, double level)
{
	double t, error = sqrt(c->a.variance + c->b.variance);

	c->difference.range = c->ratio.range = (struct interval){NAN, NAN};
	if (!(error > 0))
		return;
	t = gsl_cdf_tdist_Qinv(level / 2, c->welch_freedom);
	c->difference.range =
		(struct interval){c->difference.value - t * error, c->difference.value + t * error};
	c->ratio.range = ratio_range(&c->a, &c->b, t);
}

void comparison_correct(struct comparison *c, double p_holm)
{
	c->p_holm = p_holm;
	if (p_holm > 0 && c->welch_p > 0)
		make_intervals(c, LEVEL * c->welch_p / p_holm);
}

/** Welch 1947; degrees of freedom after Welch and Satterthwaite. */
static void welch(const struct pair *p, struct comparison *c)
{
	double n_a = (double)p->a.n, n_b = (double)p->b.n;
	double v_a = c->a.variance, v_b = c->b.variance;
	double pooled, freedom = n_a + n_b - 2, error = sqrt(v_a + v_b);

	if (!(error > 0))
		return;
	c->welch_t = c->difference.value / error;
	c->welch_freedom =
		(v_a + v_b) * (v_a + v_b) / (v_a * v_a / (n_a - 1) + v_b * v_b / (n_b - 1));
	c->welch_p = 2 * gsl_cdf_tdist_Q(fabs(c->welch_t), c->welch_freedom);
	make_intervals(c, LEVEL);
	c->detectable = error * (gsl_cdf_tdist_Pinv(0.975, c->welch_freedom) +
					gsl_cdf_tdist_Pinv(0.8, c->welch_freedom));
	c->equivalent = equivalent_within(c, 1);
	pooled = sqrt((v_a * n_a * (n_a - 1) + v_b * n_b * (n_b - 1)) / freedom);
	/* Hedges 1981: the exact correction of a standardised difference's bias. */
	c->hedges_g = c->difference.value / pooled *
		      exp(gsl_sf_lngamma(freedom / 2) - gsl_sf_lngamma((freedom - 1) / 2)) /
		      sqrt(freedom / 2);
}

bool statistic_differ(const struct statistic *a, const struct statistic *b)
{
	double v_a, v_b, freedom;

	if (a->n < 2 || b->n < 2)
		return false;
	v_a = a->m2 / (double)(a->n - 1) / (double)a->n;
	v_b = b->m2 / (double)(b->n - 1) / (double)b->n;
	if (v_a + v_b <= 0)
		return a->mean != b->mean;
	freedom = (v_a + v_b) * (v_a + v_b) /
		  (v_a * v_a / (double)(a->n - 1) + v_b * v_b / (double)(b->n - 1));
	return fabs(a->mean - b->mean) > gsl_cdf_tdist_Pinv(0.975, freedom) * sqrt(v_a + v_b);
}

/**
 * In how many of the ways to choose @n_a of the @n ranks is their sum at least as far from its mean
 * as @sum? As shares of all ways: @ret_p, and in @ret_least that of the farthest sum. -ENOMEM.
 */
static int count_ranks(
	const double *ranks, size_t n, size_t n_a, double sum, double *ret_p, double *ret_least)
{
	size_t most = n * (n + 1) + 1; /* doubled ranks sum to n (n + 1) */
	_cleanup_free_ double *ways = calloc((n_a + 1) * most, sizeof(*ways));
	double middle = (double)n_a * (double)(n + 1), all = 0, far = 0, farthest = 0, least = 0;

	if (!ways)
		return -ENOMEM;
	ways[0] = 1;
	for (size_t i = 0; i < n; i++)
		for (size_t k = n_a < i + 1 ? n_a : i + 1; k > 0; k--)
			for (size_t s = (size_t)ranks[i]; s < most; s++)
				ways[k * most + s] += ways[(k - 1) * most + s - (size_t)ranks[i]];
	for (size_t s = 0; s < most; s++) {
		double w = ways[n_a * most + s], off = fabs((double)s - middle);

		all += w;
		far += off >= fabs(sum - middle) ? w : 0;
		if (w > 0 && off >= farthest) {
			least = off > farthest ? w : least + w;
			farthest = off;
		}
	}
	*ret_p = far / all;
	*ret_least = least / all;
	return 0;
}

/** Mann and Whitney 1947; beyond EXACT_MAX values normal, corrected for ties and continuity. */
static int mann_whitney(const struct pair *p, struct comparison *c)
{
	size_t n = p->a.n + p->b.n;
	_cleanup_free_ double *all = calloc(2 * n, sizeof(*all));
	_cleanup_free_ size_t *order = calloc(n, sizeof(*order));
	double n_a = (double)p->a.n, n_b = (double)p->b.n, sum = 0, squares = 0, sigma;

	if (!all || !order)
		return -ENOMEM;
	memcpy(all, p->a.list, p->a.n * sizeof(*all));
	memcpy(all + p->a.n, p->b.list, p->b.n * sizeof(*all));
	double_ranks(all, n, order, all + n);
	for (size_t i = 0; i < n; i++) {
		double off = all[n + i] / 2 - (double)(n + 1) / 2;

		sum += i < p->a.n ? all[n + i] : 0;
		squares += off * off;
	}
	c->mann_whitney_u = sum / 2 - n_a * (n_a + 1) / 2;
	c->cliffs_delta = 2 * c->mann_whitney_u / (n_a * n_b) - 1;
	if (n <= EXACT_MAX)
		return count_ranks(
			all + n, n, p->a.n, sum, &c->mann_whitney_p, &c->mann_whitney_least);
	sigma = sqrt(squares * n_a * n_b / ((n_a + n_b) * (n_a + n_b - 1)));
	c->mann_whitney_p = fmin(
		1, 2 * gsl_cdf_ugaussian_Q(
			       fmax(0, fabs(c->mann_whitney_u - n_a * n_b / 2) - 0.5) / sigma));
	c->mann_whitney_least = 0;
	return 0;
}

static struct sample_mean mean_of(const struct values *v)
{
	return (struct sample_mean){.mean = gsl_stats_mean(v->list, 1, v->n),
		.variance = v->n < 2 ? NAN : gsl_stats_variance(v->list, 1, v->n) / (double)v->n};
}

static int compare_known(const struct pair *p, struct comparison *c)
{
	c->a = mean_of(&p->a);
	c->b = mean_of(&p->b);
	c->difference.value = c->a.mean - c->b.mean;
	c->ratio.value = c->a.mean / c->b.mean;
	if (p->a.n >= 2 && p->b.n >= 2)
		welch(p, c);
	return mann_whitney(p, c);
}

int compare(const double *a, size_t n_a, const double *b, size_t n_b, struct comparison *ret)
{
	_cleanup_free_ double *known_a = calloc(n_a + 1, sizeof(*known_a));
	_cleanup_free_ double *known_b = calloc(n_b + 1, sizeof(*known_b));
	struct comparison c = {{NAN, {NAN, NAN}}, {NAN, {NAN, NAN}}, NAN, NAN, NAN, NAN, NAN, NAN,
		NAN, NAN, NAN, NAN, NAN, {NAN, NAN}, {NAN, NAN}};
	struct pair pair;
	int r = 0;

	if (!known_a || !known_b)
		return -ENOMEM;
	pair.a = (struct values){known_a, values_known(a, n_a, known_a)};
	pair.b = (struct values){known_b, values_known(b, n_b, known_b)};
	if (pair.a.n > 0 && pair.b.n > 0)
		r = compare_known(&pair, &c);
	if (r < 0)
		return r;
	*ret = c;
	return 0;
}

int holm(double *p, size_t n)
{
	_cleanup_free_ double *known = calloc(n + 1, sizeof(*known));
	_cleanup_free_ size_t *place = calloc(2 * n + 1, sizeof(*place));
	size_t *order;
	double least = 0;
	size_t m = 0;

	if (!known || !place)
		return -ENOMEM;
	order = place + n;
	for (size_t i = 0; i < n; i++) {
		if (isnan(p[i]))
			continue;
		place[m] = i;
		known[m++] = p[i];
	}
	gsl_sort_index(order, known, 1, m);
	for (size_t i = 0; i < m; i++) {
		least = fmax(least, fmin(1, (double)(m - i) * known[order[i]]));
		p[place[order[i]]] = least;
	}
	return 0;
}
