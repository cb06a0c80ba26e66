/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/tables/columns.h"
#include "reports/tables/tables.h"
#include "reports/text/csv.h"

static void put_state_names(const struct summary *s, FILE *out)
{
	for (int i = 0; i < STATE_COUNT; i++)
		if (s->state_used[i])
			fprintf(out, ",%s_s", state_label(i));
}

/** @ns NULL: not known. */
static void put_states(const struct summary *s, const double *ns, FILE *out)
{
	for (int i = 0; i < STATE_COUNT; i++)
		if (s->state_used[i])
			csv_seconds(out, ns ? ns[i] : NAN);
}

int tables_write_configurations_csv(const struct analysis *a, FILE *out)
{
	const struct summary *s = a->summary;

	columns_csv_names(configuration_columns, true, out);
	fputs(",lane_time_s", out);
	put_state_names(s, out);
	fputs(",residual_s,helper_s", out);
	columns_csv_names(spread_columns, false, out);
	fputc('\n', out);
	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct configuration *c = &s->configurations[i];
		bool known = c->window.has_accounts;

		columns_csv(configuration_columns, c, true, out);
		csv_seconds(out, c->n_ok ? c->window.lane_time_ns : NAN);
		put_states(s, known ? c->window.state_ns : NULL, out);
		csv_seconds(out, known ? c->window.residual_ns : NAN);
		csv_seconds(out, known ? c->window.helper_ns : NAN);
		columns_csv(spread_columns, explanation_spread(a->explanation, c), false, out);
		fputc('\n', out);
	}
	return ferror(out) ? -EIO : 0;
}

/** The names of all metrics in order of first appearance; malloced. NULL: out of memory. */
static const char **metric_names(const struct store_tables *t, size_t *ret_n)
{
	const char **names = calloc(t->n_metrics + 1, sizeof(char *));
	size_t n = 0;

	for (size_t i = 0; names && i < t->n_metrics; i++) {
		size_t k = 0;

		while (k < n && names[k] != t->metrics[i].name)
			k++;
		if (k == n)
			names[n++] = t->metrics[i].name;
	}
	*ret_n = n;
	return names;
}

static void put_metric_name(const char *name, FILE *out)
{
	char title[256];

	snprintf(title, sizeof(title), "metric_%s", name);
	fputc(',', out);
	csv_text(out, title);
}

static void put_metric(const struct store_tables *t, const char *name, int64_t run, FILE *out)
{
	double value = NAN;

	for (size_t i = 0; i < t->n_metrics; i++)
		if (t->metrics[i].run == run && t->metrics[i].name == name)
			value = t->metrics[i].value;
	csv_real(out, value);
}

int tables_write_runs_csv(const struct analysis *analysis, FILE *out)
{
	const struct summary *s = analysis->summary;
	const struct store_tables *t = store_tables(s->store);
	size_t n_metrics = 0;
	_cleanup_free_ const char **metrics = metric_names(t, &n_metrics);

	if (!metrics)
		return -ENOMEM;
	columns_csv_names(run_columns, true, out);
	put_state_names(s, out);
	columns_csv_names(run_columns_end, false, out);
	for (size_t k = 0; k < n_metrics; k++)
		put_metric_name(metrics[k], out);
	fputc('\n', out);
	for (size_t i = 0; i < t->n_runs; i++) {
		columns_csv(run_columns, &t->runs[i], true, out);
		put_states(s, s->runs[i].known ? s->runs[i].ns : NULL, out);
		columns_csv(run_columns_end, &t->runs[i], false, out);
		for (size_t k = 0; k < n_metrics; k++)
			put_metric(t, metrics[k], t->runs[i].id, out);
		fputc('\n', out);
	}
	return ferror(out) ? -EIO : 0;
}
