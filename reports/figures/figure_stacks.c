/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The figures of stacked bars: books, boots, lost speed-up, variance. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/boot_step.h"
#include "common/cleanup.h"
#include "reports/figures/figure_bars.h"
#include "reports/text/format.h"

/** Boots that differ by more than this are shown as shares: a bar of the shortest would not be
 * seen. */
#define BOOT_RATIO_MAX 6

static int add_state(struct bars *b, int state, double value)
{
	const struct bar_category look = bars_state(state);

	return bars_add(b, &look, value);
}

/** Begin the row of a configuration. 0: no room. */
static int add_configuration(
	struct bars *b, const struct configuration *configuration, const char *note)
{
	const char *group = bars_cores(b, configuration->cores, configuration->scenario);

	return group ? bars_add_row(b, group, configuration->name, note) : -ENOMEM;
}

int figure_books(const struct figures_source *source, struct draft *d)
{
	static const struct bar_figure figure = {.value = "percent",
		.category = "state",
		.label = "share of the lanes' time (%)",
		.segment = "%.0f",
		.high = 100};
	const struct summary *s = source->summary;
	_cleanup_bars_ struct bars b = {};
	int r = 0;

	for (size_t i = 0; s && i < s->n_configurations && r >= 0; i++) {
		const struct book *book = &s->configurations[i].window;

		if (!book->has_accounts || book->lane_time_ns <= 0)
			continue;
		r = add_configuration(&b, &s->configurations[i],
			format_time(s->configurations[i].runtime_ns.mean).text);
		if (r == 0)
			break;
		for (int k = 0; k < STATE_COUNT && r >= 0; k++)
			r = add_state(&b, k, 100 * book->state_ns[k] / book->lane_time_ns);
		if (r >= 0 && book->residual_ns > 0)
			r = add_state(
				&b, STATE_COUNT, 100 * book->residual_ns / book->lane_time_ns);
	}
	if (r < 0)
		return r;
	fputs("States of the lanes while the program runs, means over the runs. "
	      "Right: mean run time.",
		d->caption);
	return bars_draw(d, &b, &figure);
}

int figure_loss(const struct figures_source *source, struct draft *d)
{
	static const struct bar_figure figure = {.value = "cores",
		.category = "part",
		.label = "speed-up, and what is lost (cores)",
		.segment = "%.1f"};
	static const struct bar_category achieved = {"speed-up", "#dddddd", 0, -1};
	const struct explanation *e = source->explanation;
	_cleanup_bars_ struct bars b = {};
	int r = 0;

	for (size_t i = 0; e && i < e->n_scalings && r >= 0; i++) {
		const struct scaling *scaling = &e->scalings[i];
		double wall = scaling->many->runtime_ns.mean;
		char note[32];

		if (scaling->states.n == 0 || !(wall > 0) || !isfinite(scaling->speedup.value))
			continue;
		snprintf(note, sizeof(note), "%.2f", scaling->speedup.value);
		r = add_configuration(&b, scaling->many, note);
		if (r == 0)
			break;
		if (r >= 0)
			r = bars_add(&b, &achieved, scaling->speedup.value);
		for (size_t k = 0; k < scaling->states.n && r >= 0; k++)
			r = add_state(&b, scaling->states.list[k].state,
				scaling->states.list[k].value / wall);
	}
	if (r < 0)
		return r;
	fputs("Speed-up stacks: the speed-up over one core (number at the right), and to it what "
	      "each state of the books takes from as many as there are cores. What took less time "
	      "than on one core is left of zero. In application states (user, guest) it is the "
	      "same "
	      "work taking longer.",
		d->caption);
	return bars_draw(d, &b, &figure);
}

