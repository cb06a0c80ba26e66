/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Where the time of one stack went, where there is no other one to compare it with. */
#include <string.h>

#include "common/detail_words.h"
#include "reports/explain/words_internal.h"
#include "reports/text/format.h"

#define STATES_NAMED 5
/* Less than that share of the lanes' time is no sentence's matter. */
#define SHARE_LEAST 0.01
/* A detail with this share of its state is what the state is mostly made of. */
#define MOSTLY 0.5

bool configuration_is_alone(const struct summary *s, const struct configuration *configuration)
{
	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct configuration *other = &s->configurations[i];

		if (other != configuration && configurations_are_beside(other, configuration))
			return false;
	}
	return true;
}

static void say_detail(
	struct verdict *v, const struct configuration *configuration, int state, double whole)
{
	for (size_t i = 0; i < configuration->n_details; i++) {
		const struct book_detail *d = &configuration->details[i];

		if ((int)d->state != state || !d->detail || !*d->detail)
			continue;
		/* The largest comes first. */
		if (d->ns >= MOSTLY * whole)
			say(v, " (%s%.*s)", d->ns > 0.95 * whole ? "" : "mostly ",
				said_of(d->detail), d->detail);
		return;
	}
}

static int largest_below(const struct book *book, const bool *told)
{
	int best = -1;

	for (int i = 0; i < STATE_COUNT; i++)
		if (!told[i] && book->state_ns[i] >= SHARE_LEAST * book->lane_time_ns &&
			(best < 0 || book->state_ns[i] > book->state_ns[best]))
			best = i;
	return best;
}

void verdict_of_time(
	const struct explanation *e, const struct configuration *configuration, struct verdicts *v)
{
	const struct book *book = &configuration->window;
	const struct top_function *top = &e->tops[configuration - e->summary->configurations];
	bool told[STATE_COUNT] = {false};
	struct verdict *verdict;
	int state;

	if (!book->has_accounts || !(book->lane_time_ns > 0) || largest_below(book, told) < 0)
		return;
	verdict = verdict_begin(v, true);
	say(verdict, "Where the lanes’ time of %s on %lld %s went: ", configuration->name,
		(long long)configuration->cores,
		cores_word(configuration->cores, configuration->scenario));
	for (int n = 0; n < STATES_NAMED && (state = largest_below(book, told)) >= 0; n++) {
		say(verdict, "%s%s %% ", n ? ", " : "",
			format_percent(book->state_ns[state], book->lane_time_ns).text);
		say_state(verdict, state);
		say_detail(verdict, configuration, state, book->state_ns[state]);
		told[state] = true;
	}
	if (top->symbol && *top->symbol)
		say(verdict, "; most samples on a CPU are in %.*s (%s %%)", said_of(top->symbol),
			top->symbol, format_points(100 * top->share).text);
	say(verdict, ".");
}

/* Above that share of the lanes' time a program that waits to write is worth a word. */
#define WRITING_LEAST 0.02

void verdicts_of_output(const struct summary *s, struct verdicts *v)
{
	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct configuration *c = &s->configurations[i];

		for (size_t k = 0; k < c->n_details; k++) {
			const struct book_detail *d = &c->details[k];

			if (d->state != STATE_BLOCKED || !d->detail ||
				strcmp(d->detail, DETAIL_WRITE_PIPE) != 0 ||
				!(d->ns >= WRITING_LEAST * d->lane_time_ns))
				continue;
			say(verdict_begin(v, false),
				"%s on %lld %s: %s %% of the lanes’ time the program waited to write to a "
				"pipe, be it its output or another process of its own. Less output, or "
				"output to a file, makes it faster.",
				c->name, (long long)c->cores, cores_word(c->cores, c->scenario),
				format_percent(d->ns, d->lane_time_ns).text);
		}
	}
}
