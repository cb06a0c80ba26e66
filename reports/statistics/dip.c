/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Hartigan and Hartigan's dip, by Hartigan's algorithm (AS 217, 1985). */
#include <math.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "reports/statistics/modes.h"

/* The sample's distribution function steps at each value. Below the mode a distribution with one mode is convex: the
 * nearest is the largest convex curve below the steps; above, the least concave one above them. */
struct curves {
	const double *x;
	size_t n;
	size_t *minorant,
		*majorant;       /* of each value the next corner, to the left and to the right */
	size_t *below, *above;   /* corners between low and high: from high down, from low up */
	size_t n_below, n_above; /* steps between them */
};

static double span(const struct curves *c, size_t from, size_t to)
{
	return c->x[to] - c->x[from];
}

static void find_corners(struct curves *c)
{
	size_t last = c->n - 1;

	c->minorant[0] = 0;
	for (size_t j = 1; j < c->n; j++) {
		size_t m = j - 1;

		while (m > 0 && span(c, m, j) * (double)(m - c->minorant[m]) >=
					span(c, c->minorant[m], m) * (double)(j - m))
			m = c->minorant[m];
		c->minorant[j] = m;
	}
	c->majorant[last] = last;
	for (size_t k = last; k-- > 0;) {
		size_t m = k + 1;

		while (m < last && span(c, k, m) * (double)(c->majorant[m] - m) >=
					   span(c, m, c->majorant[m]) * (double)(m - k))
			m = c->majorant[m];
		c->majorant[k] = m;
	}
}

static void walk_corners(struct curves *c, size_t low, size_t high)
{
	c->n_below = c->n_above = 0;
	for (c->below[0] = high; c->below[c->n_below] > low; c->n_below++)
		c->below[c->n_below + 1] = c->minorant[c->below[c->n_below]];
	for (c->above[0] = low; c->above[c->n_above] < high; c->n_above++)
		c->above[c->n_above + 1] = c->majorant[c->above[c->n_above]];
}

/* Height of the chord between two corners at @at, in steps from @from. */
static double chord(const struct curves *c, size_t from, size_t to, size_t at)
{
	double width = span(c, from, to);

	return width > 0 ? span(c, from, at) * (double)(to - from) / width : 0;
}

/* Where the two curves are farthest apart: that far, and the corners there. */
static double farthest(const struct curves *c, size_t *ret_below, size_t *ret_above)
{
	size_t i = c->n_below - 1, k = 1;
	double most = 0;

	*ret_below = c->n_below;
	*ret_above = c->n_above;
	if (c->n_below == 1 && c->n_above == 1)
		return 1;
	do {
		size_t b = c->below[i], a = c->above[k];
		double apart;

		if (b > a) {
			size_t from = c->below[i + 1];

			apart = (double)(a - from) + 1 - chord(c, from, b, a);
			k++;
			if (apart >= most) {
				most = apart;
				*ret_below = i + 1;
				*ret_above = k - 1;
			}
		} else {
			size_t from = c->above[k - 1];

			apart = chord(c, from, a, b) - ((double)b - (double)from - 1);
			if (apart >= most) {
				most = apart;
				*ret_below = i;
				*ret_above = k;
			}
			i -= i > 0;
		}
		if (k > c->n_above)
			k = c->n_above;
	} while (c->below[i] != c->above[k]);
	return most;
}

/* How far the steps between @from and @to are from the chord; @sign 1: above it, -1: below. */
static double off_chord(const struct curves *c, size_t from, size_t to, int sign)
{
	double most = 1;

	for (size_t at = from; at <= to && to - from > 1 && span(c, from, to) > 0; at++)
		most = fmax(most, sign * ((double)(at - from) - chord(c, from, to, at)) + 1);
	return most;
}

static double off_curves(const struct curves *c, size_t below, size_t above)
{
	double most = 0;

	for (size_t i = below; i < c->n_below; i++)
		most = fmax(most, off_chord(c, c->below[i + 1], c->below[i], 1));
	for (size_t k = above; k < c->n_above; k++)
		most = fmax(most, off_chord(c, c->above[k], c->above[k + 1], -1));
	return most;
}

double dip_of(const double *sorted, size_t n)
{
	_cleanup_free_ size_t *room = calloc(4 * (n + 1), sizeof(*room));
	struct curves c = {.x = sorted, .n = n};
	size_t low = 0, high = n - 1, below, above;
	double dip = 1;

	if (!room || n == 0)
		return NAN;
	c.minorant = room;
	c.majorant = room + (n + 1);
	c.below = room + 2 * (n + 1);
	c.above = room + 3 * (n + 1);
	find_corners(&c);
	while (high > low && span(&c, low, high) > 0) {
		walk_corners(&c, low, high);
		if (farthest(&c, &below, &above) < dip)
			break;
		dip = fmax(dip, off_curves(&c, below, above));
		if (low == c.below[below] && high == c.above[above])
			break;
		low = c.below[below];
		high = c.above[above];
	}
	return dip / (2 * (double)n);
}
