/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Run time against the place in the order of execution: what drifts is a line. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/figures/figure_curves.h"
#include "reports/figures/figure_key.h"
#include "reports/reference/reference_analysis.h"

/** Configurations beyond that are left out. */
#define ORDER_CELLS_MAX 64

/** Chance below which a trend is called one. */
#define DRIFT_P 0.05

/** Names at the ends of lines beyond that would cover each other. */
#define ORDER_NAMES_MAX 5

/** Height without the key. */
#define PLOT_CM 5.2

struct order_configuration {
	const char *stack;
	const char *scenario;
	int64_t cores;
	const double *values; /* seconds or ns: only their ratios matter */
	const double *places; /* NULL: 1, 2, 3, ... */
	double unit;          /* of the values, in seconds */
	size_t n;
	bool drifts;
	const struct modes *modes; /* or NULL: not looked for */
	size_t first;              /* row in the data */
};

struct order {
	struct order_configuration configurations[ORDER_CELLS_MAX];
	size_t n;
	struct curves curves; /* for the names */
	const char *stacks[CURVE_STACKS_MAX];
	size_t n_stacks;
};

static size_t stack_of(const struct order *o, const char *stack)
{
	size_t i = 0;

	while (i < o->n_stacks && o->stacks[i] != stack)
		i++;
	return i;
}

static double mean_of(const struct order_configuration *configuration)
{
	struct statistic s = {};

	for (size_t i = 0; i < configuration->n; i++)
		if (isfinite(configuration->values[i]))
			statistic_add(&s, configuration->values[i]);
	return s.n ? s.mean : NAN;
}

static int add_configuration(struct order *o, struct order_configuration configuration, double p)
{
	if (!configuration.stack)
		return -ENOMEM;
	/* It is drawn as percent of the mean. */
	if (configuration.n < 2 || o->n == ORDER_CELLS_MAX || !(mean_of(&configuration) > 0))
		return 0;
	if (stack_of(o, configuration.stack) == o->n_stacks) {
		if (o->n_stacks == CURVE_STACKS_MAX)
			return 0;
		o->stacks[o->n_stacks++] = configuration.stack;
	}
	configuration.drifts = p < DRIFT_P;
	o->configurations[o->n++] = configuration;
	return 0;
}

static int add_measured(struct order *o, const struct explanation *e)
{
	int r = 0;

	for (size_t i = 0; e && i < e->n_spreads && r >= 0; i++) {
		const struct configuration *configuration = e->spreads[i].configuration;

		r = add_configuration(o,
			(struct order_configuration){
				.stack = curve_stack(&o->curves, configuration),
				.scenario = configuration->scenario,
				.cores = configuration->cores,
				.values = configuration->series.runtime_ns,
				.places = configuration->series.position,
				.unit = 1e-9,
				.modes = &e->spreads[i].modes,
				.n = configuration->series.n},
			e->spreads[i].drift_p);
	}
	return r;
}

static int add_reference(struct order *o, const struct reference *reference)
{
	_cleanup_reference_analysis_ struct reference_analysis *a = NULL;
	int r = reference ? reference_analyse(reference, &a) : 0;

	for (size_t i = 0; a && i < a->n && r >= 0; i++) {
		const struct reference_configuration *configuration = a->list[i].configuration;

		r = add_configuration(o,
			(struct order_configuration){
				.stack = curve_published(&o->curves, configuration->stack),
				.scenario = configuration->scenario,
				.cores = configuration->cores,
				.values = configuration->seconds,
				.unit = 1,
				.n = configuration->n},
			a->list[i].drift_p);
	}
	return r;
}

static void write_data(struct order *o, FILE *out)
{
	size_t row = 0;

	fputs("scenario,stack,cores,place,seconds,percent_of_mean,name\n", out);
	for (size_t i = 0; i < o->n; i++) {
		struct order_configuration *configuration = &o->configurations[i];
		double mean = mean_of(configuration);

		configuration->first = row;
		row += configuration->n;
		for (size_t k = 0; k < configuration->n; k++) {
			figure_text(out, configuration->scenario);
			fputc(',', out);
			figure_text(out, configuration->stack);
			fprintf(out, ",%lld,", (long long)configuration->cores);
			figure_number(out,
				configuration->places ? configuration->places[k] : (double)k + 1);
			fputc(',', out);
			figure_number(out, configuration->values[k] * configuration->unit);
			fputc(',', out);
			figure_number(out, 100 * configuration->values[k] / mean - 100);
			fputc(',', out);
			figure_text(out, configuration->stack);
			fprintf(out, " on %lld core%s\n", (long long)configuration->cores,
				configuration->cores == 1 ? "" : "s");
		}
	}
}

static void write_names(const struct order *o, const struct draft *d)
{
	fprintf(d->setup, "array stacks[%zu]\n", o->n_stacks);
	for (size_t i = 0; i < o->n_stacks; i++) {
		size_t configuration = 0;

		while (o->configurations[configuration].stack != o->stacks[i])
			configuration++;
		fprintf(d->setup,
			"stats '%s.csv' every ::%zu::%zu using (stacks[%zu] = strcol(2), 1) "
			"nooutput\n",
			d->name, o->configurations[configuration].first,
			o->configurations[configuration].first, i + 1);
	}
}

