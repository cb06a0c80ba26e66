/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What noise makes of a program whose ranks wait for each other after each step. */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "reports/noise/noise_internal.h"
#include "reports/statistics/amplify.h"

/* Values are kept in cells that are 0.54 % wide; what stands for a cell is the mean of what is in it. */
#define CELLS_OCTAVE 128UL
#define OCTAVES      48
#define CELLS        (CELLS_OCTAVE * OCTAVES)

/* Mostly the longest value of all that was measured: so often. */
#define MOSTLY 0.5

#define CAUSES_MAX 12

static const double usual_ranks[] = {1e3, 1e4, 1e5, 1e6};

const struct noise_question noise_usual_question = {
	.ranks = usual_ranks,
	.n_ranks = ARRAY_SIZE(usual_ranks),
	.steps = 1e4,
	.work_ns = 1e6,
};

/* How late steps were on a lane, or on the lanes of a run together. */
struct bag {
	size_t run; /* index of the configuration's */
	double *cells;
};

struct model {
	const struct configuration *configuration;
	const char *kernel;
	struct bag *bags;
	size_t n;
	double *counts, *sums; /* of each cell, all bags */
	double measured;       /* steps */
	double lanes;          /* a draw stands for so many ranks */
	double work_ns;
	size_t *runs; /* those that have any, by source */
	size_t n_runs;
	struct amplify amplify;
};

static void model_clear(struct model *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->bags[i].cells);
	free(m->bags);
	free(m->counts);
	free(m->sums);
	free(m->runs);
	amplify_clear(&m->amplify);
}

#define _cleanup_model_ __attribute__((cleanup(model_clear)))

static size_t cell_of(double late_ns)
{
	double place = late_ns < 1 ? 0 : 1 + floor(log2(late_ns) * CELLS_OCTAVE);

	return place < CELLS ? (size_t)place : CELLS - 1;
}

static int model_begin(struct model *m)
{
	m->counts = calloc(CELLS, sizeof(*m->counts));
	m->sums = calloc(CELLS, sizeof(*m->sums));
	return m->counts && m->sums ? 0 : -ENOMEM;
}

static int add_bag(struct model *m, size_t run)
{
	struct bag bag = {.run = run, .cells = calloc(CELLS, sizeof(double))};

	if (bag.cells && ARRAY_ADD(m->bags, m->n, bag) == 0)
		return 0;
	free(bag.cells);
	return -ENOMEM;
}

static void put_late(struct model *m, double late_ns, double times)
{
	size_t cell = cell_of(late_ns);

	m->bags[m->n - 1].cells[cell] += times;
	m->counts[cell] += times;
	m->sums[cell] += times * late_ns;
	m->measured += times;
}

static int on_step(double late_ns, void *userdata)
{
	put_late(userdata, late_ns, 1);
	return 0;
}

/* Take in the lanes of a run, each for itself or together. */
static int add_lanes(struct model *m, size_t run, const struct noise_lanes *l, bool together)
{
	size_t n = together ? 1 : l->n, each = together ? l->n : 1;
	int r = 0;

	for (size_t i = 0; i < n && l->n && r >= 0; i++) {
		r = add_bag(m, run);
		if (r >= 0)
			r = replay(&l->list[i], each, m->work_ns, on_step, m);
	}
	m->lanes = together && l->n ? (double)l->n : 1;
	return r;
}

static size_t bags_of(const struct model *m, size_t run)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		n += m->bags[i].run == run;
	return n;
}

/* Bags of lanes that were too short for a step tell nothing. */
static void drop_empty(struct model *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++) {
		double all = 0;

		for (size_t k = 0; k < CELLS; k++)
			all += m->bags[i].cells[k];
		if (all > 0)
			m->bags[n++] = m->bags[i];
		else
			free(m->bags[i].cells);
	}
	m->n = n;
}

static int find_runs(struct model *m)
{
	for (size_t i = 0; i < m->n; i++)
		if ((i == 0 || m->bags[i].run != m->bags[i - 1].run) &&
			ARRAY_ADD(m->runs, m->n_runs, m->bags[i].run) < 0)
			return -ENOMEM;
	return 0;
}

/* All is in: a source for each run, whose lanes are ranks of it for good. */
static int model_finish(struct model *m)
{
	_cleanup_free_ double *values = calloc(CELLS, sizeof(*values)),
			      *mass = calloc(CELLS, sizeof(*mass));
	size_t n = 0, source = 0;
	int r;

	if (!values || !mass)
		return -ENOMEM;
	drop_empty(m);
	for (size_t i = 0; i < CELLS; i++)
		if (m->counts[i] > 0)
			values[n++] = m->sums[i] / m->counts[i];
	r = find_runs(m);
	if (r >= 0)
		r = amplify_begin(values, n, m->n_runs, &m->amplify);
	for (size_t b = 0; b < m->n && r >= 0; b++) {
		size_t k = 0;

		source += b > 0 && m->bags[b].run != m->bags[b - 1].run;
		for (size_t i = 0; i < CELLS; i++)
			if (m->counts[i] > 0)
				mass[k++] = m->bags[b].cells[i];
		amplify_add(&m->amplify, source, mass, 1 / (double)bags_of(m, m->bags[b].run));
	}
	return r;
}

