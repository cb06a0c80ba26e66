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

#define CAUSES_MAX 12 /* that are taken out */

static const double usual_ranks[] = {1e3, 1e4, 1e5, 1e6};

const struct noise_question noise_usual_question = {
	.ranks = usual_ranks,
	.n_ranks = ARRAY_SIZE(usual_ranks),
	.steps = 1e4,
	.work_ns = 1e6,
};

/* Of a bag, what is in a cell that is not empty. */
struct part {
	size_t cell;
	double times;
};

/* How late steps were on a lane, or on the lanes of a run together. */
struct bag {
	size_t run; /* index of the configuration's */
	struct part *parts;
	size_t n;
};

struct model {
	const struct configuration *configuration;
	const char *kernel;
	const char *without; /* a cause; NULL: as measured */
	struct bag *bags;
	size_t n;
	double *open;          /* each cell of the bag that is being filled */
	double *counts, *sums; /* of each cell, all bags */
	double measured;       /* steps */
	double lanes;          /* a draw stands for so many ranks: 1, or those of a run together */
	double work_ns;
	size_t *runs; /* those that have any, by source */
	size_t n_runs;
	struct amplify amplify;
};

static void model_clear(struct model *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->bags[i].parts);
	free(m->bags);
	free(m->open);
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
	m->open = calloc(CELLS, sizeof(*m->open));
	m->counts = calloc(CELLS, sizeof(*m->counts));
	m->sums = calloc(CELLS, sizeof(*m->sums));
	return m->open && m->counts && m->sums ? 0 : -ENOMEM;
}

/* What was put since the last bag is one. Of a lane that was too short for a step there is none. */
static int close_bag(struct model *m, size_t run)
{
	struct bag bag = {.run = run};
	int r = 0;

	for (size_t i = 0; i < CELLS && r >= 0; i++)
		if (m->open[i] > 0) {
			r = ARRAY_ADD(bag.parts, bag.n, (struct part){i, m->open[i]});
			m->open[i] = 0;
		}
	if (r >= 0 && bag.n)
		r = ARRAY_ADD(m->bags, m->n, bag);
	if (r < 0)
		free(bag.parts);
	return r;
}

static void put_late(struct model *m, double late_ns, double times)
{
	size_t cell = cell_of(late_ns);

	m->open[cell] += times;
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
		r = replay(&l->list[i], each, m->work_ns, on_step, m);
		if (r >= 0)
			r = close_bag(m, run);
	}
	return r;
}

