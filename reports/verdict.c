/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/format.h"
#include "reports/summary.h"

struct verdicts {
	struct verdict *list;
	size_t n;
	size_t max;
};

static struct verdict *begin(struct verdicts *v, bool good)
{
	static struct verdict spare;
	struct verdict *verdict = v->n < v->max ? &v->list[v->n++] : &spare;

	*verdict = (struct verdict){.good = good};
	return verdict;
}

__attribute__((format(printf, 2, 3))) static void say(struct verdict *v, const char *format, ...)
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

static const char *plural(int64_t cores)
{
	return cores == 1 ? "core" : "cores";
}

static const struct cell *fastest(const struct summary *s, int64_t cores)
{
	const struct cell *best = NULL;

	for (size_t i = 0; i < s->n_cells; i++) {
		const struct cell *cell = &s->cells[i];

		if (cell->cores == cores && cell->runtime_ns.n > 0 &&
			(!best || cell->runtime_ns.mean < best->runtime_ns.mean))
			best = cell;
	}
	return best;
}

static void compare_stacks(const struct summary *s, int64_t cores, struct verdicts *v)
{
	const struct cell *best = fastest(s, cores);
	struct verdict *verdict;
	size_t others = 0;

	for (size_t i = 0; i < s->n_cells; i++)
		others += s->cells[i].cores == cores && s->cells[i].runtime_ns.n > 0;
	if (!best || others < 2)
		return;
	verdict = begin(v, true);
	say(verdict, "On %lld %s %s has the shortest mean run time, %s s (n = %zu)",
		(long long)cores, plural(cores), best->guest, format_spread(&best->runtime_ns).text,
		best->runtime_ns.n);
	for (size_t i = 0; i < s->n_cells; i++) {
		const struct cell *cell = &s->cells[i];

		if (cell->cores != cores || cell == best || cell->runtime_ns.n == 0)
			continue;
		say(verdict, "; %s takes %.2f times as long", cell->name,
			cell->runtime_ns.mean / best->runtime_ns.mean);
		if (cell->runtime_ns.n < 2 || best->runtime_ns.n < 2)
			say(verdict, " (too few runs to tell chance)");
		else if (!statistic_differ(&cell->runtime_ns, &best->runtime_ns))
			say(verdict, " (these runs do not tell the two apart)");
	}
	say(verdict, ".");
}

static void compare_cores(const struct summary *s, struct verdicts *v)
{
	struct verdict *verdict = NULL;

	for (size_t i = 0; i < s->n_cells; i++) {
		const struct cell *one = NULL, *cell = &s->cells[i];

		for (size_t j = 0; j < s->n_cells; j++)
			if (s->cells[j].name == cell->name && s->cells[j].cores == 1)
				one = &s->cells[j];
		if (!one || one == cell || one->runtime_ns.n == 0 || cell->runtime_ns.n == 0)
			continue;
		if (!verdict) {
			verdict = begin(v, true);
			say(verdict, "Speed-up over one core (parallel efficiency): ");
		} else {
			say(verdict, "; ");
		}
		say(verdict, "%s on %lld cores %.2f (%.0f %%)", cell->name, (long long)cell->cores,
			one->runtime_ns.mean / cell->runtime_ns.mean,
			100 * one->runtime_ns.mean / cell->runtime_ns.mean / (double)cell->cores);
	}
	if (verdict)
		say(verdict, ".");
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

static void name_losses(const struct summary *s, int64_t cores, struct verdicts *v)
{
	struct verdict *verdict = NULL;

	for (size_t i = 0; i < s->n_cells; i++) {
		const struct book *book = &s->cells[i].window;
		int worst;

		if (s->cells[i].cores != cores || !book->has_accounts || book->lane_time_ns <= 0)
			continue;
		worst = largest_loss(book);
		if (!verdict) {
			verdict = begin(v, true);
			say(verdict,
				"Share of the lanes' time on %lld %s that went into the program or "
				"guest "
				"code, and the largest other share: ",
				(long long)cores, plural(cores));
		} else {
			say(verdict, "; ");
		}
		say(verdict, "%s %s %%", s->cells[i].name,
			format_percent(book->state_ns[STATE_GUEST] + book->state_ns[STATE_USER],
				book->lane_time_ns)
				.text);
		if (worst >= 0)
			say(verdict, ", %s %s %%",
				worst == STATE_NONE ? "other" : state_table[worst].name,
				format_percent(book->state_ns[worst], book->lane_time_ns).text);
	}
	if (verdict)
		say(verdict, ".");
}

static void judge_books(const struct summary *s, struct verdicts *v)
{
	size_t closed = 0, audited = 0, unknown = 0;
	int64_t lost = 0;
	double worst = NAN;
	struct verdict *verdict;

	if (s->n_ok == 0)
		return;
	for (size_t i = 0; i < s->n_cells; i++) {
		const struct cell *cell = &s->cells[i];

		closed += cell->n_closed;
		audited += cell->n_audited;
		unknown += cell->n_not_audited;
		lost += cell->lost_events;
		if (!isnan(cell->audit_worst) && !(cell->audit_worst <= worst))
			worst = cell->audit_worst;
	}
	verdict = begin(v, closed == s->n_ok);
	say(verdict, "The books close in %zu of %zu measured runs", closed, s->n_ok);
	if (lost > 0)
		say(verdict, "; %lld events could not be recorded", (long long)lost);
	say(verdict, ".");
	verdict = begin(v, audited == s->n_ok);
	say(verdict, "Independent clocks agree with the books in %zu of %zu measured runs", audited,
		s->n_ok);
	if (unknown > 0)
		say(verdict, " (%zu could not be audited)", unknown);
	if (worst > 1)
		say(verdict, "; the largest difference is %.1f times what counts as agreement",
			worst);
	else if (worst >= 0)
		say(verdict, "; the largest difference is %.0f %% of what counts as agreement",
			100 * worst);
	say(verdict, ".");
}

static void name_failures(const struct summary *s, struct verdicts *v)
{
	const struct store_tables *t = store_tables(s->store);

	for (size_t i = 0; i < t->n_runs; i++) {
		const struct store_run *run = &t->runs[i];

		if (!run->ok)
			say(begin(v, false), "Run %lld failed (%s on %lld %s, repetition %lld): %s",
				(long long)run->id, run->guest, (long long)run->cores,
				plural(run->cores), (long long)run->repetition,
				run->error ? run->error : "no reason recorded");
	}
}

size_t summary_verdicts(const struct summary *s, struct verdict *ret, size_t max)
{
	struct verdicts v = {.list = ret, .max = max};

	if (s->n_runs == 0)
		say(begin(&v, false), "The store holds no runs.");
	for (size_t i = 0; i < s->n_cells; i++)
		if (i == 0 || s->cells[i].cores != s->cells[i - 1].cores)
			compare_stacks(s, s->cells[i].cores, &v);
	compare_cores(s, &v);
	for (size_t i = 0; i < s->n_cells; i++)
		if (i == 0 || s->cells[i].cores != s->cells[i - 1].cores)
			name_losses(s, s->cells[i].cores, &v);
	judge_books(s, &v);
	name_failures(s, &v);
	return v.n;
}