/* A model as it is asked for so many ranks, beside the one of all causes. */
struct view {
	const struct model *model, *all;
	double ranks;
};

static double late_of(const struct model *m, const double *weights, double ranks)
{
	return amplify_expected(&m->amplify, weights, fmax(ranks / m->lanes, 1)) / m->work_ns;
}

static double estimate_late(const double *const *weights, void *userdata)
{
	const struct view *v = userdata;
	double late = late_of(v->model, weights[0], v->ranks);

	/* No step is longer than it was; the means of cells may be, by digits. */
	return v->all ? fmin(late, late_of(v->all, weights[0], v->ranks)) : late;
}

static double estimate_gain(const double *const *weights, void *userdata)
{
	const struct view *v = userdata;

	return 1 -
	       (1 + estimate_late(weights, userdata)) / (1 + late_of(v->all, weights[0], v->ranks));
}

static int simulate(const struct model *m, const double *weights, const struct noise_question *q,
	struct noise_amplification *a)
{
	struct amplify_steps steps;
	int r = amplify_simulate(&m->amplify, weights, fmax(a->ranks / m->lanes, 1),
		(uint64_t)q->steps, 0, (amplify_progress_t)q->progress, NULL, &steps);

	if (r < 0)
		return r;
	a->steps = steps.steps;
	a->p50_ns = m->work_ns + steps.p50;
	a->p99_ns = m->work_ns + steps.p99;
	return 0;
}

/* A row for each number of ranks. */
static int tell(const struct model *m, const struct model *all, const char *without,
	const struct noise_question *q, struct noise_of *ret)
{
	_cleanup_bootstrap_ struct bootstrap *b = NULL;
	_cleanup_free_ double *ones = calloc(m->n_runs + 1, sizeof(*ones));
	int r = ones ? bootstrap_make(&m->n_runs, 1, &b) : -ENOMEM;

	for (size_t i = 0; i < m->n_runs && ones; i++)
		ones[i] = 1;
	for (size_t i = 0; i < q->n_ranks && r >= 0; i++) {
		if (q->ranks[i] < m->lanes)
			continue; /* no whole node: nothing is held up together */
		struct view view = {m, all, q->ranks[i]};
		struct noise_amplification a = {.kernel = m->kernel,
			.together = m->lanes > 1,
			.without = without,
			.ranks = q->ranks[i],
			.work_ns = m->work_ns,
			.measured = m->measured,
			.gain.value = NAN,
			.gain.range = {NAN, NAN}};

		/* Of what is above 1: no interval reaches below that. */
		a.slow.value = 1 + bootstrap_positive(b, estimate_late, &view, &a.slow.range);
		a.slow.range.low += 1;
		a.slow.range.high += 1;
		if (all)
			a.gain.value = bootstrap_interval(b, estimate_gain, &view, &a.gain.range);
		a.at_least =
			amplify_at_top(&m->amplify, ones, fmax(a.ranks / m->lanes, 1)) > MOSTLY;
		r = simulate(m, ones, q, &a);
		if (r >= 0)
			r = ARRAY_ADD(ret->amplified, ret->n_amplified, a);
	}
	return r;
}

/* fwq: each of its quanta is a step. Bounds are those of the store's buckets. */
static int fill_by_work(const struct summary *s, struct model *m)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	double least = 0, lanes = 0;
	int r = store_prepare(s->store, &query,
		"SELECT b.worker, b.low_ns, b.high_ns, b.n, d.min_ns, d.max_ns FROM distribution_bucket b"
		" JOIN distribution d ON d.run = b.run AND d.kernel = b.kernel AND d.worker = b.worker"
		" WHERE b.run = ?1 AND b.kernel = 'fwq' ORDER BY b.worker, b.low_ns");

	for (size_t i = 0; i < m->configuration->series.n && r >= 0; i++) {
		int64_t worker = 0;
		bool any = false;

		sqlite3_reset(query);
		sqlite3_bind_int64(query, 1, m->configuration->series.runs[i]->id);
		while (r >= 0 && (r = store_step(s->store, query)) > 0) {
			double min = sqlite3_column_double(query, 4),
			       max = sqlite3_column_double(query, 5);
			double low = fmax(sqlite3_column_double(query, 1), min);
			double high = fmin(sqlite3_column_double(query, 2), max);

			if (!any || worker != store_number(query, 0)) {
				any = true;
				worker = store_number(query, 0);
				r = add_bag(m, i);
				least += min;
				lanes++;
			}
			if (r >= 0)
				put_late(m, fmax((low + high) / 2 - min, 0),
					fmax(sqlite3_column_double(query, 3), 0));
		}
	}
	m->work_ns = lanes > 0 ? least / lanes : NAN;
	m->lanes = 1;
	return r;
}

