/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/explain/words_internal.h"
#include "reports/text/format.h"
#include "reports/text/text.h"

struct verdict *verdict_begin(struct verdicts *v, bool good)
{
	static struct verdict spare;
	struct verdict *verdict = v->n < v->max ? &v->list[v->n++] : &spare;

	*verdict = (struct verdict){.good = good};
	return verdict;
}

struct verdict *verdict_judge(struct verdicts *v, bool good)
{
	struct verdict *verdict = verdict_begin(v, good);

	verdict->fault = !good;
	return verdict;
}

/** Configurations that are compared with each other: those that @has with @first. */
struct row {
	const struct configuration *first;
	bool (*has)(const struct configuration *a, const struct configuration *b);
};

static size_t group_size(const struct summary *s, const struct configuration *configuration)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_configurations; i++)
		n += configurations_are_beside(&s->configurations[i], configuration);
	return n;
}

bool verdict_is_about(const struct verdicts *v, const struct summary *s,
	const struct configuration *configuration)
{
	size_t own = group_size(s, configuration);

	for (size_t i = 0; v->brief && i < s->n_configurations; i++) {
		const struct configuration *other = &s->configurations[i];
		size_t n = group_size(s, other);

		if (other->scenario == configuration->scenario &&
			(n > own || (n == own && other->cores > configuration->cores)))
			return false;
	}
	return true;
}

static const struct contrast *contrast_of(
	const struct explanation *e, const struct configuration *a, const struct configuration *b)
{
	for (size_t i = 0; i < e->n_contrasts; i++) {
		const struct contrast *x = &e->contrasts[i];

		if ((x->a == a && x->b == b) || (x->a == b && x->b == a))
			return x;
	}
	return NULL;
}

/** Of the row's configurations the one with the shortest mean run time; and how many have one. */
static const struct configuration *fastest(
	const struct summary *s, const struct row *row, size_t *ret_with_time)
{
	const struct configuration *best = NULL;
	size_t n = 0;

	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct configuration *configuration = &s->configurations[i];

		if (!row->has(row->first, configuration) || configuration->runtime_ns.n == 0)
			continue;
		n++;
		if (!best || configuration->runtime_ns.mean < best->runtime_ns.mean)
			best = configuration;
	}
	*ret_with_time = n;
	return best;
}

static void say_against(
	struct verdict *v, const struct contrast *x, const struct configuration *configuration)
{
	const struct comparison *c = &x->runtime;

	if (!isfinite(c->ratio.value)) {
		say(v, "; %s takes longer", configuration->name);
		return;
	}
	say(v, "; %s takes %.2f times as long", configuration->name, c->ratio.value);
	if (!isnan(c->ratio.range.low))
		say(v, " [%.2f, %.2f]", c->ratio.range.low, c->ratio.range.high);
	if (isnan(c->p_holm) && !(x->a->runtime_ns.n >= 2 && x->b->runtime_ns.n >= 2))
		say(v, " (too few runs for a test of significance)");
	else if (!x->differs && c->p_holm < 0.05 && !x->control)
		say(v, " (within the noise of the A/A control)");
	else if (!x->differs)
		say(v, " (no significant difference)");
}

static void compare_row(const struct explanation *e, const struct row *row, struct verdicts *v)
{
	const struct configuration *first = row->first;
	const struct summary *s = e->summary;
	size_t n = 0;
	const struct configuration *best = fastest(s, row, &n);
	struct verdict *verdict;
	bool pictures = false;

	if (n < 2)
		return;
	verdict = verdict_begin(v, true);
	say(verdict, "On %lld %s %s has the shortest mean run time, %s s (n = %zu)",
		(long long)first->cores, cores_word(first->cores, first->scenario), best->name,
		format_spread(&best->runtime_ns).text, best->runtime_ns.n);
	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct configuration *configuration = &s->configurations[i];
		const struct contrast *x;

		if (!row->has(first, configuration) || configuration == best)
			continue;
		x = contrast_of(e, configuration, best);
		if (x)
			say_against(verdict, x, configuration);
		pictures |= pictures_differ(configuration, best);
	}
	say(verdict, "%s.", pictures ? "; " NO_PICTURE : "");
}

