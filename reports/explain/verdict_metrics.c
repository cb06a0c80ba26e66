/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Numbers in the program's output, in words. */
#include <math.h>
#include <stdio.h>

#include "reports/explain/words_internal.h"
#include "reports/text/format.h"

static double percent(double ratio)
{
	return 100 * fabs(ratio - 1);
}

/** " by 5.0 % [3.1, 6.9]": of the better one's. */
static void say_percent(struct verdict *v, const struct estimate *ratio)
{
	double one = percent(ratio->range.low), other = percent(ratio->range.high);

	if (!(ratio->value > 0))
		return;
	say(v, " by %s %%", format_points(percent(ratio->value)).text);
	if (interval_excludes(&ratio->range, 1))
		say(v, " [%s, %s]", format_points(fmin(one, other)).text,
			format_points(fmax(one, other)).text);
}

static void say_best(const struct contrast *x, struct verdict *v)
{
	const struct configuration_metric *best = configuration_metric(x->b, x->metric->name);
	const char *wish = output_wish_name(best->wish);

	say(v, "%.*s on %lld %s: %s for %.*s", said_of(best->name), best->name,
		(long long)x->b->cores, cores_word(x->b->cores, x->b->scenario),
		format_number(best->known.mean).text, said_of(x->b->name), x->b->name);
	if (wish)
		say(v, " (%s is better)", wish);
}

static void say_other(const struct contrast *x, struct verdict *v)
{
	const struct configuration_metric *here = x->metric,
					  *best = configuration_metric(x->b, here->name);

	say(v, "; %s for %.*s, %s", format_number(here->known.mean).text, said_of(x->a->name),
		x->a->name, here->known.mean > best->known.mean ? "higher" : "lower");
	say_percent(v, &x->values.ratio);
	say(v, " (%s)", format_p(x->values.p_holm).text);
}

/** A difference from the best stack of its cores, which is no control's. */
static bool is_said(const struct explanation *e, const struct contrast *x)
{
	return x->differs && !x->control &&
	       contrast_is_with_best(e->metric_contrasts, e->n_metric_contrasts, x);
}

static bool are_together(const struct contrast *x, const struct contrast *y)
{
	return x->b == y->b && x->metric->name == y->metric->name;
}

static bool is_first(const struct explanation *e, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (are_together(&e->metric_contrasts[k], &e->metric_contrasts[i]) &&
			is_said(e, &e->metric_contrasts[k]))
			return false;
	return true;
}

void verdicts_of_metrics(const struct explanation *e, struct verdicts *v)
{
	const struct contrast *list = e->metric_contrasts;

	for (size_t i = 0; i < e->n_metric_contrasts; i++) {
		struct verdict *verdict;

		if (!is_said(e, &list[i]) || !is_first(e, i) ||
			!verdict_is_about(v, e->summary, list[i].b))
			continue;
		verdict = verdict_begin(v, true);
		say_best(&list[i], verdict);
		for (size_t k = i; k < e->n_metric_contrasts; k++)
			if (are_together(&list[k], &list[i]) && is_said(e, &list[k]))
				say_other(&list[k], verdict);
		say(verdict, ".");
	}
}
