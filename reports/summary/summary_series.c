/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Each configuration's runs one by one, in order of execution: what statistics and explanations
 * start from. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "reports/summary/summary_internal.h"

/* Whole numbers below this are exact as doubles: 2^53 ns are 104 days. */
#define EXACT_MAX 9007199254740992.0

/** Where a run is: its configuration, and its place among the configuration's runs. */
struct place {
	struct configuration *configuration;
	size_t index;
	double magnitude; /**< sum of all its times, whatever their sign */
	bool accounted;
};

static double known(int64_t ns)
{
	return ns == STORE_NULL ? NAN : (double)ns;
}

void book_clear(struct book_series *b)
{
	free(b->wall_ns);
	for (size_t i = 0; i < b->n_details; i++)
		free(b->details[i].ns);
	for (size_t i = 0; i < b->n_helpers; i++)
		free(b->helpers[i].ns);
	free(b->details);
	free(b->helpers);
}

void series_clear(struct run_series *series, size_t n_phases)
{
	if (series->split_window != &series->window && series->split_window) {
		for (size_t i = 0; i < n_phases; i++)
			book_clear(&series->split_phases[i]);
		book_clear(series->split_window);
		free(series->split_phases);
		free(series->split_window);
	}
	for (size_t i = 0; series->phases && i < n_phases; i++)
		book_clear(&series->phases[i]);
	free(series->phases);
	book_clear(&series->window);
	free(series->runs);
	free(series->position);
}

/** One block of numbers for wall times, wholes and all terms. */
static int book_begin(struct book_series *b, const char *name, size_t n)
{
	double *block = calloc((TERM_COUNT + 2) * (n + 1), sizeof(*block));

	if (!block)
		return -ENOMEM;
	*b = (struct book_series){.name = name, .wall_ns = block, .whole_ns = block + n + 1};
	for (size_t k = 0; k < TERM_COUNT; k++)
		b->term_ns[k] = block + (k + 2) * (n + 1);
	return 0;
}

int book_copy(const struct book_series *book, size_t n, struct book_series *ret)
{
	int r = book_begin(ret, book->name, n);

	if (r < 0)
		return r;
	memcpy(ret->wall_ns, book->wall_ns, (TERM_COUNT + 2) * (n + 1) * sizeof(*ret->wall_ns));
	memcpy(ret->sampled, book->sampled, sizeof(ret->sampled));
	ret->has_accounts = book->has_accounts;
	ret->accounted = book->accounted;
	for (size_t i = 0; i < book->n_details; i++) {
		struct detail_series d = book->details[i];

		d.ns = calloc(n + 1, sizeof(*d.ns));
		if (!d.ns || ARRAY_ADD(ret->details, ret->n_details, d) < 0) {
			free(d.ns);
			return -ENOMEM;
		}
		memcpy(d.ns, book->details[i].ns, n * sizeof(*d.ns));
	}
	return 0;
}