/** The first thing to know: which one is slowest against the fastest, by how much, and why. */
static void explain_slowest(const struct explanation *e, const struct row *row, struct verdicts *v)
{
	const struct summary *s = e->summary;
	size_t n = 0;
	const struct configuration *best = fastest(s, row, &n);
	const struct contrast *worst = NULL;

	for (size_t i = 0; i < s->n_configurations && n >= 2; i++) {
		const struct contrast *x = row->has(row->first, &s->configurations[i])
						   ? contrast_of(e, &s->configurations[i], best)
						   : NULL;

		if (x && x->differs && !x->control && x->a != best &&
			(!worst || x->runtime.ratio.value > worst->runtime.ratio.value))
			worst = x;
	}
	if (worst)
		contrast_say(worst, v->brief, verdict_begin(v, true));
}

/** Is there another variant of the stack, or another stack in the variant? */
static bool row_has_two(const struct summary *s, const struct row *row)
{
	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct configuration *c = &s->configurations[i];

		if (row->has(row->first, c) &&
			(c->guest != row->first->guest || c->variant != row->first->variant))
			return true;
	}
	return false;
}

static bool begins_row(const struct summary *s, const struct row *row)
{
	for (const struct configuration *c = s->configurations; c < row->first; c++)
		if (row->has(row->first, c))
			return false;
	return true;
}

/** All variants of each stack of @first's group, then all stacks in each variant. */
static void each_row(const struct explanation *e, const struct configuration *first,
	void (*tell)(const struct explanation *e, const struct row *row, struct verdicts *v),
	struct verdicts *v)
{
	const struct summary *s = e->summary;

	for (int turn = 0; turn < 2; turn++) {
		for (size_t i = 0; i < s->n_configurations; i++) {
			const struct row row = {&s->configurations[i],
				turn ? configurations_are_stacks : configurations_are_variants};

			if (!configurations_are_beside(first, row.first) || !begins_row(s, &row))
				continue;
			/* The two of an A/A control alone are stacks, where there are no variants. */
			if (row_has_two(s, &row) || (turn && !*row.first->variant))
				tell(e, &row, v);
		}
	}
}

static void compare_group(
	const struct explanation *e, const struct configuration *first, struct verdicts *v)
{
	if (configuration_is_noise(first))
		verdict_of_noise(e, first, v);
	else
		each_row(e, first, compare_row, v);
}

static void report_controls(const struct explanation *e, struct verdicts *v)
{
	for (size_t i = 0; i < e->n_contrasts; i++)
		if (e->contrasts[i].control &&
			(e->contrasts[i].runtime.p_holm < 0.05 ||
				verdict_is_about(v, e->summary, e->contrasts[i].a)))
			contrast_words(&e->contrasts[i], verdict_begin(v, true));
}

/** Of the stack's speed-ups, is it that on the most cores? A length that is set has none. */
static bool is_of_most_cores(const struct explanation *e, const struct scaling *x)
{
	if (configuration_is_noise(x->many))
		return false;
	for (size_t i = 0; i < e->n_scalings; i++)
		if (e->scalings[i].many->name == x->many->name &&
			e->scalings[i].many->cores > x->many->cores)
			return false;
	return true;
}

/** The one that loses most efficiency, if that is more than chance. */
static void explain_worst_speedup(const struct explanation *e, struct verdicts *v)
{
	const struct scaling *worst = NULL;

	for (size_t i = 0; i < e->n_scalings; i++) {
		const struct scaling *x = &e->scalings[i];

		if (is_of_most_cores(e, x) && x->efficiency.range.high < 1 &&
			(!worst || x->efficiency.value < worst->efficiency.value))
			worst = x;
	}
	if (worst)
		scaling_say(worst, true, verdict_begin(v, true));
}