static size_t bags_of(const struct model *m, size_t run)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		n += m->bags[i].run == run;
	return n;
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
	_cleanup_free_ size_t *places = calloc(CELLS, sizeof(*places));
	size_t n = 0, source = 0;
	int r;

	if (!values || !mass || !places)
		return -ENOMEM;
	for (size_t i = 0; i < CELLS; i++) {
		places[i] = n;
		if (m->counts[i] > 0)
			values[n++] = m->sums[i] / m->counts[i];
	}
	r = find_runs(m);
	if (r >= 0)
		r = amplify_begin(values, n, m->n_runs, &m->amplify);
	for (size_t b = 0; b < m->n && r >= 0; b++) {
		const struct bag *bag = &m->bags[b];

		source += b > 0 && bag->run != m->bags[b - 1].run;
		memset(mass, 0, n * sizeof(*mass));
		for (size_t i = 0; i < bag->n; i++)
			mass[places[bag->parts[i].cell]] = bag->parts[i].times;
		amplify_add(&m->amplify, source, mass, 1 / (double)bags_of(m, bag->run));
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

/* What is asked, and how many of the rows that answer it are there. */
struct answer {
	const struct noise_question *question;
	size_t rows, done;
};

static void on_progress(double share, void *userdata)
{
	const struct answer *a = userdata;

	a->question->progress(((double)a->done + share) / (double)a->rows, NULL);
}

/* No whole node: nothing is held up together. */
static bool has_node(const struct model *m, double ranks)
{
	return ranks >= m->lanes;
}

static size_t rows_of(const struct model *m, const struct noise_question *q)
{
	size_t n = 0;

	for (size_t i = 0; i < q->n_ranks; i++)
		n += has_node(m, q->ranks[i]);
	return n;
}

static int simulate(const struct model *m, const double *weights, struct answer *answer,
	struct noise_amplification *a)
{
	struct amplify_steps steps;
	int r = amplify_simulate(&m->amplify, weights, fmax(a->ranks / m->lanes, 1),
		(uint64_t)answer->question->steps, 0,
		answer->question->progress ? on_progress : NULL, answer, &steps);

	answer->done++;
	if (r < 0)
		return r;
	a->steps = steps.steps;
	a->p50_ns = m->work_ns + steps.p50;
	a->p99_ns = m->work_ns + steps.p99;
	return 0;
}

/* A row for each number of ranks. */
static int tell(
	const struct model *m, const struct model *all, struct answer *answer, struct noise_of *ret)
{
	const struct noise_question *q = answer->question;
	_cleanup_bootstrap_ struct bootstrap *b = NULL;
	_cleanup_free_ double *ones = calloc(m->n_runs + 1, sizeof(*ones));
	int r = ones ? bootstrap_make(&m->n_runs, 1, &b) : -ENOMEM;

	for (size_t i = 0; i < m->n_runs && ones; i++)
		ones[i] = 1;
	for (size_t i = 0; i < q->n_ranks && r >= 0; i++) {
		if (!has_node(m, q->ranks[i]))
			continue;
		struct view view = {m, all, q->ranks[i]};
		struct noise_amplification a = {.kernel = m->kernel,
			.together = m->lanes > 1,
			.without = m->without,
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
		/* As no step becomes longer. */
		if (a.gain.range.low < 0)
			a.gain.range.low = 0;
		a.at_least =
			amplify_at_top(&m->amplify, ones, fmax(a.ranks / m->lanes, 1)) > MOSTLY;
		r = simulate(m, ones, answer, &a);
		if (r >= 0)
			r = ARRAY_ADD(ret->amplified, ret->n_amplified, a);
	}
	return r;
}

/* fwq: each of its quanta is a step. Bounds are those of the store's buckets. */
static const char work_sql[] =
	"SELECT b.worker, b.low_ns, b.high_ns, b.n, d.min_ns, d.max_ns, (SELECT count(*) FROM distribution c"
	" WHERE c.run = d.run AND c.kernel = d.kernel AND c.worker = d.worker) FROM distribution_bucket b"
	" JOIN distribution d ON d.run = b.run AND d.kernel = b.kernel AND d.worker = b.worker"
	" WHERE b.run = ?1 AND b.kernel = 'fwq' ORDER BY b.worker, b.low_ns";

/* Of the workers of a run: */
struct workers {
	int64_t last, n;
	double least; /* sum of the shortest quanta */
};

/* A row of work_sql. */
static int take_work(struct model *m, size_t run, sqlite3_stmt *row, struct workers *w)
{
	double min = sqlite3_column_double(row, 4);
	double low = fmax(sqlite3_column_double(row, 1), min);
	double high = fmin(sqlite3_column_double(row, 2), sqlite3_column_double(row, 5));
	int r = 0;

	if (!(min > 0) || sqlite3_column_int64(row, 6) != 1)
		return -EBADMSG;
	if (w->n == 0 || w->last != store_number(row, 0)) {
		r = close_bag(m, run);
		w->last = store_number(row, 0);
		w->least += min;
		if (++w->n > m->configuration->cores)
			return -EBADMSG;
	}
	put_late(m, fmax((low + high) / 2 - min, 0), fmax(sqlite3_column_double(row, 3), 0));
	return r;
}

static int fill_by_work(const struct summary *s, struct model *m)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	double least = 0, workers = 0;
	int r = store_prepare(s->store, &query, work_sql);

	for (size_t i = 0; i < m->configuration->series.n && r >= 0; i++) {
		const struct store_run *run = m->configuration->series.runs[i];
		struct workers w = {.n = 0};

		sqlite3_reset(query);
		sqlite3_bind_int64(query, 1, run->id);
		while (r >= 0 && (r = store_step(s->store, query)) > 0) {
			r = take_work(m, i, query, &w);
			if (r == -EBADMSG)
				store_damaged(s->store, "distribution", run->id);
		}
		if (r >= 0)
			r = close_bag(m, i);
		least += w.least;
		workers += (double)w.n;
	}
	m->work_ns = workers > 0 ? least / workers : NAN;
	return r;
}

static int amplify_work(
	const struct summary *s, const struct noise_question *q, struct noise_of *ret)
{
	_cleanup_model_ struct model m = {
		.configuration = ret->configuration, .kernel = "fwq", .lanes = 1};
	struct answer answer = {.question = q};
	int r = model_begin(&m);

	if (r >= 0)
		r = fill_by_work(s, &m);
	if (r >= 0)
		r = model_finish(&m);
	answer.rows = rows_of(&m, q);
	return r < 0 || !m.n_runs ? r : tell(&m, NULL, &answer, ret);
}

/* What is made of the lanes of a configuration's runs. */
struct models {
	const struct summary *summary;
	const struct noise_series_list *series; /* where lanes come from; NULL: detours */
	const struct noise_question *question;
	struct model
		list[CAUSES_MAX + 2]; /* as measured; without a cause each; all lanes together */
	size_t n;
	int64_t *workers; /* of each run: how many were measured */
	int64_t most;
};

static void models_clear(struct models *m)
{
	for (size_t i = 0; i < m->n; i++)
		model_clear(&m->list[i]);
	free(m->workers);
}

#define _cleanup_models_ __attribute__((cleanup(models_clear)))

static int add_model(struct models *m, const struct noise_of *n, const char *without, double lanes)
{
	struct model *one = &m->list[m->n++];

	*one = (struct model){.configuration = n->configuration,
		.kernel = m->series ? "ftq" : "detour",
		.without = without,
		.work_ns = m->question->work_ns,
		.lanes = lanes};
	return model_begin(one);
}

static int count_workers(struct models *m, const struct noise_of *n)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	int r = store_prepare(m->summary->store, &query,
		"SELECT count(*) FROM distribution WHERE run = ?1 AND kernel = ?2");

	m->workers = calloc(n->configuration->series.n + 1, sizeof(*m->workers));
	if (!m->workers)
		return -ENOMEM;
	for (size_t i = 0; i < n->configuration->series.n && r >= 0; i++) {
		sqlite3_reset(query);
		sqlite3_bind_int64(query, 1, n->configuration->series.runs[i]->id);
		sqlite3_bind_text(query, 2, m->series ? "ftq" : "detour", -1, SQLITE_STATIC);
		r = store_step(m->summary->store, query);
		if (r > 0)
			m->workers[i] = store_number(query, 0);
		if (m->workers[i] > m->most)
			m->most = m->workers[i];
	}
	return r < 0 ? r : 0;
}

