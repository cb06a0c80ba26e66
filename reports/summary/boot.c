/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/summary/boot.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/boot_step.h"
#include "common/cleanup.h"
#include "reports/summary/summary_internal.h"

/** A row of table boot_step; its texts are interned by the store, so pointers tell them apart. */
struct step_row {
	int64_t run;
	const char *name;
	const char *source;
	double ns;
};

/** The steps of one run: @n rows from @first on. */
struct step_run {
	const struct configuration *configuration;
	size_t first, n;
	bool chosen; /* has the steps that most runs of its configuration have */
};

struct step_table {
	struct step_row *rows;
	size_t n_rows;
	struct step_run *runs;
	size_t n_runs;
};

#define STEPS_SQL                                                                                  \
	"SELECT run, name, source, end_ns - start_ns, start_ns, end_ns FROM boot_step"             \
	" WHERE start_ns IS NOT NULL AND end_ns IS NOT NULL ORDER BY run, position"

static void step_table_clear(struct step_table *t)
{
	free(t->rows);
	free(t->runs);
}

static int add_row(struct step_table *t, const struct summary *s, const struct step_row *row)
{
	const struct configuration *configuration = summary_configuration_of(s, row->run);

	if (!configuration)
		return 0;
	if (t->n_rows == 0 || t->rows[t->n_rows - 1].run != row->run) {
		struct step_run run = {.configuration = configuration, .first = t->n_rows};

		if (ARRAY_ADD(t->runs, t->n_runs, run) < 0)
			return -ENOMEM;
	}
	t->runs[t->n_runs - 1].n++;
	return ARRAY_ADD(t->rows, t->n_rows, *row);
}

static int read_steps(const struct summary *s, struct step_table *t)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	int r;

	if (!store_has_table(s->store, "boot_step"))
		return 0;
	r = store_prepare(s->store, &query, STEPS_SQL);
	while (r >= 0 && (r = store_step(s->store, query)) > 0) {
		struct step_row row = {
			.run = store_number(query, 0),
			.name = store_text(s->store, query, 1),
			.source = store_text(s->store, query, 2),
			.ns = (double)store_number(query, 3),
		};

		if (!row.name || !row.source)
			continue;
		r = add_row(t, s, &row);
	}
	return r;
}

static bool same_steps(
	const struct step_table *t, const struct step_run *a, const struct step_run *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (t->rows[a->first + i].name != t->rows[b->first + i].name)
			return false;
	return true;
}

/* The first of the runs of @configuration whose steps most others share; of equals, that with
 * more steps. */
static const struct step_run *choose(
	const struct step_table *t, const struct configuration *configuration)
{
	const struct step_run *best = NULL;
	size_t best_count = 0;

	for (size_t i = 0; i < t->n_runs; i++) {
		size_t count = 0;

		if (t->runs[i].configuration != configuration)
			continue;
		for (size_t j = 0; j < t->n_runs; j++)
			count += t->runs[j].configuration == configuration &&
				 same_steps(t, &t->runs[i], &t->runs[j]);
		if (!best || count > best_count ||
			(count == best_count && t->runs[i].n > best->n)) {
			best = &t->runs[i];
			best_count = count;
		}
	}
	return best;
}

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* What most of the runs say marks the end of step @index. */
static const char *common_source(const struct step_table *t, size_t index)
{
	const char *best = "";
	size_t best_count = 0;

	for (size_t i = 0; i < t->n_runs; i++) {
		const char *source;
		size_t count = 0;

		if (!t->runs[i].chosen)
			continue;
		source = t->rows[t->runs[i].first + index].source;
		for (size_t j = 0; j < t->n_runs; j++)
			count += t->runs[j].chosen &&
				 t->rows[t->runs[j].first + index].source == source;
		if (count > best_count) {
			best = source;
			best_count = count;
		}
	}
	return best;
}

static void sum_up(const struct step_table *t, size_t index, double *values, struct boot_part *ret)
{
	struct statistic s = {0};

	for (size_t i = 0; i < t->n_runs; i++) {
		if (!t->runs[i].chosen)
			continue;
		values[s.n] = t->rows[t->runs[i].first + index].ns;
		statistic_add(&s, values[s.n]);
		ret->name = t->rows[t->runs[i].first + index].name;
	}
	qsort(values, s.n, sizeof(*values), compare_double);
	ret->source = common_source(t, index);
	ret->n = s.n;
	ret->mean_ns = s.mean;
	ret->stddev_ns = statistic_stddev(&s);
	ret->median_ns = (values[(s.n - 1) / 2] + values[s.n / 2]) / 2;
	ret->min_ns = s.min;
	ret->max_ns = s.max;
}

static int make_configuration(struct step_table *t, const struct configuration *configuration,
	struct boot_configuration *ret)
{
	const struct step_run *pattern = choose(t, configuration);
	_cleanup_free_ double *values = NULL;

	*ret = (struct boot_configuration){.configuration = configuration};
	if (!pattern)
		return 0;
	values = calloc(t->n_runs, sizeof(*values));
	ret->steps = calloc(pattern->n, sizeof(*ret->steps));
	if (!values || !ret->steps)
		return -ENOMEM;
	ret->n_steps = pattern->n;
	for (size_t i = 0; i < t->n_runs; i++) {
		struct step_run *run = &t->runs[i];
		double boot = 0;

		run->chosen = run->configuration == configuration && same_steps(t, run, pattern);
		ret->n_other += run->configuration == configuration && !run->chosen;
		ret->n_runs += run->chosen;
		for (size_t j = 0; j < run->n; j++)
			boot += t->rows[run->first + j].ns;
		if (run->chosen)
			statistic_add(&ret->boot_ns, boot);
	}
	for (size_t i = 0; i < pattern->n; i++)
		sum_up(t, i, values, &ret->steps[i]);
	return 0;
}

int boot_report_make(const struct summary *s, struct boot_report **ret)
{
	_cleanup_boot_report_ struct boot_report *b = calloc(1, sizeof(*b));
	_cleanup_(step_table_clear) struct step_table t = {0};
	int r;

	if (!b)
		return -ENOMEM;
	r = read_steps(s, &t);
	if (r < 0)
		return r;
	b->configurations = calloc(s->n_configurations + 1, sizeof(*b->configurations));
	if (!b->configurations)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_configurations; i++) {
		struct boot_configuration *configuration = &b->configurations[b->n_configurations];

		r = make_configuration(&t, &s->configurations[i], configuration);
		b->n_configurations += configuration->steps != NULL;
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(b);
	return 0;
}

void boot_report_free(struct boot_report *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->n_configurations; i++)
		free(b->configurations[i].steps);
	free(b->configurations);
	free(b);
}

const struct boot_configuration *boot_report_configuration(
	const struct boot_report *b, const struct configuration *configuration)
{
	for (size_t i = 0; i < b->n_configurations; i++)
		if (b->configurations[i].configuration == configuration)
			return &b->configurations[i];
	return NULL;
}