/** Of each stack, the most cores it was measured on: why that is not so many times as fast. */
static void explain_speedup(const struct explanation *e, struct verdicts *v)
{
	for (size_t i = 0; i < e->n_scalings; i++)
		if (is_of_most_cores(e, &e->scalings[i]))
			scaling_words(&e->scalings[i], verdict_begin(v, true));
}

/** The configuration whose runs differ most: why. */
static void explain_spread(const struct explanation *e, struct verdicts *v)
{
	const struct spread *worst = NULL;

	for (size_t i = 0; i < e->n_spreads; i++)
		if (e->spreads[i].runtime.n >= 2 &&
			(!worst || e->spreads[i].runtime.cv > worst->runtime.cv))
			worst = &e->spreads[i];
	if (!worst)
		return;
	spread_words(worst, verdict_begin(v, true));
	if (e->n_spreads > 1 && strlen(v->list[v->n - 1].text) + 32 < sizeof(v->list->text)) {
		static const char title[] = "Run times vary most for ";
		struct verdict *verdict = &v->list[v->n - 1];

		memmove(verdict->text + strlen(title), verdict->text, strlen(verdict->text) + 1);
		memcpy(verdict->text, title, strlen(title));
	}
}

/** The largest state that is not the program's own progress, or -1. */
static int largest_loss(const struct book *book)
{
	int worst = -1;

	for (int i = 0; i < STATE_COUNT; i++)
		if (i != STATE_GUEST && i != STATE_USER && book->state_ns[i] > 0 &&
			(worst < 0 || book->state_ns[i] > book->state_ns[worst]))
			worst = i;
	return worst;
}

static void name_losses(
	const struct summary *s, const struct configuration *first, struct verdicts *v)
{
	struct verdict *verdict = NULL;

	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct book *book = &s->configurations[i].window;
		int worst;

		if (!configurations_are_beside(&s->configurations[i], first) ||
			!book->has_accounts || book->lane_time_ns <= 0)
			continue;
		worst = largest_loss(book);
		if (!verdict) {
			verdict = verdict_begin(v, true);
			say(verdict,
				"Share of the lanes' time on %lld %s spent in program or guest "
				"code, "
				"and the largest other share: ",
				(long long)first->cores, cores_word(first->cores, first->scenario));
		} else {
			say(verdict, "; ");
		}
		say(verdict, "%s %s %%", s->configurations[i].name,
			format_percent(book->state_ns[STATE_GUEST] + book->state_ns[STATE_USER],
				book->lane_time_ns)
				.text);
		if (worst >= 0)
			say(verdict, ", %s %s %%", state_label(worst),
				format_percent(book->state_ns[worst], book->lane_time_ns).text);
	}
	if (verdict)
		say(verdict, ".");
}

void say_in_runs(struct verdict *v, size_t n, size_t of)
{
	if (of == 1)
		say(v, n ? "in the one measured run" : "in no measured run");
	else if (n == of)
		say(v, "in all %zu measured runs", of);
	else if (n == 0)
		say(v, "in none of the %zu measured runs", of);
	else
		say(v, "in %zu of %zu measured runs", n, of);
}

/** All is well, in one sentence. */
static void say_sound(const struct summary *s, struct verdicts *v)
{
	struct verdict *verdict = verdict_begin(v, true);

	if (s->n_ok == 1)
		say(verdict, "In the one measured run");
	else
		say(verdict, "In %zu/%zu measured runs", s->n_ok, s->n_ok);
	say(verdict, " the books close, and independent clocks agree with them");
	if (s->n_warmups)
		say(verdict, "; %zu warm-up %s not included", s->n_warmups,
			s->n_warmups == 1 ? "run is" : "runs are");
	say(verdict, ".");
}

/** What is known of how far all runs can be trusted. */
struct trust {
	size_t closed, audited, unknown;
	int64_t lost;
	double worst; /**< NAN: not known */
	const struct store_audit *farthest;
};

static struct trust trust_of(const struct summary *s)
{
	struct trust t = {.worst = NAN};

	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct configuration *configuration = &s->configurations[i];

