/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/statistics/change_points.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_errno.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <gsl/gsl_sort.h>

#include "common/cleanup.h"

/* Any fixed seed will do: the same stores must give the same report. */
#define SEED 20141

/* A side with fewer values has no spread. */
static const size_t side_least = 2;

/** Samples first to last - 1, which are not split yet. */
struct stretch {
	size_t first, last;
	size_t split; /* the best; first: there is none */
	double distance;
};

struct search {
	const size_t *begins; /* of each sample among the values, and the end */
	size_t *ranks;        /* of each value, from 1; permuted in place */
	const double *sorted; /* values by rank - 1 */
	size_t n;             /* values */
	/* Sums over the ranks up to each, as binary indexed trees. */
	size_t *tree_counts;
	double *tree_sums;
	double *left, *right; /* for each sample and the end: sums over pairs */
	gsl_rng *rng;
	struct stretch *stretches;
	size_t n_stretches;
};

static void tree_clear(struct search *s)
{
	memset(s->tree_counts, 0, (s->n + 1) * sizeof(*s->tree_counts));
	memset(s->tree_sums, 0, (s->n + 1) * sizeof(*s->tree_sums));
}

/** Add a value; returns the sum of its distances to those that are there, @count of them with sum @sum. */
static double tree_add(struct search *s, size_t rank, size_t count, double sum)
{
	double value = s->sorted[rank - 1], below_sum = 0;
	size_t below = 0;

	for (size_t i = rank; i > 0; i &= i - 1) {
		below += s->tree_counts[i];
		below_sum += s->tree_sums[i];
	}
	for (size_t i = rank; i <= s->n; i += i & -i) {
		s->tree_counts[i]++;
		s->tree_sums[i] += value;
	}
	return value * (double)below - below_sum + (sum - below_sum) -
	       value * (double)(count - below);
}

/** The sums of |x - y| over all pairs from sample @first to each end up to @last: room[end]. */
static void sum_pairs(struct search *s, size_t first, size_t last, double *room)
{
	double sum = 0, pairs = 0;

	tree_clear(s);
	for (size_t i = first; i < last; i++) {
		for (size_t at = s->begins[i]; at < s->begins[i + 1]; at++) {
			pairs += tree_add(s, s->ranks[at], at - s->begins[first], sum);
			sum += s->sorted[s->ranks[at] - 1];
		}
		room[i + 1] = pairs;
	}
}

static double pairs_of(size_t n)
{
	return (double)n * (double)(n - 1) / 2;
}

/** The energy distance of two sides, m and n of them: of all pairs the sum @all, within each side @left and @right. */
static double distance(size_t m, size_t n, double all, double left, double right)
{
	double product = (double)m * (double)n;

	return product / (double)(m + n) *
	       (2 / product * (all - left - right) - left / pairs_of(m) - right / pairs_of(n));
}

/** The best end of the right side, if it begins with sample @split. */
static void try_split(struct search *s, struct stretch *x, size_t split)
{
	size_t m = s->begins[split] - s->begins[x->first];

	if (m < side_least)
		return;
	sum_pairs(s, split, x->last, s->right);
	for (size_t end = split + 1; end <= x->last; end++) {
		size_t n = s->begins[end] - s->begins[split];
		double d;

		if (n < side_least)
			continue;
		d = distance(m, n, s->left[end], s->left[split], s->right[end]);
		if (d > x->distance) {
			x->distance = d;
			x->split = split;
		}
	}
}

/** Find the best split of a stretch. */
static void find_split(struct search *s, struct stretch *x)
{
	x->split = x->first;
	x->distance = -INFINITY;
	if (s->begins[x->last] - s->begins[x->first] < 2 * side_least)
		return;
	sum_pairs(s, x->first, x->last, s->left);
	for (size_t i = x->first + 1; i < x->last; i++)
		try_split(s, x, i);
}

/** The largest distance that any stretch has in random order. */
static double permuted_distance(struct search *s)
{
	double best = -INFINITY;

	for (size_t i = 0; i < s->n_stretches; i++) {
		struct stretch x = s->stretches[i];

		if (s->begins[x.last] > s->begins[x.first])
			gsl_ran_shuffle(s->rng, s->ranks + s->begins[x.first],
				s->begins[x.last] - s->begins[x.first], sizeof(*s->ranks));
		find_split(s, &x);
		best = fmax(best, x.distance);
	}
	return best;
}

