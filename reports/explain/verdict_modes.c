/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Values that come in several heaps, and why, in words. */
#include <math.h>

#include "reports/explain/explain_internal.h"
#include "reports/explain/words_internal.h"
#include "reports/text/format.h"

/* Modes that are closer than that share of their middle are left to the tables. */
#define VISIBLE 0.01
/* A cause, or a step of the boot, below this share of the difference is not named. */
#define SHARE_LEAST 0.05
#define STEPS_NAMED 3

static bool is_visible(const struct modes *m, double middle)
{
	return m->n >= 2 && m->list[m->n - 1].median - m->list[0].median > VISIBLE * fabs(middle);
}

/* A boot that takes next to nothing of a run may do so in any way. */
static bool is_boot_visible(const struct spread *x)
{
	double run = x->runtime.n ? x->runtime.median : 0;

	return is_visible(&x->boot_modes, x->boot.median + run);
}

static struct format_text as_time(double ns)
{
	return format_time(ns);
}

/* "has two modes: 12 runs near 99.0 ms, 8 near 117 ms (dip test, p = 0.002)" */
static void say_modes(
	struct verdict *v, const struct modes *m, struct format_text (*format)(double value))
{
	static const char *const numbers[] = {"no", "one", "two", "three", "four", "five", "six"};

	_Static_assert(sizeof(numbers) / sizeof(numbers[0]) == MODES_MAX + 1, "a word for each");
	say(v, " %s modes: ", numbers[m->n]);
	for (size_t i = 0; i < m->n; i++)
		say(v, "%s%zu%s near %s", i ? ", " : "", m->list[i].n, i ? "" : " runs",
			format(m->list[i].median).text);
	say(v, " (dip test, p %s %.3f)", m->p < 0.0015 ? "≤" : "=", m->p);
}

static void say_of(struct verdict *v, const struct configuration *c)
{
	say(v, "%.*s on %lld %s", said_of(c->name), c->name, (long long)c->cores,
		cores_word(c->cores, c->scenario));
}

static void say_gap_head(struct verdict *v, const struct modes *m, size_t i)
{
	say(v, ". Near %s in place of %s: ", format_time(m->list[i + 1].median).text,
		format_time(m->list[i].median).text);
}

static void say_causes_of(struct verdict *v, const struct mode_gap *g)
{
	const struct contrast *x = &g->contrast;
	const bool short_times = fabs(x->runtime.difference.value) < 1e9;
	const struct naming naming = {.causes = &x->causes,
		.details = &x->details,
		.inside = is_looked_into(&g->slow) || g->slow.window.state_ns[STATE_GUEST] <= 0,
		.unit = short_times ? 1e6 : 1e9,
		.unit_name = short_times ? " ms" : " s",
		.brief = true,
		.least = SHARE_LEAST * fabs(x->runtime.difference.value)};

	if (x->causes.n == 0 || !say_causes(v, &naming))
		say(v, "no single cause can be distinguished from noise");
}

static void say_steps(struct verdict *v, const struct mode_gap *g)
{
	double whole = 0;
	size_t named = 0;

	for (size_t i = 0; i < g->boot.n; i++)
		whole += g->boot.list[i].ns;
	for (size_t i = 0; i < g->boot.n && named < STEPS_NAMED; i++) {
		const struct boot_change *c = &g->boot.list[i];

		if (fabs(c->ns) < SHARE_LEAST * fabs(whole))
			continue;
		say(v, "%s%s%s in step %.*s", named++ ? ", " : "", c->ns < 0 ? "−" : "+",
			format_time(fabs(c->ns)).text, said_of(c->name), c->name);
	}
	if (named == 0)
		say(v, "the boot's steps are not known");
}

static void say_runtime(const struct spread *x, struct verdicts *v)
{
	struct verdict *verdict = verdict_begin(v, false);

	say_of(verdict, x->configuration);
	say(verdict, " has");
	say_modes(verdict, &x->modes, as_time);
	for (size_t i = 0; i < x->gaps.n; i++) {
		say_gap_head(verdict, &x->modes, i);
		say_causes_of(verdict, &x->gaps.list[i]);
	}
	say(verdict, ".");
}

static void say_boot(const struct spread *x, struct verdicts *v)
{
	struct verdict *verdict = verdict_begin(v, false);

	say(verdict, "The boot of ");
	say_of(verdict, x->configuration);
	say(verdict, " has");
	say_modes(verdict, &x->boot_modes, as_time);
	for (size_t i = 0; i < x->boot_gaps.n; i++) {
		say_gap_head(verdict, &x->boot_modes, i);
		say_steps(verdict, &x->boot_gaps.list[i]);
	}
	say(verdict, ".");
}

static void say_metric(const struct spread *x, struct verdicts *v)
{
	struct verdict *verdict = verdict_begin(v, false);

	say(verdict, "%.*s of ", said_of(x->metric->name), x->metric->name);
	say_of(verdict, x->configuration);
	say(verdict, " has");
	say_modes(verdict, &x->modes, format_number);
	say(verdict, ".");
}

void verdicts_of_modes(const struct explanation *e, struct verdicts *v)
{
	for (size_t i = 0; i < e->n_spreads; i++) {
		if (is_visible(&e->spreads[i].modes, e->spreads[i].runtime.median))
			say_runtime(&e->spreads[i], v);
		if (is_boot_visible(&e->spreads[i]))
			say_boot(&e->spreads[i], v);
	}
	for (size_t i = 0; i < e->n_metrics; i++)
		if (is_visible(&e->metrics[i].modes, e->metrics[i].values.median))
			say_metric(&e->metrics[i], v);
}