struct cause {
	const char *name;
	double ns;
};

static int by_time(const void *a, const void *b)
{
	const struct cause *x = a, *y = b;

	return (x->ns < y->ns) - (x->ns > y->ns);
}

/* More of it. */
static int add_cause(struct cause list[DETOUR_CAUSES_MAX], size_t *n, const char *name, double ns)
{
	for (size_t i = 0; i < *n; i++)
		if (list[i].name == name) {
			list[i].ns += ns;
			return 0;
		}
	if (*n == DETOUR_CAUSES_MAX)
		return -EBADMSG;
	list[(*n)++] = (struct cause){name, ns};
	return 0;
}

static int read_causes(const struct summary *s, const struct configuration *c,
	struct cause list[DETOUR_CAUSES_MAX], size_t *n)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	int r = store_prepare(s->store, &query,
		"SELECT cause, total(cause_ns) FROM detour WHERE run = ?1 GROUP BY cause");

	for (size_t i = 0; i < c->series.n && r >= 0; i++) {
		sqlite3_reset(query);
		sqlite3_bind_int64(query, 1, c->series.runs[i]->id);
		while (r >= 0 && (r = store_step(s->store, query)) > 0) {
			const char *name = store_text(s->store, query, 0);

			r = name ? add_cause(list, n, name, sqlite3_column_double(query, 1))
				 : -ENOMEM;
			if (r == -EBADMSG)
				store_damaged(s->store, "detour", c->series.runs[i]->id);
		}
	}
	return r;
}

