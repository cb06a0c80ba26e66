/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/summary/summary.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "reports/summary/summary_internal.h"
#include "reports/text/text.h"

/* With the rest of the name below what file systems take. */
#define FILE_NAME_BYTES 180

struct book_series *cell_phase(const struct cell *cell, const char *name)
{
	for (size_t i = 0; cell && i < cell->n_phases; i++)
		if (cell->series.phases[i].name == name)
			return &cell->series.phases[i];
	return NULL;
}

const char *state_label(int state)
{
	return state < 0                ? NULL
	       : state == STATE_NONE    ? "other"
	       : state == TERM_RESIDUAL ? "residual"
					: state_table[state].name;
}

bool phase_is_outside(const char *name)
{
	return strcmp(name, "boot") == 0;
}

void summary_free(struct summary *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_cells; i++) {
		series_clear(&s->cells[i].series, s->cells[i].n_phases);
		free(s->cells[i].own_name);
		free(s->cells[i].own_file_name);
		free(s->cells[i].phases);
		free(s->cells[i].phase_ns);
		free(s->cells[i].details);
		for (size_t j = 0; j < s->cells[i].n_metrics; j++)
			free(s->cells[i].metrics[j].values);
		free(s->cells[i].metrics);
	}
	free(s->runs);
	free(s->cells);
	free(s);
}

/* Names are interned by the store, so pointers tell them apart. */
bool cell_has(const struct cell *cell, const struct store_run *run)
{
	return cell->guest == run->guest && cell->cores == run->cores &&
	       cell->scenario == run->scenario && cell->label == run->label;
}

bool cell_counts(const struct cell *cell, const struct store_run *run)
{
	return run->ok && run->counted && cell_has(cell, run);
}

struct cell *summary_cell(const struct summary *s, const struct store_run *run)
{
	for (size_t i = 0; i < s->n_cells; i++)
		if (cell_has(&s->cells[i], run))
			return &s->cells[i];
	return NULL;
}

/** The cell of a run that counts, or NULL. */
static struct cell *cell_of(const struct summary *s, int64_t run_id, const struct store_run **ret)
{
	const struct store_run *run = store_run(s->store, run_id);

	if (!run || !run->ok || !run->counted)
		return NULL;
	if (ret)
		*ret = run;
	return summary_cell(s, run);
}

const struct cell *summary_cell_of(const struct summary *s, int64_t run)
{
	return cell_of(s, run, NULL);
}

static void add_time(struct statistic *s, int64_t ns)
{
	if (ns != STORE_NULL)
		statistic_add(s, (double)ns);
}

static void add_run(struct summary *s, struct cell *cell, const struct store_run *run)
{
	if (!run->counted) {
		cell->n_warmups++;
		s->n_warmups++;
		return;
	}
	cell->n_runs++;
	s->n_runs++;
	if (run->lost_events != STORE_NULL)
		cell->lost_events += run->lost_events;
	if (!run->ok)
		return;
	cell->n_ok++;
	s->n_ok++;
	cell->n_closed += run->closed == 1;
	cell->n_audited += run->audited == 1;
	cell->n_not_audited += run->audited == STORE_NULL;
	add_time(&cell->boot_ns, run->boot_ns);
	add_time(&cell->runtime_ns, run->runtime_ns);
	add_time(&cell->guest_runtime_ns, run->guest_runtime_ns);
	add_time(&cell->residual_ns, run->residual_ns);
}

/** The customary order of stacks, from the fewest layers to the most; others follow by name. */
static const char *const stack_order[] = {
	"native", "docker", "podman", "bare", "osv", "linux-minimal", "linux"};

static size_t stack_rank(const char *guest)
{
	for (size_t i = 0; i < ARRAY_SIZE(stack_order); i++) {
		size_t n = strlen(stack_order[i]);

		/* In merged stores a stack is called "<guest>@<folder>". */
		if (strncmp(guest, stack_order[i], n) == 0 && (guest[n] == '\0' || guest[n] == '@'))
			return i;
	}
	return ARRAY_SIZE(stack_order);
}