static int compare_runs(const void *a, const void *b)
{
	const struct store_run *x = *(const struct store_run *const *)a;
	const struct store_run *y = *(const struct store_run *const *)b;

	if (x->position != y->position)
		return x->position < y->position ? -1 : 1;
	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

static int series_begin(const struct summary *s, struct configuration *configuration)
{
	const struct store_tables *t = store_tables(s->store);
	struct run_series *series = &configuration->series;
	size_t room = configuration->n_ok + 1;
	int r;

	series->runs = calloc(room, sizeof(struct store_run *));
	series->position = calloc(7 * room, sizeof(*series->position));
	series->phases = calloc(configuration->n_phases + 1, sizeof(*series->phases));
	if (!series->runs || !series->position || !series->phases)
		return -ENOMEM;
	series->start_ns = series->position + room;
	series->boot_ns = series->start_ns + room;
	series->runtime_ns = series->boot_ns + room;
	series->guest_runtime_ns = series->runtime_ns + room;
	series->between_ns = series->guest_runtime_ns + room;
	series->cpu_ns = series->between_ns + room;
	for (size_t i = 0; i < t->n_runs; i++)
		if (configuration_counts(configuration, &t->runs[i]))
			series->runs[series->n++] = &t->runs[i];
	qsort(series->runs, series->n, sizeof(struct store_run *), compare_runs);
	r = book_begin(&series->window, configuration->window.name, series->n);
	for (size_t i = 0; i < configuration->n_phases && r >= 0; i++)
		r = book_begin(&series->phases[i], configuration->phases[i].name, series->n);
	return r;
}

static void fill_times(struct run_series *series, const struct store_tables *t,
	struct place *places, struct configuration *configuration)
{
	series->exact = series->n > 0;
	for (size_t i = 0; i < series->n; i++) {
		const struct store_run *run = series->runs[i];

		places[run - t->runs] = (struct place){.configuration = configuration, .index = i};
		series->position[i] = known(run->position);
		series->start_ns[i] = known(run->start_ns);
		series->boot_ns[i] = known(run->boot_ns);
		series->runtime_ns[i] = known(run->runtime_ns);
		series->guest_runtime_ns[i] = known(run->guest_runtime_ns);
		series->window.wall_ns[i] = series->runtime_ns[i];
		series->exact &= run->runtime_ns != STORE_NULL;
	}
}

static struct place *place_of(const struct summary *s, struct place *places, int64_t run_id)
{
	const struct store_run *run = store_run(s->store, run_id);
	struct place *place = run ? &places[run - store_tables(s->store)->runs] : NULL;

	return place && place->configuration ? place : NULL;
}

/** What an account adds to the books: its own words in the vocabulary of this report. */
struct entry {
	const struct store_account *account;
	int state; /**< STATE_COUNT: a helper thread */
	const char *detail;
	double ns;
};

static int add_detail(
	struct detail_series **list, size_t *n, const struct place *place, const struct entry *e)
{
	struct detail_series *d = NULL;

	for (size_t i = 0; i < *n && !d; i++)
		if ((int)(*list)[i].state == e->state && (*list)[i].detail == e->detail)
			d = &(*list)[i];
	if (!d) {
		double *values = calloc(place->configuration->series.n + 1, sizeof(*values));

		d = values ? ARRAY_PUSH(*list, *n) : NULL;
		if (!d) {
			free(values);
			return -ENOMEM;
		}
		*d = (struct detail_series){.state = (enum lane_state)e->state,
			.detail = e->detail,
			.ns = values,
			.exact = true};
	}
	d->ns[place->index] += e->ns;
	if (e->account->ns == 0)
		return 0;
	d->any = true;
	d->exact &= e->account->exact;
	d->count += known(e->account->count);
	return 0;
}

static int add_to_book(struct book_series *b, const struct place *place, const struct entry *e)
{
	if (e->account->helper)
		return add_detail(&b->helpers, &b->n_helpers, place, e);
	b->accounted = true;
	b->sampled[e->state] |= !e->account->exact;
	b->term_ns[e->state][place->index] += e->ns;
	return add_detail(&b->details, &b->n_details, place, e);
}

static struct entry entry_of(const struct store_account *a)
{
	int state = a->helper ? STATE_COUNT : state_from_name(a->state);

	return (struct entry){.account = a,
		.state = state < 0 ? STATE_NONE : state,
		.detail = state < 0 ? a->state : a->detail,
		.ns = (double)a->ns};
}

/** The one place where accounts are summed. */
static int add_account(const struct summary *s, struct place *places, const struct store_account *a)
{
	const struct store_run *run = store_run(s->store, a->run);
	struct place *place = place_of(s, places, a->run);
	struct book_series *phase =
		place ? configuration_phase(place->configuration, a->phase) : NULL;
	const struct entry e = entry_of(a);
	bool outside = phase_is_outside(a->phase);
	int r;

	if (run && !outside && !a->helper) {
		struct run_states *states = &s->runs[run - store_tables(s->store)->runs];

		states->known = true;
		states->ns[e.state] += e.ns;
	}
	if (!phase)
		return 0;
	r = add_to_book(phase, place, &e);
	if (r >= 0 && !outside)
		r = add_to_book(&place->configuration->series.window, place, &e);
	if (!a->helper) {
		place->magnitude += fabs(e.ns);
		place->accounted |= !outside;
	}
	return r;
}

static void add_wall(const struct summary *s, struct place *places, const struct store_phase *p)
{
	struct place *place = place_of(s, places, p->run);
	struct book_series *phase =
		place ? configuration_phase(place->configuration, p->name) : NULL;

	double ns = (double)p->end_ns - (double)p->start_ns;

	if (!phase || p->start_ns == STORE_NULL || p->end_ns == STORE_NULL)
		return;
	phase->wall_ns[place->index] += ns;
	place->magnitude += fabs(ns) * (double)place->configuration->cores;
}

/** What the states leave of the whole. */
static void close_book(struct book_series *b, const struct configuration *configuration)
{
	for (size_t i = 0; i < configuration->series.n; i++) {
		double rest = b->whole_ns[i] = b->wall_ns[i] * (double)configuration->cores;

		for (size_t k = 0; k < STATE_COUNT; k++)
			rest -= b->term_ns[k][i];
		b->term_ns[TERM_RESIDUAL][i] = rest;
	}
}

/** Time on a CPU, whatever is executed there, but for interrupts: these are others' work. */
static double cpu_of(const struct book_series *window, size_t run)
{
	static const enum lane_state on_cpu[] = {
		STATE_ONCPU, STATE_GUEST, STATE_USER, STATE_VMM, STATE_KERNEL};
	double sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(on_cpu); i++)
		sum += window->term_ns[on_cpu[i]][run];
	return sum;
}