/** How rare is such a @distance in random order? */
static double permutation_p(struct search *s, double distance, size_t *kept)
{
	size_t far = 0;

	memcpy(kept, s->ranks, s->n * sizeof(*kept));
	for (size_t i = 0; i < CHANGE_PERMUTATIONS; i++)
		/* The same values in another order have sums that differ in their last digits. */
		far += permuted_distance(s) >= distance * (1 - 1e-9);
	memcpy(s->ranks, kept, s->n * sizeof(*kept));
	return (1 + (double)far) / (1 + CHANGE_PERMUTATIONS);
}

static int compare_points(const void *a, const void *b)
{
	const struct change_point *x = a, *y = b;

	return (x->at > y->at) - (x->at < y->at);
}

/** Split the stretches, the best one first, until what is found is no more than chance. */
static void split_all(
	struct search *s, double level, size_t *kept, struct change_point *ret, size_t *ret_n)
{
	for (;;) {
		struct stretch *best = &s->stretches[0];
		double p;

		for (size_t i = 1; i < s->n_stretches; i++)
			if (s->stretches[i].distance > best->distance)
				best = &s->stretches[i];
		if (!(best->distance > 0))
			break;
		p = permutation_p(s, best->distance, kept);
		if (!(p < level))
			break;
		ret[(*ret_n)++] = (struct change_point){best->split, p};
		s->stretches[s->n_stretches] =
			(struct stretch){.first = best->split, .last = best->last};
		best->last = best->split;
		find_split(s, best);
		find_split(s, &s->stretches[s->n_stretches++]);
	}
	qsort(ret, *ret_n, sizeof(*ret), compare_points);
}

/** Ranks from 1, each value its own: equal ones in order. */
static int rank_values(const double *values, struct search *s, double *sorted)
{
	_cleanup_free_ size_t *order = calloc(s->n + 1, sizeof(*order));

	if (!order)
		return -ENOMEM;
	gsl_sort_index(order, values, 1, s->n);
	for (size_t i = 0; i < s->n; i++) {
		s->ranks[order[i]] = i + 1;
		sorted[i] = values[order[i]];
	}
	return 0;
}

int change_points_find(const double *values, const size_t *sizes, size_t n_samples, double level,
	struct change_point *ret, size_t *ret_n)
{
	_cleanup_free_ size_t *begins = calloc(n_samples + 1, sizeof(*begins));
	_cleanup_free_ struct stretch *stretches = calloc(n_samples + 1, sizeof(*stretches));
	_cleanup_free_ double *room = calloc(2 * n_samples + 2, sizeof(*room));
	struct search s = {.begins = begins,
		.stretches = stretches,
		.left = room,
		.right = room ? room + n_samples + 1 : NULL};
	_cleanup_free_ size_t *ranks = NULL, *kept = NULL, *counts = NULL;
	_cleanup_free_ double *sorted = NULL, *sums = NULL;
	int r = 0;

	*ret_n = 0;
	if (!begins || !stretches || !room)
		return -ENOMEM;
	for (size_t i = 0; i < n_samples; i++)
		begins[i + 1] = begins[i] + sizes[i];
	s.n = begins[n_samples];
	if (s.n < 2 * side_least)
		return 0;
	s.ranks = ranks = calloc(s.n, sizeof(*ranks));
	kept = calloc(s.n, sizeof(*kept));
	s.tree_counts = counts = calloc(s.n + 1, sizeof(*counts));
	s.tree_sums = sums = calloc(s.n + 1, sizeof(*sums));
	s.sorted = sorted = calloc(s.n, sizeof(*sorted));
	gsl_set_error_handler_off();
	if (ranks && kept && counts && sums && sorted)
		s.rng = gsl_rng_alloc(gsl_rng_mt19937);
	if (!s.rng)
		return -ENOMEM;
	gsl_rng_set(s.rng, SEED);
	r = rank_values(values, &s, sorted);
	if (r >= 0) {
		stretches[s.n_stretches++] = (struct stretch){.last = n_samples};
		find_split(&s, &stretches[0]);
		split_all(&s, level, kept, ret, ret_n);
	}
	gsl_rng_free(s.rng);
	return r;
}