static int compare_cells(const void *a, const void *b)
{
	const struct cell *x = a, *y = b;

	if (x->scenario != y->scenario)
		return strcmp(x->scenario, y->scenario);
	if (x->cores != y->cores)
		return x->cores < y->cores ? -1 : 1;
	if (stack_rank(x->guest) != stack_rank(y->guest))
		return stack_rank(x->guest) < stack_rank(y->guest) ? -1 : 1;
	if (x->guest != y->guest)
		return strcmp(x->guest, y->guest);
	return strcmp(x->label, y->label);
}

static bool file_name_is_taken(const struct summary *s, size_t n, const char *name)
{
	for (size_t j = 0; j < n; j++)
		if (strcmp(s->cells[j].file_name, name) == 0)
			return true;
	return false;
}

/** Of the names of @n cells, none the same as this one's, whatever it is made of. */
static int name_file(const struct summary *s, size_t n)
{
	struct cell *cell = &s->cells[n];

	for (unsigned turn = 1;; turn++) {
		char number[16] = "";

		if (turn > 1)
			snprintf(number, sizeof(number), "~%u", turn);
		free(cell->own_file_name);
		if (asprintf(&cell->own_file_name, "%.*s%s", FILE_NAME_BYTES, cell->name, number) <
			0) {
			cell->own_file_name = NULL;
			return -ENOMEM;
		}
		text_clean_file_name(cell->own_file_name);
		if (!file_name_is_taken(s, n, cell->own_file_name))
			break;
	}
	cell->file_name = cell->own_file_name;
	return 0;
}

/** One name for all cells that differ in their cores alone. */
static int name_cell(const struct summary *s, size_t i, bool several)
{
	struct cell *cell = &s->cells[i];

	for (size_t j = 0; j < i && !cell->name; j++)
		if (s->cells[j].guest == cell->guest && s->cells[j].label == cell->label &&
			s->cells[j].scenario == cell->scenario) {
			cell->name = s->cells[j].name;
			cell->file_name = s->cells[j].file_name;
		}
	if (cell->name)
		return 0;
	if (asprintf(&cell->own_name, "%s%s%s%s%s", cell->guest, *cell->label ? " " : "",
		    cell->label, several ? " " : "", several ? cell->scenario : "") < 0) {
		cell->own_name = NULL;
		return -ENOMEM;
	}
	cell->name = cell->own_name;
	return name_file(s, i);
}

/** What tells a cell from the others of its cores: the stack, the label; the scenario only where
 * there are several. */
static int name_cells(struct summary *s)
{
	bool several = false;
	int r = 0;

	for (size_t i = 1; i < s->n_cells; i++)
		several |= s->cells[i].scenario != s->cells[0].scenario;
	for (size_t i = 0; i < s->n_cells && r >= 0; i++)
		r = name_cell(s, i, several);
	return r;
}

static int make_cells(struct summary *s)
{
	const struct store_tables *t = store_tables(s->store);

	s->cells = calloc(t->n_runs + 1, sizeof(*s->cells));
	if (!s->cells)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_runs; i++) {
		const struct store_run *run = &t->runs[i];
		struct cell *cell = summary_cell(s, run);

		if (!cell) {
			cell = &s->cells[s->n_cells++];
			*cell = (struct cell){.guest = run->guest,
				.cores = run->cores,
				.scenario = run->scenario,
				.label = run->label,
				.accel = run->accel,
				.window.name = "window",
				.audit_worst = NAN};
		}
		add_run(s, cell, run);
	}
	qsort(s->cells, s->n_cells, sizeof(*s->cells), compare_cells);
	return name_cells(s);
}

static struct book *find_phase(struct cell *cell, const char *name)
{
	for (size_t i = 0; i < cell->n_phases; i++)
		if (cell->phases[i].name == name)
			return &cell->phases[i];
	return NULL;
}