		t.closed += configuration->n_closed;
		t.audited += configuration->n_audited;
		t.unknown += configuration->n_not_audited;
		t.lost += configuration->lost_events;
		if (!isnan(configuration->audit_worst) &&
			!(configuration->audit_worst <= t.worst)) {
			t.worst = configuration->audit_worst;
			t.farthest = configuration->audit_farthest;
		}
	}
	return t;
}

static void judge_closing(const struct summary *s, const struct trust *t, struct verdict *verdict)
{
	say(verdict, "The books close (the states of every lane sum to wall time) ");
	say_in_runs(verdict, t->closed, s->n_ok);
	if (s->n_warmups)
		say(verdict, " (warm-up runs are not counted)");
	if (t->lost > 0)
		say(verdict, "; %lld events could not be recorded", (long long)t->lost);
	say(verdict, ".");
}

/* "in run 3, lane 1, phase render: run-queue wait, by the scheduler's own account 12.1 ms, by the books 10.0 ms; up to 1.1 ms
 * apart count as agreement" */
static void say_farthest(struct verdict *verdict, const struct store_audit *a)
{
	const char *clock = audit_clock(a->what);

	say(verdict, "; they differ most in run %lld", (long long)a->run);
	if (a->lane >= 0)
		say(verdict, ", lane %lld", (long long)a->lane);
	say(verdict, ", phase %.*s: %s is %s, the books have %s", said_of(a->phase), a->phase,
		*clock ? clock : a->what, format_time((double)a->other_ns).text,
		format_time((double)a->books_ns).text);
	say(verdict, " (%s apart; up to %s count as agreement)",
		format_time(fabs((double)a->books_ns - (double)a->other_ns)).text,
		format_time((double)a->bound_ns).text);
}

static void judge_audits(const struct summary *s, const struct trust *t, struct verdict *verdict)
{
	say(verdict, "Independent clocks agree with the books (audited) ");
	say_in_runs(verdict, t->audited, s->n_ok);
	if (t->unknown > 0)
		say(verdict,
			" (%zu could not be audited: none of their lanes was seen to start and stop "
			"running, so there was nothing to compare)",
			t->unknown);
	if (t->worst > 1 && t->farthest)
		say_farthest(verdict, t->farthest);
	else if (t->worst >= 0)
		say(verdict, "; the largest deviation is %.0f %% of the tolerance", 100 * t->worst);
	say(verdict, ".");
}

static void judge_books(const struct summary *s, struct verdicts *v)
{
	const struct trust t = trust_of(s);
	bool closed = t.closed == s->n_ok && (!v->brief || t.lost == 0);
	bool audited = t.audited == s->n_ok;

	if (s->n_ok == 0)
		return;
	if (v->brief && closed && audited)
		say_sound(s, v);
	if (!v->brief || !closed)
		judge_closing(s, &t, verdict_judge(v, closed));
	if (!v->brief || !audited)
		judge_audits(s, &t, verdict_judge(v, audited));
}

static const char *failure_of(const struct store_run *run)
{
	return run->error ? run->error : "no reason recorded";
}

/* How many of the failed runs from @i on failed with the words of @i; 0 if one before did. */
static size_t failed_alike(const struct store_tables *t, size_t i)
{
	size_t n = 0;

	for (size_t k = 0; k < t->n_runs; k++) {
		if (t->runs[k].ok || strcmp(failure_of(&t->runs[k]), failure_of(&t->runs[i])) != 0)
			continue;
		if (k < i)
			return 0;
		n++;
	}
	return n;
}

struct what_ran {
	char text[160];
};

/* "osv on 2 cores, repetition 3" */
static struct what_ran what_ran(const struct store_run *run)
{
	struct what_ran ret;
	_cleanup_free_ char *stack = text_stack(run->guest, run->variant, "");

