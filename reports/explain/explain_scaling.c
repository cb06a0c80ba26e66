/* SPDX-License-Identifier: GPL-2.0-or-later */
/** A stack on N cores against itself on one. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/detail_words.h"
#include "reports/explain/explain_internal.h"
#include "reports/statistics/stat_internal.h"

void scaling_clear(struct scaling *x)
{
	free(x->states.list);
	free(x->phases.list);
	free(x->parts.list);
	free(x->details.list);
	free(x->causes.list);
	free(x->phase);
}

/** The configuration on one core to compare with: of the same label; else of none; else any. */
static const struct configuration *find_one(
	const struct summary *s, const struct configuration *many)
{
	const struct configuration *best = NULL;

	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct configuration *configuration = &s->configurations[i];

		if (configuration->cores != 1 || configuration->guest != many->guest ||
			configuration->variant != many->variant ||
			configuration->scenario != many->scenario || !is_explainable(configuration))
			continue;
		if (configurations_are_kin(configuration, many))
			return configuration;
		if (!best || !*configuration->label)
			best = configuration;
	}
	return best;
}

/** What the estimates of a scaling need. */
struct pair {
	const struct configuration *one;
	const struct configuration *many;
	const struct scaling *scaling;
	size_t phase;
};

static double mean_of(
	const struct configuration *configuration, const double *values, const double *weights)
{
	return values ? weighted_mean(values, weights, configuration->series.n) : 0;
}

/** How many times the work of one core the many had. */
static double work_of(const struct pair *p)
{
	return p->scaling->weak ? (double)p->many->cores : 1;
}

static double speedup(const double *const *w, void *userdata)
{
	const struct pair *p = userdata;

	return work_of(p) * mean_of(p->one, p->one->series.runtime_ns, w[1]) /
	       mean_of(p->many, p->many->series.runtime_ns, w[0]);
}

static double efficiency(const double *const *w, void *userdata)
{
	const struct pair *p = userdata;

	return speedup(w, userdata) / (double)p->many->cores;
}

static double loss(const double *const *w, void *userdata)
{
	const struct pair *p = userdata;

	return (double)p->many->cores * mean_of(p->many, p->many->series.runtime_ns, w[0]) -
	       work_of(p) * mean_of(p->one, p->one->series.runtime_ns, w[1]);
}

static double phase_wall(const double *const *w, void *userdata)
{
	const struct pair *p = userdata;

	return mean_of(p->many,
		configuration_phase(p->many, p->scaling->phase[p->phase].name)->wall_ns, w[0]);
}

static double phase_wall_one(const double *const *w, void *userdata)
{
	const struct pair *p = userdata;
	const struct book_series *b = configuration_phase(p->one, p->scaling->phase[p->phase].name);

	return mean_of(p->one, b ? b->wall_ns : NULL, w[1]);
}

static double phase_loss(const double *const *w, void *userdata)
{
	const struct pair *p = userdata;

	return (double)p->many->cores * phase_wall(w, userdata) -
	       work_of(p) * phase_wall_one(w, userdata);
}

static double serial_share(const double *const *w, void *userdata)
{
	struct pair p = *(const struct pair *)userdata;
	double serial = 0;

	for (p.phase = 0; p.phase < p.scaling->n_phases; p.phase++)
		if (p.scaling->phase[p.phase].serial)
			serial += phase_wall_one(w, &p);
	return serial / mean_of(p.one, p.one->series.runtime_ns, w[1]);
}

/** Amdahl 1967, of work that stays as it is. */
static double amdahl(const double *const *w, void *userdata)
{
	const struct pair *p = userdata;
	double f = serial_share(w, userdata);

	return p->scaling->weak ? NAN : 1 / (f + (1 - f) / (double)p->many->cores);
}

typedef double (*interval_t)(
	struct bootstrap *b, estimate_t estimate, void *userdata, struct interval *ret);

static struct estimate work_out(
	struct bootstrap *draws, interval_t interval, estimate_t estimate, struct pair *p)
{
	struct estimate e;

	e.value = interval(draws, estimate, p, &e.range);
	return e;
}

/** Mean number of lanes that were at work, over all runs. */
static double active_lanes(const struct book_series *b, size_t n)
{
	double wall = 0, active = 0;

	for (size_t i = 0; i < n; i++) {
		wall += b->wall_ns[i];
		active += b->whole_ns[i] - b->term_ns[STATE_BLOCKED][i];
		for (size_t j = 0; j < b->n_details; j++)
			if (b->details[j].state == STATE_GUEST &&
				strcmp(b->details[j].detail, DETAIL_IDLE) == 0)
				active -= b->details[j].ns[i];
	}
	return wall > 0 ? active / wall : NAN;
}

