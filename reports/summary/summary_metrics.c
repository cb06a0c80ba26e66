/* SPDX-License-Identifier: GPL-2.0-or-later */
/** The numbers that the programs of a cell's runs wrote. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "common/array.h"
#include "reports/summary/summary_internal.h"

struct cell_metric *cell_metric(const struct cell *cell, const char *name)
{
	for (size_t i = 0; i < cell->n_metrics; i++)
		if (cell->metrics[i].name == name)
			return &cell->metrics[i];
	return NULL;
}

static struct cell_metric *add_metric(struct cell *cell, const struct store_metric *m)
{
	double *values = calloc(cell->series.n + 1, sizeof(*values));
	struct cell_metric *metric = values ? ARRAY_PUSH(cell->metrics, cell->n_metrics) : NULL;

	if (!metric) {
		free(values);
		return NULL;
	}
	for (size_t i = 0; i < cell->series.n; i++)
		values[i] = NAN;
	*metric = (struct cell_metric){.name = m->name, .wish = m->wish, .values = values};
	return metric;
}

static int take_metric(const struct summary *s, const struct store_metric *m)
{
	const struct store_run *run = store_run(s->store, m->run);
	struct cell *cell = run && run->ok && run->counted ? summary_cell(s, run) : NULL;
	struct cell_metric *metric = cell ? cell_metric(cell, m->name) : NULL;

	if (!cell)
		return 0;
	if (!metric)
		metric = add_metric(cell, m);
	if (!metric)
		return -ENOMEM;
	for (size_t i = 0; i < cell->series.n; i++)
		if (cell->series.runs[i] == run)
			metric->values[i] = m->value;
	return 0;
}

static void sum_up(struct cell *cell)
{
	for (size_t i = 0; i < cell->n_metrics; i++)
		for (size_t run = 0; run < cell->series.n; run++)
			if (!isnan(cell->metrics[i].values[run]))
				statistic_add(
					&cell->metrics[i].known, cell->metrics[i].values[run]);
}

int summary_make_metrics(struct summary *s)
{
	const struct store_tables *t = store_tables(s->store);

	for (size_t i = 0; i < t->n_metrics; i++) {
		int r = take_metric(s, &t->metrics[i]);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < s->n_cells; i++)
		sum_up(&s->cells[i]);
	return 0;
}