static void close_configuration(struct configuration *configuration, const struct store_tables *t,
	const struct place *places)
{
	struct run_series *series = &configuration->series;

	series->window.has_accounts = series->n > 0;
	for (size_t i = 0; i < series->n; i++) {
		const struct place *place = &places[series->runs[i] - t->runs];

		series->window.has_accounts &= place->accounted;
		series->cpu_ns[i] = place->accounted ? cpu_of(&series->window, i) : NAN;
		series->exact &= place->magnitude + fabs(series->runtime_ns[i]) *
							    (double)configuration->cores <
				 EXACT_MAX;
	}
	close_book(&series->window, configuration);
	for (size_t i = 0; i < series->n; i++) {
		double rest = series->window.wall_ns[i];

		for (size_t j = 0; j < configuration->n_phases; j++)
			if (!phase_is_outside(series->phases[j].name))
				rest -= series->phases[j].wall_ns[i];
		series->between_ns[i] = rest * (double)configuration->cores;
	}
	for (size_t i = 0; i < configuration->n_phases; i++) {
		series->phases[i].has_accounts = phase_is_outside(series->phases[i].name)
							 ? series->phases[i].accounted
							 : series->window.has_accounts;
		close_book(&series->phases[i], configuration);
	}
}

int summary_make_series(struct summary *s)
{
	const struct store_tables *t = store_tables(s->store);
	_cleanup_free_ struct place *places = calloc(t->n_runs + 1, sizeof(*places));
	int r = 0;

	s->runs = calloc(t->n_runs + 1, sizeof(*s->runs));
	if (!places || !s->runs)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_configurations && r >= 0; i++) {
		r = series_begin(s, &s->configurations[i]);
		if (r >= 0)
			fill_times(&s->configurations[i].series, t, places, &s->configurations[i]);
	}
	for (size_t i = 0; i < t->n_phases && r >= 0; i++)
		add_wall(s, places, &t->phases[i]);
	for (size_t i = 0; i < t->n_accounts && r >= 0; i++)
		r = add_account(s, places, &t->accounts[i]);
	for (size_t i = 0; i < s->n_configurations && r >= 0; i++)
		close_configuration(&s->configurations[i], t, places);
	return r;
}