/*
 * One after the other, whatever the number of lanes: few are at work, and it takes no less time on many.
 * A program that waits, such as for a disk, has few at work, too, and is faster on many. Where all is
 * one phase, what is serial in it is not known.
 */
static bool is_serial(const struct scaling *x, const struct phase_scaling *phase)
{
	return x->n_phases > 1 && phase->active <= SERIAL_LANES &&
	       phase->wall_ns.value * SERIAL_LANES >= phase->wall_one_ns.value;
}

static int make_phases(struct scaling *x, struct bootstrap *draws, struct pair *p)
{
	const struct run_series *series = &x->many->series;

	x->phase = calloc(x->many->n_phases + 1, sizeof(*x->phase));
	if (!x->phase)
		return -ENOMEM;
	for (size_t i = 0; i < x->many->n_phases; i++) {
		const struct book_series *b = &series->phases[i];
		struct phase_scaling *phase = &x->phase[x->n_phases];

		if (phase_is_outside(b->name))
			continue;
		p->phase = x->n_phases++;
		phase->name = b->name;
		phase->active = active_lanes(b, series->n);
		phase->wall_ns = work_out(draws, bootstrap_positive, phase_wall, p);
		phase->wall_one_ns = work_out(draws, bootstrap_positive, phase_wall_one, p);
		phase->loss_ns = work_out(draws, bootstrap_interval, phase_loss, p);
	}
	for (size_t i = 0; i < x->n_phases; i++)
		x->phase[i].serial = is_serial(x, &x->phase[i]);
	return 0;
}

static int make_scaling(const struct summary *s, const struct configuration *one,
	const struct configuration *many, struct scaling *x)
{
	_cleanup_bootstrap_ struct bootstrap *draws = NULL;
	size_t n[2] = {many->series.n, one->series.n};
	struct pair pair = {one, many, x, 0};
	struct split split = {.a = many, .b = one, .scale_a = 1, .scale_b = 1};
	int r = bootstrap_make(n, 2, &draws);

	*x = (struct scaling){.one = one, .many = many, .weak = many->weak && one->weak};
	split.scale_b = work_of(&pair);
	if (r < 0)
		return r;
	x->speedup = work_out(draws, bootstrap_positive, speedup, &pair);
	x->efficiency = work_out(draws, bootstrap_positive, efficiency, &pair);
	x->loss_ns = work_out(draws, bootstrap_interval, loss, &pair);
	r = make_phases(x, draws, &pair);
	if (r < 0)
		return r;
	x->serial_share = work_out(draws, bootstrap_positive, serial_share, &pair);
	x->amdahl = work_out(draws, bootstrap_positive, amdahl, &pair);
	work_make(s, one, many, &x->work);
	x->work.instructions /= work_of(&pair);
	split.draws = draws;
	split.whole = x->loss_ns.value;
	split.scale = (double)many->cores * many->runtime_ns.mean;
	r = split_difference(&split, GRAIN_STATE, &x->states);
	if (r >= 0)
		r = split_difference(&split, GRAIN_PHASE, &x->phases);
	if (r >= 0)
		r = split_difference(&split, GRAIN_PART, &x->parts);
	if (r >= 0)
		r = split_difference(&split, GRAIN_DETAIL, &x->details);
	split.scaling = x;
	return r < 0 ? r : split_difference(&split, GRAIN_CAUSE, &x->causes);
}

bool scaling_is_serial(const struct scaling *x, const char *phase)
{
	for (size_t i = 0; x && i < x->n_phases; i++)
		if (x->phase[i].name == phase)
			return x->phase[i].serial;
	return false;
}

int scalings_make(const struct summary *s, struct explanation *e)
{
	e->scalings = calloc(s->n_configurations + 1, sizeof(*e->scalings));
	if (!e->scalings)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct configuration *many = &s->configurations[i];
		const struct configuration *one = many->cores > 1 ? find_one(s, many) : NULL;
		int r;

		if (!one || !is_explainable(many))
			continue;
		r = make_scaling(s, one, many, &e->scalings[e->n_scalings++]);
		if (r < 0)
			return r;
	}
	return 0;
}

bool explanation_is_weak(const struct explanation *e)
{
	for (size_t i = 0; i < e->n_scalings; i++)
		if (e->scalings[i].weak)
			return true;
	return false;
}
