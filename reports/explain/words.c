/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/detail_words.h"
#include "common/utf8.h"
#include "reports/explain/explain_internal.h"
#include "reports/explain/words_internal.h"
#include "reports/text/format.h"
#include "reports/text/text.h"

/* More causes than this are more than a reader takes in. */
#define NAMED_MAX   6
#define NAMED_BRIEF 3
/* A detail with this share of its cause is what the cause is mostly made of. */
#define MOSTLY 0.5

void say(struct verdict *v, const char *format, ...)
{
	size_t used = strlen(v->text);
	va_list ap;

	va_start(ap, format);
	vsnprintf(v->text + used, sizeof(v->text) - used, format, ap);
	va_end(ap);
	/* A cut must not leave half a character behind. */
	if (strlen(v->text) + 1 == sizeof(v->text)) {
		size_t end = strlen(v->text);

		while (end > 0 && ((unsigned char)v->text[end - 1] & 0xc0) == 0x80)
			end--;
		if (end > 0)
			v->text[end - 1] = '\0';
	}
}

/* Of the programs that are ours mandelbrot alone makes one; "own" is that with other arguments. */
static bool makes_picture(const struct configuration *c)
{
	static const char *const scenarios[] = {"quick", "paper-1", "paper-2", "own"};

	for (size_t i = 0; i < ARRAY_SIZE(scenarios); i++)
		if (strcmp(c->scenario, scenarios[i]) == 0)
			return true;
	return false;
}

bool pictures_differ(const struct configuration *a, const struct configuration *b)
{
	return makes_picture(a) &&
	       (strcmp(a->guest, "bare") == 0) != (strcmp(b->guest, "bare") == 0);
}

struct format_text format_p(double p)
{
	struct format_text t;

	if (p < 0.001)
		strcpy(t.text, "p < 0.001");
	else
		snprintf(t.text, sizeof(t.text), "p = %.*f", p < 0.1 ? 3 : 2, p);
	return t;
}

struct format_text format_points(double value)
{
	struct format_text t;
	double size = fabs(value);

	if (!isfinite(value))
		return (struct format_text){"-"};
	snprintf(t.text, sizeof(t.text), "%.*f", size < 1 ? 2 : size < 10 ? 1 : 0, value);
	/* "-0.0" looks like more than nothing. */
	if (strtod(t.text, NULL) == 0 && t.text[0] == '-')
		memmove(t.text, t.text + 1, strlen(t.text));
	return t;
}

int said_of(const char *name)
{
	return (int)utf8_within(name, 64);
}

bool is_looked_into(const struct configuration *configuration)
{
	for (size_t i = 0; i < configuration->n_details; i++)
		if (configuration->details[i].state == STATE_GUEST &&
			*configuration->details[i].detail)
			return true;
	return false;
}

static const char *const cause_titles[TERM_COUNT] = {
	[STATE_NONE] = "unknown states",
	[STATE_ONCPU] = "time on the CPU (user or kernel not known)",
	[STATE_VMM] = "the hypervisor’s own code",
	[STATE_KERNEL] = "the host’s kernel",
	[STATE_IRQ] = "interrupts",
	[STATE_PREEMPTED] = "preempted",
	[STATE_WAKEUP] = "waking up (woken, waiting for a CPU)",
	[STATE_BLOCKED] = "blocked",
	[STATE_THROTTLED] = "throttled by a quota",
	[TERM_RESIDUAL] = "not accounted for",
	[TERM_LOST_PARALLELISM] =
		"parallelism lost in the guest (a vCPU idle, a thread queued for another)",
	[TERM_DOUBLE_SCHEDULING] =
		"double scheduling (preempted while threads of the guest were queued)",
};

void say_state(struct verdict *v, int state)
{
	if (state == STATE_USER)
		say(v, "the program’s own code");
	else if (state == STATE_GUEST)
		say(v, "the guest");
	else
		say(v, "%s", cause_titles[state]);
}

/** The value of a cause's detail, over all phases that the cause is of. */
static double detail_value(const struct naming *n, int state, const char *detail)
{
	double value = 0;

	for (size_t i = 0; i < n->details->n; i++) {
		const struct term *t = &n->details->list[i];

		if (t->state == state && same_text(t->detail, detail) &&
			!scaling_is_serial(n->scaling, t->phase))
			value += t->value;
	}
	return value;
}

static void say_detail(struct verdict *v, const struct naming *n, const struct term *cause)
{
	const char *best = NULL;
	double most = 0;

	for (size_t i = 0; i < n->details->n; i++) {
		const struct term *t = &n->details->list[i];
		double value;

		if (t->state != cause->state || !t->detail || !*t->detail ||
			scaling_is_serial(n->scaling, t->phase))
			continue;
		value = detail_value(n, t->state, t->detail) / cause->value;
		if (value > most) {
			most = value;
			best = t->detail;
		}
	}
	if (best && most >= MOSTLY)
		say(v, " (%s%.*s)", most > 0.95 ? "" : "mostly ", said_of(best), best);
}

static void say_name(struct verdict *v, const struct naming *n, const struct term *t)
{
	if (t->state < 0) {
		say(v, "the serial phase %.*s", said_of(t->phase), t->phase);
	} else if (t->state == STATE_USER) {
		say(v, n->inside ? "the program’s own code" : "the program or guest code");
		if (n->about_program)
			n->about_program(v, n->userdata);
	} else if (t->state == STATE_GUEST && strcmp(t->detail, DETAIL_OTHER) == 0) {
		say(v, "the guest’s kernel outside of its named subsystems");
	} else if (t->state == STATE_GUEST) {
		say(v, "the guest’s %.*s", said_of(t->detail), t->detail);
	} else if (t->state == STATE_PREEMPTED && t->detail) {
		say(v, "preempted by %s", t->detail);
	} else {
		say(v, "%s", cause_titles[t->state]);
		say_detail(v, n, t);
	}
}

/** A term that can be named: large enough, and its interval, where there is one, excludes 0. */
static bool is_certain(const struct naming *n, const struct term *t)
{
	if (fabs(t->value) < n->least)
		return false;
	return isnan(t->range.low) || interval_excludes(&t->range, 0);
}

/* One cause of the rest that is most of it deserves its name, too. */
static void say_rest(
	struct verdict *v, const struct naming *n, double rest, const struct term *largest)
{
	say(v, "; the remaining %s%s", format_points(rest / n->unit).text, n->unit_name);
	if (largest->value / rest > MOSTLY) {
		say(v, ", most of it ");
		say_name(v, n, largest);
		say(v, ", is not statistically significant");
	} else {
		say(v, " is spread over causes that are small or not statistically significant");
	}
}

bool say_causes(struct verdict *v, const struct naming *n)
{
	const struct term *largest = NULL;
	size_t named = 0, max = n->brief ? NAMED_BRIEF : NAMED_MAX;
	double rest = 0;

	for (size_t i = 0; i < n->causes->n; i++) {
		const struct term *t = &n->causes->list[i];

		if (named == max || !is_certain(n, t)) {
			rest += t->value;
			if (!largest || fabs(t->value) > fabs(largest->value))
				largest = t;
			continue;
		}
		say(v, "%s%s%s", named ? ", " : "", format_points(t->value / n->unit).text,
			n->unit_name);
		if (!n->brief && !isnan(t->range.low))
			say(v, " [%s, %s]", format_points(t->range.low / n->unit).text,
				format_points(t->range.high / n->unit).text);
		say(v, " ");
		say_name(v, n, t);
		named++;
	}
	if (!n->brief && named && largest && fabs(rest) >= n->least)
		say_rest(v, n, rest, largest);
	return named > 0;
}