	snprintf(ret.text, sizeof(ret.text), "%.*s on %lld %s, %s %lld",
		said_of(stack ? stack : run->guest), stack ? stack : run->guest,
		(long long)run->cores, cores_word(run->cores, run->scenario),
		run->counted ? "repetition" : "warm-up", (long long)run->repetition);
	return ret;
}

static void name_failures(const struct summary *s, struct verdicts *v)
{
	const struct store_tables *t = store_tables(s->store);

	for (size_t i = 0; i < t->n_runs; i++) {
		const struct store_run *run = &t->runs[i];
		size_t n = run->ok ? 0 : failed_alike(t, i);

		if (n == 1)
			say(verdict_judge(v, false), "Run %lld failed (%s): %s", (long long)run->id,
				what_ran(run).text, failure_of(run));
		else if (n > 1)
			say(verdict_judge(v, false),
				"%zu runs failed in the same way, the first of them run %lld (%s): %s",
				n, (long long)run->id, what_ran(run).text, failure_of(run));
	}
}

/** Is it the first of its group, and is that one to be told of? */
static bool begins_group(const struct summary *s, size_t i, const struct verdicts *v)
{
	return (i == 0 || !configurations_are_beside(
				  &s->configurations[i], &s->configurations[i - 1])) &&
	       verdict_is_about(v, s, &s->configurations[i]);
}

static void fill(const struct explanation *e, struct verdicts *v)
{
	const struct summary *s = e->summary;

	if (s->n_runs == 0)
		say(verdict_judge(v, false), "%s",
			s->n_warmups ? "There are only warm-up runs, which do not count: nothing "
				       "can be said of run times."
				     : "The store holds no runs.");
	for (size_t i = 0; i < s->n_configurations; i++)
		if (begins_group(s, i, v) && !configuration_is_noise(&s->configurations[i]))
			each_row(e, &s->configurations[i], explain_slowest, v);
	for (size_t i = 0; i < s->n_configurations; i++)
		if (begins_group(s, i, v))
			compare_group(e, &s->configurations[i], v);
	verdicts_of_metrics(e, v);
	report_controls(e, v);
	if (v->brief)
		explain_worst_speedup(e, v);
	else
		explain_speedup(e, v);
	for (size_t i = 0; i < s->n_configurations && !v->brief; i++)
		if (begins_group(s, i, v) && !configuration_is_alone(s, &s->configurations[i]))
			name_losses(s, &s->configurations[i], v);
	for (size_t i = 0; i < s->n_configurations && !v->brief; i++)
		verdicts_of_queues(&s->configurations[i], v);
	for (size_t i = 0; i < s->n_configurations; i++)
		if (verdict_is_about(v, s, &s->configurations[i]))
			verdicts_of_detours(&s->configurations[i], v);
	if (!v->brief)
		explain_spread(e, v);
	verdicts_of_until(s, v);
	verdicts_of_modes(e, v);
	verdicts_of_order(e, v);
	verdicts_of_clocks(s, v);
	verdicts_of_output(s, v);
	judge_books(s, v);
	for (size_t i = 0; i < s->n_configurations; i++)
		if (begins_group(s, i, v) && configuration_is_alone(s, &s->configurations[i]))
			verdict_of_time(e, &s->configurations[i], v);
	name_failures(s, v);
}

size_t explanation_verdicts(const struct explanation *e, struct verdict *ret, size_t max)
{
	struct verdicts v = {.list = ret, .max = max};

	fill(e, &v);
	return v.n;
}

static int rank(const struct verdict *v)
{
	return v->fault ? 0 : v->good ? 1 : 2;
}

size_t explanation_brief(const struct explanation *e, struct verdict *ret, size_t max)
{
	struct verdicts v = {.list = ret, .max = max, .brief = true};

	fill(e, &v);
	/* Few, and those of a rank stay in their order. */
	for (size_t i = 1; i < v.n; i++) {
		for (size_t k = i; k > 0 && rank(&ret[k]) < rank(&ret[k - 1]); k--) {
			struct verdict swap = ret[k];

			ret[k] = ret[k - 1];
			ret[k - 1] = swap;
		}
	}
	return v.n;
}