static struct book *add_phase(struct cell *cell, const char *name)
{
	if (ARRAY_MORE(cell->phases, cell->n_phases, 1) < 0 ||
		ARRAY_MORE(cell->phase_ns, cell->n_phases, 1) < 0)
		return NULL;
	cell->phases[cell->n_phases] = (struct book){.name = name};
	cell->phase_ns[cell->n_phases] = (struct statistic){};
	return &cell->phases[cell->n_phases++];
}

/** Walls of phases: the whole that the books have to fill. */
static int add_phases(struct summary *s)
{
	const struct store_tables *t = store_tables(s->store);

	for (size_t i = 0; i < t->n_phases; i++) {
		const struct store_phase *phase = &t->phases[i];
		const struct store_run *run = NULL;
		struct cell *cell = cell_of(s, phase->run, &run);
		double wall = (double)phase->end_ns - (double)phase->start_ns;
		struct book *book;

		if (!cell || phase->start_ns == STORE_NULL || phase->end_ns == STORE_NULL)
			continue;
		book = find_phase(cell, phase->name);
		if (!book)
			book = add_phase(cell, phase->name);
		if (!book)
			return -ENOMEM;
		book->n_runs++;
		book->lane_time_ns += wall * (double)run->cores;
		statistic_add(&cell->phase_ns[book - cell->phases], wall);
		if (!phase_is_outside(phase->name))
			cell->window.lane_time_ns += wall * (double)run->cores;
	}
	return 0;
}

/** Sums over the runs into means, and what the states leave of the whole into the residual. */
static void fill_book(struct book *book, const struct book_series *series, size_t n_series)
{
	double n = book->n_runs ? (double)book->n_runs : 1, sum = 0;

	book->has_accounts = series->accounted;
	book->lane_time_ns /= n;
	for (size_t i = 0; i < series->n_helpers; i++)
		for (size_t run = 0; run < n_series; run++)
			book->helper_ns += series->helpers[i].ns[run];
	book->helper_ns /= n;
	for (int k = 0; k < STATE_COUNT; k++) {
		for (size_t run = 0; run < n_series; run++)
			book->state_ns[k] += series->term_ns[k][run];
		book->state_ns[k] /= n;
		book->sampled[k] = series->sampled[k];
		sum += book->state_ns[k];
	}
	book->residual_ns = book->lane_time_ns - sum;
	/* Sums of means are rounded; a nanosecond is the least that can be missing. */
	if (fabs(book->residual_ns) < 0.5)
		book->residual_ns = 0;
}

static void fill_books(struct summary *s)
{
	for (size_t i = 0; i < s->n_cells; i++) {
		struct cell *cell = &s->cells[i];
		const struct run_series *series = &cell->series;

		cell->window.n_runs = cell->n_ok;
		fill_book(&cell->window, &series->window, series->n);
		for (size_t j = 0; j < cell->n_phases; j++)
			fill_book(&cell->phases[j], &series->phases[j], series->n);
		for (int k = 0; k < STATE_COUNT; k++)
			s->state_used[k] |= cell->window.state_ns[k] > 0;
	}
}

static void add_audits(struct summary *s)
{
	const struct store_tables *t = store_tables(s->store);

	for (size_t i = 0; i < t->n_audits; i++) {
		const struct store_audit *audit = &t->audits[i];
		struct cell *cell = cell_of(s, audit->run, NULL);
		double ratio;

		if (!cell || audit->bound_ns == STORE_NULL || audit->bound_ns <= 0)
			continue;
		ratio = fabs((double)audit->books_ns - (double)audit->other_ns) /
			(double)audit->bound_ns;
		if (isnan(cell->audit_worst) || ratio > cell->audit_worst)
			cell->audit_worst = ratio;
	}
}

int summary_make(struct store_reader *store, struct summary **ret)
{
	_cleanup_summary_ struct summary *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->store = store;
	r = make_cells(s);
	if (r >= 0)
		r = add_phases(s);
	if (r >= 0)
		r = summary_make_series(s);
	if (r >= 0)
		r = summary_make_metrics(s);
	if (r >= 0)
		r = summary_make_details(s);
	if (r < 0)
		return r;
	fill_books(s);
	add_audits(s);
	*ret = TAKE_PTR(s);
	return 0;
}