/* A model without each of those that took most time, in order. */
static int add_causes(struct models *m, const struct noise_of *n)
{
	struct cause list[DETOUR_CAUSES_MAX];
	size_t n_causes = 0, added = 0;
	int r = read_causes(m->summary, n->configuration, list, &n_causes);

	if (r >= 0 && n_causes)
		qsort(list, n_causes, sizeof(*list), by_time);
	for (size_t i = 0; i < n_causes && added < CAUSES_MAX && r >= 0; i++)
		if (strcmp(list[i].name, "unmatched") != 0) {
			r = add_model(m, n, list[i].name, 1);
			added++;
		}
	return r;
}

/* The lanes of a run go into each model. Only runs of which all lanes are told, as many as others have, say what holds up a
 * node. */
static int fill(struct models *m, size_t i, const struct store_run *run)
{
	_cleanup_noise_lanes_ struct noise_lanes lanes = {.n = 0};
	int r = m->series ? noise_lanes_of_series(m->series, run, &lanes)
			  : noise_lanes_of_detours(m->summary, run, &lanes);
	bool whole = (int64_t)lanes.n == m->most && m->workers[i] == m->most;

	for (size_t k = 0; k < m->n && r >= 0; k++) {
		struct model *one = &m->list[k];

		if (one->lanes > 1 && !whole)
			continue;
		noise_lanes_without(&lanes, one->without);
		r = add_lanes(one, i, &lanes, one->lanes > 1);
		if (r == -EBADMSG)
			store_damaged(m->summary->store,
				m->series ? "distribution_series" : "distribution", run->id);
	}
	return r;
}

/* Without a cause: of the same runs as with it. */
static bool is_told(const struct models *m, size_t k)
{
	const struct model *one = &m->list[k];

	return one->n_runs && (!one->without || one->n_runs == m->list[0].n_runs);
}

static int tell_all(struct models *m, struct noise_of *ret)
{
	struct answer answer = {.question = m->question};
	int r = 0;

	for (size_t k = 0; k < m->n && r >= 0; k++)
		r = model_finish(&m->list[k]);
	for (size_t k = 0; k < m->n && r >= 0; k++)
		answer.rows += is_told(m, k) ? rows_of(&m->list[k], m->question) : 0;
	for (size_t k = 0; k < m->n && r >= 0; k++)
		if (is_told(m, k))
			r = tell(
				&m->list[k], m->list[k].without ? &m->list[0] : NULL, &answer, ret);
	return r;
}

static int amplify_time(const struct summary *s, const struct noise_series_list *series,
	const struct noise_question *q, struct noise_of *ret)
{
	_cleanup_models_ struct models m = {.summary = s, .series = series, .question = q};
	const struct run_series *runs = &ret->configuration->series;
	int r = count_workers(&m, ret);

	if (r < 0 || (series ? series->n == 0 : m.most == 0))
		return r;
	r = add_model(&m, ret, NULL, 1);
	if (r >= 0 && !series && store_has_table(s->store, "detour"))
		r = add_causes(&m, ret);
	if (r >= 0 && m.most > 1)
		r = add_model(&m, ret, NULL, (double)m.most);
	for (size_t i = 0; i < runs->n && r >= 0; i++)
		r = fill(&m, i, runs->runs[i]);
	return r < 0 ? r : tell_all(&m, ret);
}

int noise_amplify(const struct summary *s, const struct noise_series_list *l,
	const struct noise_question *question, struct noise_of *ret)
{
	int r;

	if (!store_has_table(s->store, "distribution"))
		return 0;
	r = amplify_work(s, question, ret);
	if (r >= 0)
		r = amplify_time(s, l, question, ret);
	return r < 0 ? r : amplify_time(s, NULL, question, ret);
}