int figure_variance(const struct figures_source *source, struct draft *d)
{
	static const struct bar_figure figure = {.value = "percent",
		.category = "state",
		.label = "share of the variance of run time (%)",
		.segment = "%.0f",
		.high = 100};
	const struct explanation *e = source->explanation;
	_cleanup_bars_ struct bars b = {};
	int r = 0;

	for (size_t i = 0; e && i < e->n_spreads && r >= 0; i++) {
		const struct spread *spread = &e->spreads[i];
		char note[80];

		if (spread->states.n == 0 || !(spread->variance > 0))
			continue;
		snprintf(note, sizeof(note), "%s", format_time(sqrt(spread->variance)).text);
		r = add_configuration(&b, spread->configuration, note);
		if (r == 0)
			break;
		for (size_t k = 0; k < spread->states.n && r >= 0; k++)
			r = add_state(&b, spread->states.list[k].state,
				100 * spread->states.list[k].value / spread->variance);
	}
	if (r < 0)
		return r;
	fputs("The variance of run time of each configuration, split over the states by their "
	      "covariance "
	      "with it; what made runs more alike is left of zero. Right: standard deviation.",
		d->caption);
	return bars_draw(d, &b, &figure);
}

/** Boots as shares of themselves, or in seconds? */
static bool boots_differ_much(const struct boot_report *boot)
{
	double least = INFINITY, most = 0;

	for (size_t i = 0; i < boot->n_configurations; i++) {
		least = fmin(least, boot->configurations[i].boot_ns.mean);
		most = fmax(most, boot->configurations[i].boot_ns.mean);
	}
	return most > BOOT_RATIO_MAX * least;
}

static int add_boot(struct bars *b, const struct boot_configuration *configuration, bool shares)
{
	static const int patterns[BOOT_STEP_COUNT] = {
		[BOOT_QEMU_SETUP] = 4,
		[BOOT_FIRMWARE] = 1,
		[BOOT_INIT] = 5,
		[BOOT_DAEMON] = 4,
		[BOOT_MONITOR] = 5,
		[BOOT_RUNTIME_CREATE] = 1,
		[BOOT_START_REQUEST] = 7,
		[BOOT_RUNTIME_START] = 6,
	};
	double unit = shares ? configuration->boot_ns.mean / 100 : 1e9;
	int r = 1;

	for (size_t i = 0; i < configuration->n_steps && r >= 0; i++) {
		int step = boot_step_from_name(configuration->steps[i].name);
		struct bar_category look = {configuration->steps[i].name,
			step < 0 ? "#ffffff" : boot_step_table[step].colour,
			step < 0 ? 2 : patterns[step], step < 0 ? BOOT_STEP_COUNT : step};

		r = bars_add(b, &look, configuration->steps[i].mean_ns / unit);
	}
	return r;
}

/** What a reference says of boots. */
static void say_published(const struct reference *reference, FILE *out)
{
	bool said = false;

	for (size_t i = 0; reference && i < reference->n_claims; i++) {
		const struct reference_claim *claim = &reference->claims[i];

		if (claim->kind != CLAIM_BOOT)
			continue;
		if (!said)
			fprintf(out, " Published (%s): ", reference->name);
		fprintf(out, "%s%s %s s", said ? ", " : "", claim->stack, claim->text);
		said = true;
	}
	if (said)
		fputc('.', out);
}

int figure_boot(const struct figures_source *source, struct draft *d)
{
	const struct boot_report *boot = source->boot;
	const bool shares = boot && boots_differ_much(boot);
	const struct bar_figure figure = {.value = shares ? "percent" : "seconds",
		.category = "step",
		.label = shares ? "share of the boot (%)" : "boot (s)",
		.segment = shares ? "%.0f" : "%.2g",
		.high = shares ? 100 : 0};
	_cleanup_bars_ struct bars b = {};
	int r = 0;

	for (size_t i = 0; boot && i < boot->n_configurations && r >= 0; i++) {
		const struct boot_configuration *configuration = &boot->configurations[i];

		if (!(configuration->boot_ns.mean > 0))
			continue;
		r = add_configuration(&b, configuration->configuration,
			format_time(configuration->boot_ns.mean).text);
		if (r == 0)
			break;
		if (r > 0)
			r = add_boot(&b, configuration, shares);
	}
	if (r < 0)
		return r;
	fputs("From the start of the stack until the program runs, by steps, means over the runs. "
	      "Right: mean boot.",
		d->caption);
	say_published(source->reference, d->caption);
	return bars_draw(d, &b, &figure);
}
