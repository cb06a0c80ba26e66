/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Two configurations, and the runs of one configuration, in words. */
#include <math.h>
#include <string.h>

#include "reports/explain/explain_internal.h"
#include "reports/explain/words_internal.h"
#include "reports/text/format.h"

/* A cause below this share of a difference, or of a variance, is not named. */
#define SHARE_LEAST 0.03
/* With fewer runs a variance's split describes this sample only. */
#define SPREAD_MIN 5
/* Four significant digits do not show less. */
#define SPREAD_VISIBLE 0.0001

static bool has_guest(const struct configuration *configuration)
{
	return configuration->window.state_ns[STATE_GUEST] > 0;
}

static bool is_inside(const struct configuration *configuration)
{
	return !has_guest(configuration) || is_looked_into(configuration);
}

static void say_seconds(struct verdict *v, const struct interval *range)
{
	if (!isnan(range->low))
		say(v, " [%s, %s]", format_seconds(range->low).text,
			format_seconds(range->high).text);
}

/* Two decimals are shown at most: what is less than a tenth of a second is told in milliseconds. */
#define SECONDS_LEAST 1e8

void contrast_say_causes(const struct contrast *x, bool brief, struct verdict *v)
{
	double whole = fabs(x->runtime.difference.value);
	struct naming naming = {.causes = &x->causes,
		.details = &x->details,
		.inside = is_inside(x->a) && is_inside(x->b),
		.unit = whole < SECONDS_LEAST ? 1e6 : 1e9,
		.unit_name = whole < SECONDS_LEAST ? " ms" : " s",
		.brief = brief,
		.least = SHARE_LEAST * whole};

	if (!say_causes(v, &naming))
		say(v, "none of the causes is statistically significant");
	else if (isnan(x->causes.list[0].range.low))
		say(v, NO_INTERVALS);
}

static void say_control(const struct contrast *x, struct verdict *v)
{
	const struct comparison *c = &x->runtime;

	v->good = !(c->p_holm < 0.05);
	say(v, "A/A control: %s", x->a->guest);
	if (x->a->variant != x->b->variant)
		say(v, " (%s and %s are the same)", x->a->variant, x->b->variant);
	else if (*x->a->variant)
		say(v, " (%s)", x->a->variant);
	say(v, " on %lld %s, measured as two, differs from itself by %s s", (long long)x->a->cores,
		cores_word(x->a->cores, x->a->scenario), format_seconds(c->difference.value).text);
	say_seconds(v, &c->difference.range);
	say(v, " (%s %%)", format_points(100 * (c->ratio.value - 1)).text);
	if (v->good)
		say(v, ": that is the noise floor. A smaller difference between stacks is not "
		       "reported as one");
	else
		say(v,
			", more than chance explains (%s): something else changes from run to run. "
			"Disregard differences of this size between stacks",
			format_p(c->p_holm).text);
	say(v, ".");
}

/** No difference was found: how large a one would have been? */
static void say_blindness(const struct contrast *x, struct verdict *v)
{
	const struct comparison *c = &x->runtime;

	if (c->p_holm < 0.05 && c->difference.value <= x->noise_ns) {
		say(v, ", which is within the noise of the A/A control (%s s)",
			format_seconds(x->noise_ns).text);
		return;
	}
	if (isnan(c->welch_p)) {
		say(v, " (too few runs for a test of significance)");
		return;
	}
	say(v,
		": no significant difference (%s). With these runs a difference of %s s (%s %%) "
		"would be found with a probability of 80 %%",
		format_p(isnan(c->p_holm) ? c->welch_p : c->p_holm).text,
		format_seconds(c->detectable).text,
		format_points(100 * c->detectable / x->b->runtime_ns.mean).text);
	if (c->equivalent < 1)
		say(v, "; the two are equivalent within %s %% (two one-sided tests, 5 %%)",
			format_points(100 * c->equivalent).text);
}

