/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Decisions about a ratio of means: is it beyond a bound, within it, or not known? */
#include <math.h>

#include <gsl/gsl_cdf.h>

#include "reports/statistics/stat_internal.h"

#define LEVEL 0.05
/* More runs than anybody makes. */
#define RUNS_MAX 1000000

void ratio_test(const struct comparison *c, double ratio, struct ratio_test *ret)
{
	double off = c->a.mean - ratio * c->b.mean;
	double error = sqrt(c->a.variance + ratio * ratio * c->b.variance);

	*ret = (struct ratio_test){ratio, NAN, NAN, NAN, NAN, {c->ratio.value, {NAN, NAN}}};
	if (!(c->a.mean > 0) || !(c->b.mean > 0)) {
		ret->ratio.value = NAN;
	} else if (error > 0) {
		ret->p_above = gsl_cdf_tdist_Q(off / error, c->welch_freedom);
		ret->p_below = gsl_cdf_tdist_P(off / error, c->welch_freedom);
	} else if (error == 0) { /* nothing varies: the numbers themselves decide */
		ret->p_above = off > 0 ? 0 : off < 0 ? 1 : 0.5;
		ret->p_below = 1 - ret->p_above;
	}
	ratio_test_correct(c, ret->p_above, ret->p_below, ret);
}

/* Student's t of a one-sided test that Holm has made stricter, from @p to @p_holm. */
static double corrected_t(const struct comparison *c, double p, double p_holm)
{
	double level = p > 0 && p_holm > 0 ? LEVEL * p / p_holm : LEVEL;

	return gsl_cdf_tdist_Qinv(level, c->welch_freedom);
}

void ratio_test_correct(
	const struct comparison *c, double p_above_holm, double p_below_holm, struct ratio_test *t)
{
	t->p_above_holm = p_above_holm;
	t->p_below_holm = p_below_holm;
	if (isnan(t->p_above))
		return;
	if (isnan(c->welch_freedom)) {
		t->ratio.range = (struct interval){t->ratio.value, t->ratio.value};
		return;
	}
	t->ratio.range.low =
		ratio_range(&c->a, &c->b, corrected_t(c, t->p_above, p_above_holm)).low;
	t->ratio.range.high =
		ratio_range(&c->a, &c->b, corrected_t(c, t->p_below, p_below_holm)).high;
}

enum ratio_side ratio_test_side(const struct ratio_test *t)
{
	if (t->p_above_holm < LEVEL)
		return RATIO_ABOVE;
	return t->p_below_holm < LEVEL ? RATIO_BELOW : RATIO_UNKNOWN;
}

int ratio_tests_correct(const struct comparison *c, struct ratio_test *list, size_t n, double *room)
{
	double *above = room, *below = room + n;
	int r;

	for (size_t i = 0; i < n; i++) {
		above[i] = list[i].p_above;
		below[i] = list[i].p_below;
	}
	r = holm(above, n);
	if (r >= 0)
		r = holm(below, n);
	for (size_t i = 0; r >= 0 && i < n; i++)
		ratio_test_correct(&c[i], above[i], below[i], &list[i]);
	return r;
}

double equivalent_within(const struct comparison *c, size_t family)
{
	struct interval range;

	if (isnan(c->welch_freedom) || family == 0)
		return NAN;
	range = ratio_range(
		&c->a, &c->b, gsl_cdf_tdist_Qinv(LEVEL / (double)family, c->welch_freedom));
	return range.low > 0 ? fmax(range.high, 1 / range.low) - 1 : NAN;
}

size_t runs_to_decide(double cv_a, double cv_b, double bound, size_t family)
{
	double variance = cv_a * cv_a + cv_b * cv_b, level = LEVEL / (double)(family ? family : 1);

	if (!(variance > 0) || !(bound > 0))
		return 0;
	for (size_t n = 2; n < RUNS_MAX; n += n < 1000 ? 1 : n / 100) {
		double freedom = 2 * (double)n - 2;

		if ((gsl_cdf_tdist_Qinv(level, freedom) + gsl_cdf_tdist_Pinv(0.8, freedom)) *
				sqrt(variance / (double)n) <=
			bound)
			return n;
	}
	return 0;
}
