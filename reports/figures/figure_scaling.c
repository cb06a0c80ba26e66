/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Run time, speed-up and efficiency over cores; what a reference says of them beside. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "reports/figures/figure_bars.h"
#include "reports/figures/figure_curves.h"
#include "reports/text/format.h"

static const struct interval unknown = {NAN, NAN};

static struct interval scaled(struct interval range, double factor)
{
	return (struct interval){range.low * factor, range.high * factor};
}

/** Is the reference's @scenario one to show: one of the store's, or is there no store? */
static bool is_shown(const struct figures_source *source, const char *scenario)
{
	if (!source->summary)
		return true;
	for (size_t i = 0; i < source->summary->n_configurations; i++)
		if (strcmp(source->summary->configurations[i].scenario, scenario) == 0)
			return true;
	return false;
}

/** Alone, a reference's runs are what was measured; beside a store they are what was published. */
static enum curve_kind reference_kind(const struct figures_source *source)
{
	return source->summary ? CURVE_PUBLISHED : CURVE_MEASURED;
}

static int add_mean(
	struct curves *c, struct curve_point *p, const double *values, size_t n, double unit)
{
	struct description described;
	int r = describe(values, n, &described);

	if (r < 0)
		return r;
	p->n = described.n;
	p->value = described.mean * unit;
	p->range = scaled(described.mean_interval, unit);
	return curve_add(c, p);
}

static int add_run_times(const struct figures_source *source, struct curves *c)
{
	const struct summary *s = source->summary;
	const struct reference *reference = source->reference;
	int r = 0;

	for (size_t i = 0; s && i < s->n_configurations && r >= 0; i++) {
		const struct configuration *configuration = &s->configurations[i];
		struct curve_point p = {.scenario = configuration->scenario,
			.stack = curve_stack(c, configuration),
			.cores = configuration->cores};

		r = p.stack ? add_mean(c, &p, configuration->series.runtime_ns,
				      configuration->series.n, 1e-9)
			    : -ENOMEM;
	}
	for (size_t i = 0; reference && i < reference->n_configurations && r >= 0; i++) {
		const struct reference_configuration *configuration = &reference->configurations[i];
		struct curve_point p = {.kind = reference_kind(source),
			.scenario = configuration->scenario,
			.stack = curve_published(c, configuration->stack),
			.cores = configuration->cores};

		if (!p.stack)
			r = -ENOMEM;
		else if (is_shown(source, configuration->scenario))
			r = add_mean(c, &p, configuration->seconds, configuration->n, 1);
	}
	return r;
}

static void say_intervals(FILE *out)
{
	fputs(" Bars: 95 % bootstrap intervals.", out);
}

static void say_reference(const struct figures_source *source, const struct curves *c, FILE *out)
{
	for (size_t i = 0; source->reference && i < c->n_points; i++) {
		if (c->points[i].kind != CURVE_PUBLISHED && c->points[i].kind != CURVE_CLAIMED &&
			source->summary)
			continue;
		fprintf(out, " %s: %s.",
			source->summary ? "Dashed and hollow, published" : "Source",
			source->reference->name);
		return;
	}
}

/** Where no stack ran on several numbers of cores there are no curves: bars. */
static int draw_run_times(struct draft *d, struct curves *c)
{
	static const struct bar_figure figure = {
		.value = "mean_s", .category = "kind", .label = "run time (s)", .no_key = true};
	_cleanup_bars_ struct bars b = {};
	int r = 0;

	for (size_t i = 0; i < c->n_points && r >= 0; i++) {
		const struct curve_point *p = &c->points[i];
		const bool published = p->kind != CURVE_MEASURED;
		const struct bar_category look = {
			p->stack, curve_look(c, p->stack)->color, published ? 5 : 0, 0};
		const char *group = bars_cores(&b, p->cores, p->scenario ? p->scenario : "");

		r = group ? bars_add_row(&b, group, p->stack, format_seconds(p->value * 1e9).text)
			  : -ENOMEM;
		if (r == 0)
			break;
		if (r > 0)
			r = bars_add(&b, &look, p->value);
		b.rows[b.n_rows - 1].range = p->range;
	}
	return r < 0 ? r : bars_draw(d, &b, &figure);
}

int figure_wallclock(const struct figures_source *source, struct draft *d)
{
	static const struct curve_figure figure = {.column = "mean_s",
		.label = "run time (s)",
		.before = "",
		.logarithmic = true,
		.from_zero = true};
	_cleanup_curves_ struct curves c = {};
	int r = add_run_times(source, &c);

	if (r < 0)
		return r;
	fputs("Mean run time without boot.", d->caption);
	say_intervals(d->caption);
	say_reference(source, &c, d->caption);
	r = curves_draw(d, &c, &figure);
	return r == 0 ? draw_run_times(d, &c) : r;
}

/** What makes a figure of scaling: the share of speed-up that is shown. */
struct scale {
	bool efficiency; /* percent of the ideal, in place of the speed-up */
};

static double scale_of(const struct scale *scale, int64_t cores)
{
	return scale->efficiency ? 100.0 / (double)cores : 1;
}

/** The stack's own start: on one core speed-up is 1, by definition and without an interval. */
static int add_one(struct curves *c, const struct curve_point *like, const struct scale *scale)
{
	struct curve_point p = *like;

	for (size_t i = 0; i < c->n_points; i++)
		if (c->points[i].kind == p.kind && c->points[i].stack == p.stack &&
			strcmp(c->points[i].scenario, p.scenario) == 0 && c->points[i].cores == 1)
			return 0;
	p.cores = 1;
	p.value = scale_of(scale, 1);
	p.range = unknown;
	return curve_add(c, &p);
}