/* Where the lanes of a run come from. */
struct origin {
	const struct summary *summary;
	const struct noise_series_list *series; /* NULL: its detours */
	const char *without;
};

static int fill_by_time(const struct origin *o, bool together, struct model *m)
{
	int r = 0;

	for (size_t i = 0; i < m->configuration->series.n && r >= 0; i++) {
		const struct store_run *run = m->configuration->series.runs[i];
		_cleanup_noise_lanes_ struct noise_lanes lanes = {.n = 0};

		r = o->series ? noise_lanes_of_series(o->series, run, &lanes)
			      : noise_lanes_of_detours(o->summary, run, o->without, &lanes);
		if (r >= 0 && lanes.n)
			r = add_lanes(m, i, &lanes, together);
	}
	return r;
}

static struct model model_of(
	const char *kernel, const struct noise_question *q, const struct noise_of *n)
{
	return (struct model){.configuration = n->configuration,
		.kernel = kernel,
		.work_ns = q->work_ns,
		.lanes = 1};
}

static int amplify_work(
	const struct summary *s, const struct noise_question *q, struct noise_of *ret)
{
	_cleanup_model_ struct model m = model_of("fwq", q, ret);
	int r = model_begin(&m);

	if (r >= 0)
		r = fill_by_work(s, &m);
	if (r >= 0)
		r = model_finish(&m);
	return r < 0 || !m.n_runs ? r : tell(&m, NULL, NULL, q, ret);
}

static int amplify_without(const struct origin *all, const char *cause,
	const struct model *as_measured, const struct noise_question *q, struct noise_of *ret)
{
	_cleanup_model_ struct model m = model_of("detour", q, ret);
	struct origin o = *all;
	int r = model_begin(&m);

	o.without = cause;
	if (r >= 0)
		r = fill_by_time(&o, false, &m);
	if (r >= 0)
		r = model_finish(&m);
	return r < 0 || m.n_runs != as_measured->n_runs ? r : tell(&m, as_measured, cause, q, ret);
}

/* Those that took most time, in order. */
static int amplify_causes(const struct origin *o, const struct model *m,
	const struct noise_question *q, struct noise_of *ret)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	const char *causes[CAUSES_MAX];
	size_t n = 0;
	int r = store_prepare(o->summary->store, &query,
		"SELECT cause, run FROM detour GROUP BY cause, run ORDER BY total(cause_ns) DESC");

	while (r >= 0 && n < CAUSES_MAX && (r = store_step(o->summary->store, query)) > 0) {
		const char *cause = store_text(o->summary->store, query, 0);
		const struct store_run *run = store_run(o->summary->store, store_number(query, 1));
		bool known = !run || !configuration_counts(m->configuration, run) || !cause ||
			     strcmp(cause, "unmatched") == 0;

		for (size_t i = 0; i < n && !known; i++)
			known = strcmp(causes[i], cause) == 0;
		if (!known)
			causes[n++] = cause;
	}
	for (size_t i = 0; i < n && r >= 0; i++)
		r = amplify_without(o, causes[i], m, q, ret);
	return r;
}

static int amplify_time(const struct origin *o, const char *kernel, bool together,
	const struct noise_question *q, struct noise_of *ret)
{
	_cleanup_model_ struct model m = model_of(kernel, q, ret);
	int r = model_begin(&m);

	if (r >= 0)
		r = fill_by_time(o, together, &m);
	if (r >= 0)
		r = model_finish(&m);
	if (r < 0 || !m.n_runs || (together && m.lanes < 2))
		return r;
	r = tell(&m, NULL, NULL, q, ret);
	return r < 0 || o->series || together ? r : amplify_causes(o, &m, q, ret);
}

int noise_amplify(const struct summary *s, const struct noise_series_list *l,
	const struct noise_question *question, struct noise_of *ret)
{
	const struct origin series = {s, l, NULL}, detours = {s, NULL, NULL};
	int r;

	if (!store_has_table(s->store, "distribution"))
		return 0;
	r = amplify_work(s, question, ret);
	for (int together = 0; together < 2 && r >= 0; together++) {
		r = amplify_time(&series, "ftq", together, question, ret);
		if (r >= 0)
			r = amplify_time(&detours, "detour", together, question, ret);
	}
	return r;
}
