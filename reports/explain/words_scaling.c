/* SPDX-License-Identifier: GPL-2.0-or-later */
/** A stack on N cores against itself on one, in words. */
#include <math.h>
#include <string.h>

#include "reports/explain/explain_internal.h"
#include "reports/explain/words_internal.h"
#include "reports/text/format.h"

/* Points of efficiency below which a cause is not named. */
#define POINTS_LEAST 0.5

/** Mean over the runs of the program's own time in the parallel phases, sum of the lanes. */
static double program_ns(const struct scaling *x, const struct configuration *configuration)
{
	double sum = 0;

	for (size_t i = 0; i < configuration->n_phases; i++) {
		const struct book_series *phase = &configuration->series.phases[i];

		if (phase_is_outside(phase->name) || scaling_is_serial(x, phase->name))
			continue;
		for (size_t j = 0; j < phase->n_details; j++)
			if (is_program(phase->details[j].state, phase->details[j].detail))
				for (size_t k = 0; k < configuration->series.n; k++)
					sum += phase->details[j].ns[k];
	}
	return sum / (double)configuration->series.n;
}

static void about_program(struct verdict *v, const void *userdata)
{
	const struct scaling *x = userdata;
	const struct work *w = &x->work;
	double one = program_ns(x, x->one) * (x->weak ? (double)x->many->cores : 1);

	if (!(one > 0))
		return;
	say(v, " (%.2f times as much time in total%s", program_ns(x, x->many) / one,
		x->weak ? " for the same work" : "");
	if (isfinite(w->instructions) && isfinite(w->cycles_per_instruction))
		say(v, "; instructions × %.2f, cycles per instruction × %.2f", w->instructions,
			w->cycles_per_instruction);
	if (isfinite(w->instructions) && isfinite(w->ns_per_cycle))
		say(v, ", time per cycle × %.2f", w->ns_per_cycle);
	if (w->machine_cores > 0 && (size_t)x->many->cores > w->machine_cores)
		say(v, "; %lld lanes share %zu cores", (long long)x->many->cores, w->machine_cores);
	if (!isfinite(w->instructions))
		say(v, "; without hardware counters it is not known whether it did more work or "
		       "worked more slowly");
	say(v, ")");
}

static void say_range(struct verdict *v, const struct interval *range, double unit)
{
	if (!isnan(range->low))
		say(v, " [%s, %s]", format_points(range->low * unit).text,
			format_points(range->high * unit).text);
}

static void say_amdahl(struct verdict *v, const struct scaling *x)
{
	size_t n = 0;

	if (!(x->serial_share.value > 0) || x->weak)
		return;
	say(v, " Serial (");
	for (size_t i = 0; i < x->n_phases; i++)
		if (x->phase[i].serial)
			say(v, "%s%.*s: on average %.1f of %lld lanes active", n++ ? ", " : "",
				said_of(x->phase[i].name), x->phase[i].name, x->phase[i].active,
				(long long)x->many->cores);
	say(v, ") takes %s %%", format_points(100 * x->serial_share.value).text);
	say_range(v, &x->serial_share.range, 100);
	say(v, " of the run time on one core: Amdahl’s law limits the speed-up to %.2f",
		x->amdahl.value);
	if (x->speedup.value > x->amdahl.value)
		say(v, ", if that part were no faster on %lld", (long long)x->many->cores);
	say(v, ".");
}

static void say_speedup(const struct scaling *x, struct verdict *v)
{
	const struct estimate *e = &x->speedup;
	const long long n = (long long)x->many->cores;

	if (x->weak) {
		say(v, "On %lld cores %s takes %.2f times", n, x->many->name, (double)n / e->value);
		if (!isnan(e->range.low))
			say(v, " [%.2f, %.2f]", (double)n / e->range.high,
				(double)n / e->range.low);
		say(v, " as long as on one, for %lld times the work: weak-scaling", n);
		return;
	}
	say(v, "On %lld cores %s is %.2f times", n, x->many->name, e->value);
	if (!isnan(e->range.low))
		say(v, " [%.2f, %.2f]", e->range.low, e->range.high);
	say(v, " as fast as on one: parallel");
}

void scaling_say(const struct scaling *x, bool brief, struct verdict *v)
{
	double unit = (double)x->many->cores * x->many->runtime_ns.mean / 100;
	struct naming naming = {.causes = &x->causes,
		.details = &x->details,
		.scaling = x,
		.inside = !is_looked_into(x->many) ? x->many->window.state_ns[STATE_GUEST] == 0
						   : true,
		.unit = unit,
		.unit_name = "",
		.least = POINTS_LEAST * unit,
		.about_program = brief ? NULL : about_program,
		.brief = brief,
		.userdata = x};

	*v = (struct verdict){.good = true};
	say_speedup(x, v);
	say(v, " efficiency %s %%", format_points(100 * x->efficiency.value).text);
	say_range(v, &x->efficiency.range, 100);
	say(v, ", %s points %s", format_points(fabs(100 - 100 * x->efficiency.value)).text,
		x->efficiency.value > 1 ? "gained" : "lost");
	if (isnan(x->efficiency.range.low))
		say(v, NO_INTERVALS);
	else if (!interval_excludes(&x->efficiency.range, 1))
		say(v, ", within run-to-run variation");
	say(v, ". Causes, in points: ");
	if (!say_causes(v, &naming))
		say(v, "none is statistically significant");
	say(v, ".");
	if (!brief)
		say_amdahl(v, x);
}

void scaling_words(const struct scaling *x, struct verdict *v)
{
	scaling_say(x, false, v);
}