static int add_scaling(struct curves *c, const struct scaling *s, const struct scale *scale)
{
	const double factor = scale_of(scale, s->many->cores);
	struct curve_point p = {.kind = CURVE_MEASURED,
		.scenario = s->many->scenario,
		.stack = curve_stack(c, s->many),
		.cores = s->many->cores,
		.n = s->many->series.n,
		.value = s->speedup.value * factor,
		.range = scaled(s->speedup.range, factor)};
	int r = p.stack ? add_one(c, &p, scale) : -ENOMEM;

	if (r >= 0)
		r = curve_add(c, &p);
	if (r < 0 || !isfinite(s->amdahl.value))
		return r;
	p.kind = CURVE_BOUND;
	p.n = 0;
	p.value = s->amdahl.value * factor;
	p.range = unknown;
	r = add_one(c, &p, scale);
	return r < 0 ? r : curve_add(c, &p);
}

static int add_published(const struct figures_source *source, struct curves *c,
	const struct reference_configuration *configuration, const struct scale *scale)
{
	const struct reference_configuration *one = reference_configuration(
		source->reference, configuration->stack, configuration->scenario, 1);
	const double factor = scale_of(scale, configuration->cores);
	struct curve_point p = {.kind = reference_kind(source),
		.scenario = configuration->scenario,
		.stack = curve_published(c, configuration->stack),
		.cores = configuration->cores,
		.n = configuration->n};
	struct comparison comparison;
	int r = p.stack ? 0 : -ENOMEM;

	if (r < 0 || !one || configuration->cores == 1 ||
		!is_shown(source, configuration->scenario))
		return r;
	r = compare(one->seconds, one->n, configuration->seconds, configuration->n, &comparison);
	if (r < 0)
		return r;
	p.value = comparison.ratio.value * factor;
	p.range = scaled(comparison.ratio.range, factor);
	r = add_one(c, &p, scale);
	return r < 0 ? r : curve_add(c, &p);
}

/** What a text says of stacks whose runs were not published. */
static int add_claimed(const struct figures_source *source, struct curves *c,
	const struct reference_claim *claim, const struct scale *scale)
{
	struct curve_point p = {.kind = CURVE_CLAIMED,
		.scenario = claim->scenario,
		.stack = curve_published(c, claim->stack),
		.cores = claim->cores_low,
		.value = claim->value * scale_of(scale, claim->cores_low),
		.range = unknown};
	int r = p.stack ? 0 : -ENOMEM;

	if (r < 0 || claim->kind != CLAIM_SPEEDUP || claim->cores_low < 2 ||
		claim->cores_low != claim->cores_high || !is_shown(source, claim->scenario) ||
		reference_configuration(
			source->reference, claim->stack, claim->scenario, claim->cores_low))
		return r;
	r = add_one(c, &p, scale);
	return r < 0 ? r : curve_add(c, &p);
}

static int add_scalings(
	const struct figures_source *source, struct curves *c, const struct scale *scale)
{
	const struct reference *reference = source->reference;
	int r = 0;

	for (size_t i = 0; source->explanation && i < source->explanation->n_scalings && r >= 0;
		i++)
		r = add_scaling(c, &source->explanation->scalings[i], scale);
	for (size_t i = 0; reference && i < reference->n_configurations && r >= 0; i++)
		r = add_published(source, c, &reference->configurations[i], scale);
	for (size_t i = 0; reference && i < reference->n_claims && r >= 0; i++)
		r = add_claimed(source, c, &reference->claims[i], scale);
	return r;
}

static int draw_scaling(const struct figures_source *source, struct draft *d,
	const struct scale *scale, const struct curve_figure *figure)
{
	_cleanup_curves_ struct curves c = {};
	bool bound = false;
	int r = add_scalings(source, &c, scale);

	if (r < 0)
		return r;
	say_intervals(d->caption);
	for (size_t i = 0; i < c.n_points; i++)
		bound |= c.points[i].kind == CURVE_BOUND;
	if (bound)
		fputs(" Amdahl's bound is that of the phases found serial.", d->caption);
	say_reference(source, &c, d->caption);
	return curves_draw(d, &c, figure);
}

int figure_speedup(const struct figures_source *source, struct draft *d)
{
	static const struct scale scale = {.efficiency = false};
	const bool weak = source->explanation && explanation_is_weak(source->explanation);
	const struct curve_figure figure = {.column = "speedup",
		.label = weak ? "scaled speed-up N T(1) / T(N)" : "speed-up T(1) / T(N)",
		.before = "",
		.ideal = true,
		.from_zero = true};

	fputs("Speed-up of each stack over itself on one core, by mean run times.", d->caption);
	if (weak)
		fputs(" The work grows with the cores.", d->caption);
	return draw_scaling(source, d, &scale, &figure);
}

int figure_efficiency(const struct figures_source *source, struct draft *d)
{
	static const struct scale scale = {.efficiency = true};
	static const struct curve_figure figure = {.column = "efficiency_percent",
		.label = "efficiency (%)",
		.before = "set yrange [0:105<*]\n",
		.from_zero = true};

	fputs("Parallel efficiency: speed-up over the number of cores.", d->caption);
	return draw_scaling(source, d, &scale, &figure);
}