/** The place of the first and the last run. */
static void find_places(const struct order *o, double *ret_first, double *ret_last)
{
	*ret_first = INFINITY;
	*ret_last = -INFINITY;
	for (size_t i = 0; i < o->n; i++)
		for (size_t k = 0; k < o->configurations[i].n; k++) {
			double place = o->configurations[i].places ? o->configurations[i].places[k]
								   : (double)k + 1;

			*ret_first = fmin(*ret_first, place);
			*ret_last = fmax(*ret_last, place);
		}
}

static void write_configuration(const struct order *o, const struct draft *d, size_t i,
	const struct stack_look *style, bool named)
{
	const struct order_configuration *configuration = &o->configurations[i];
	const size_t last = configuration->first + configuration->n - 1;

	fprintf(d->plot,
		", \\\n\t'%s.csv' every ::%zu::%zu using 4:6 with %s lw 1 lc rgb \"%s\" pt %d ps "
		"0.55 notitle",
		d->name, configuration->first, last,
		configuration->drifts ? "linespoints" : "points", style->color, style->point);
	if (named)
		fprintf(d->plot,
			", \\\n\t'' every ::%zu::%zu using 4:6:7 with labels right offset 0,0.7 tc "
			"rgb \"%s\" notitle",
			last, last, style->color);
}

static bool has_modes(const struct order_configuration *c)
{
	return c->modes && c->modes->n > 1;
}

/** A dotted line at the middle of each heap, with its number of runs. */
static void write_modes(const struct order *o, const struct draft *d, size_t i, double last)
{
	const struct order_configuration *c = &o->configurations[i];
	const char *color = stack_style(stack_of(o, c->stack))->color;

	for (size_t m = 0; has_modes(c) && m < c->modes->n; m++) {
		double off = 100 * c->modes->list[m].median / mean_of(c) - 100;

		fprintf(d->plot, ", \\\n\t%.6g with lines lw 0.8 dt 3 lc rgb \"%s\" notitle", off,
			color);
		fprintf(d->setup,
			"set label \"%zu runs\" at %.6g,%.6g right offset 0,0.4 tc rgb \"%s\" font "
			"\",7\"\n",
			c->modes->list[m].n, last, off, color);
	}
}

static void write_plot(const struct order *o, struct draft *d, const char *place)
{
	struct key_entry entries[CURVE_STACKS_MAX];
	struct stack_look looks[CURVE_STACKS_MAX];
	size_t named = 0;
	double first, last, key;

	stack_looks(o->stacks, o->n_stacks, looks);
	for (size_t i = 0; i < o->n_stacks; i++) {
		entries[i] = (struct key_entry){
			.title = o->stacks[i], .color = looks[i].color, .point = looks[i].point};
		snprintf(
			entries[i].expression, sizeof(entries[i].expression), "stacks[%zu]", i + 1);
	}
	find_places(o, &first, &last);
	key = figure_key_height(d, entries, o->n_stacks);
	d->height_cm = PLOT_CM + key;
	figure_key(d, entries, o->n_stacks);
	figure_y_label(d->plot, "run time off its mean (%)");
	fprintf(d->plot,
		"set lmargin at screen %.4f\nset rmargin at screen %.4f\n"
		"set tmargin at screen %.4f\nset bmargin at screen %.4f\n"
		"set xrange [%g:%g]\nset offsets 0, 0, graph 0.08, graph 0.05\n"
		"set xlabel \"%s\" offset 0,0.7\n"
		"plot 0 with lines lw 0.8 lc rgb \"black\" notitle",
		1.35 / FIGURE_WIDTH_CM, 1 - 0.2 / FIGURE_WIDTH_CM, PLOT_CM / d->height_cm,
		1 / d->height_cm, first - 0.03 * (last - first), last + 0.03 * (last - first),
		place);
	for (size_t i = 0; i < o->n; i++)
		write_configuration(o, d, i, &looks[stack_of(o, o->configurations[i].stack)],
			o->configurations[i].drifts && named++ < ORDER_NAMES_MAX);
	for (size_t i = 0; i < o->n; i++)
		write_modes(o, d, i, last);
	fputs("\nunset label\n", d->plot);
}

int figure_order(const struct figures_source *source, struct draft *d)
{
	_cleanup_free_ struct order *o = calloc(1, sizeof(*o));
	bool drifts = false, modes = false;
	int r = -ENOMEM;

	if (o)
		r = source->summary ? add_measured(o, source->explanation)
				    : add_reference(o, source->reference);
	if (r >= 0 && o->n > 0) {
		write_data(o, d->data);
		write_names(o, d);
		write_plot(
			o, d, source->summary ? "place in the order of execution" : "repetition");
		for (size_t i = 0; i < o->n; i++) {
			drifts |= o->configurations[i].drifts;
			modes |= has_modes(&o->configurations[i]);
		}
		fprintf(d->caption,
			"Each point is a run, relative to the mean of its stack on its number of "
			"cores. %s",
			drifts ? "A line joins the runs of those that rise or fall in order of "
				 "execution (rank correlation, Holm's p < 0.05)."
			       : "None rises or falls in order of execution (rank correlation, "
				 "Holm's p < 0.05).");
		if (modes)
			fputs(" Dotted lines are the medians of modes (dip test, p < 0.05).",
				d->caption);
		r = 1;
	}
	if (o)
		curves_clear(&o->curves);
	return r;
}