void contrast_say(const struct contrast *x, bool brief, struct verdict *v)
{
	const struct comparison *c = &x->runtime;

	*v = (struct verdict){.good = true};
	if (x->control) {
		say_control(x, v);
		return;
	}
	say(v, "On %lld %s %s takes %s s", (long long)x->a->cores,
		cores_word(x->a->cores, x->a->scenario), x->a->name,
		format_seconds(c->difference.value).text);
	say_seconds(v, &c->difference.range);
	say(v, " longer than %s", x->b->name);
	if (pictures_differ(x->a, x->b))
		say(v, " (" NO_PICTURE ")");
	if (!x->differs) {
		say_blindness(x, v);
	} else {
		if (isfinite(c->ratio.value))
			say(v, ", %.2f times as long", c->ratio.value);
		say(v, " (%s", format_p(c->p_holm).text);
		if (isfinite(c->hedges_g) && !brief)
			say(v, ", Hedges’ g %.1f", c->hedges_g);
		say(v, ")");
		if (x->causes.n > 0) {
			say(v, ": ");
			contrast_say_causes(x, brief, v);
		}
	}
	say(v, ".");
}

void contrast_words(const struct contrast *x, struct verdict *v)
{
	contrast_say(x, false, v);
}

static void say_repetitions(const struct spread *x, struct verdict *v)
{
	const struct repetitions *n = &x->one_percent;

	if (n->n == 0)
		return;
	if (n->n_cautious == 0 || n->n_cautious > REPETITIONS_SURE * n->n) {
		say(v, " These runs are too few to tell how many it takes to know the mean to "
		       "± 1 %%.");
		return;
	}
	say(v, " To know the mean to ± 1 %% it takes about %zu runs", repetitions_round(n->n));
	if (n->n_cautious > n->n)
		say(v, ", and %zu if σ is as large as these runs allow",
			repetitions_round(n->n_cautious));
	say(v, ".");
}

static void say_variance(const struct spread *x, struct verdict *v)
{
	struct naming naming = {.causes = &x->causes,
		.details = &x->details,
		.inside = is_inside(x->configuration),
		.unit = x->variance / 100,
		.unit_name = " %",
		.least = SHARE_LEAST * x->variance};

	if (x->causes.n == 0 || x->runtime.cv < SPREAD_VISIBLE)
		return;
	say(v, " Causes of the variance: ");
	if (isnan(x->causes.list[0].share))
		say(v, "none, they offset each other");
	else if (!say_causes(v, &naming))
		say(v, "none is statistically significant");
	else if (x->runtime.n < SPREAD_MIN)
		say(v, "; with only %zu runs this describes this sample, do not generalise from it",
			x->runtime.n);
	say(v, ".");
}

static void say_tails(const struct spread *x, struct verdict *v)
{
	for (size_t i = 0; i < x->tails.n; i++) {
		const struct tail *t = &x->tails.list[i];

		say(v, "%s%.0f %% of runs take at most %s s", i ? "; " : " ", 100 * t->quantile,
			format_seconds(t->estimate.value).text);
		say_seconds(v, &t->estimate.range);
	}
	if (x->tails.n)
		say(v, ".");
}

void spread_words(const struct spread *x, struct verdict *v)
{
	const struct description *d = &x->runtime;

	*v = (struct verdict){.good = true};
	say(v, "%s on %lld %s: ", x->configuration->name, (long long)x->configuration->cores,
		cores_word(x->configuration->cores, x->configuration->scenario));
	if (d->n == 0) {
		say(v, "no run time is known.");
		return;
	}
	say(v, "%s s", format_seconds(d->mean).text);
	if (d->n < 2) {
		say(v, " in one run: its spread is not known.");
		return;
	}
	say_seconds(v, &d->mean_interval);
	if (isnan(d->mean_interval.low))
		say(v, NO_INTERVALS);
	say(v, " in %zu runs, σ %s", d->n, format_time(d->stddev).text);
	say(v, " (CV %s %%; 95 %% interval of σ: %s to %s", format_points(100 * d->cv).text,
		format_time(d->stddev_interval.low).text,
		format_time(d->stddev_interval.high).text);
	say(v, ", assuming normally distributed run times), median %s s.",
		format_seconds(d->median).text);
	say_tails(x, v);
	say_variance(x, v);
	say_repetitions(x, v);
}
