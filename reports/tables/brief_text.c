/* SPDX-License-Identifier: GPL-2.0-or-later */
/** The closing summary: the verdict, one table, the worst warnings. */
#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "reports/tables/overview.h"
#include "reports/tables/tables_internal.h"

/* In lines. Together with a table of eight configurations and where the report is: 40. */
#define VERDICT_LINES  18
#define FINDING_LINES  6
#define WARNINGS_SHOWN 3
#define WARNING_LINES  4

static void write_rest(const struct verdict *list, size_t n, FILE *out)
{
	size_t faults = 0;

	for (size_t i = 0; i < n; i++)
		faults += list[i].fault;
	fprintf(out, " %c and %zu more", faults ? '!' : '*', n);
	if (faults)
		fprintf(out, ", %zu of them %s", faults, faults == 1 ? "a fault" : "faults");
	fputs(": --verbose tells all\n", out);
}

static int write_verdict(const struct analysis *a, FILE *out, const struct style *style)
{
	_cleanup_free_ struct verdict *list = calloc(VERDICTS_MAX, sizeof(*list));
	size_t left = VERDICT_LINES - 1, n, i;

	if (!list)
		return -ENOMEM;
	n = explanation_brief(a->explanation, list, VERDICTS_MAX);
	fprintf(out, "%sVerdict%s\n", style->bold, style->plain);
	for (i = 0; i < n && left > 0; i++)
		left -= write_finding(
			&list[i], out, style, left < FINDING_LINES ? left : FINDING_LINES);
	if (i < n)
		write_rest(list + i, n - i, out);
	return 0;
}

/* One line: what holds of one quantile holds of all. */
static void write_not_compared(const struct explanation *e, FILE *out)
{
	for (size_t i = 0; i < e->n_metrics; i++) {
		const struct not_compared why =
			explanation_not_compared(e, e->metrics[i].metric->name);

		if (!why.text[0])
			continue;
		fprintf(out, "(quantiles of detours are %s)\n", why.text);
		return;
	}
}

static int write_overview(const struct analysis *a, FILE *out, const struct style *style)
{
	_cleanup_overview_ struct overview *o = NULL;
	int r = overview_make(a->explanation, &o);
	struct table *t;

	if (r < 0)
		return r;
	fprintf(out, "\n%sMeans and their 95 %% intervals%s%s\n", style->bold,
		o->has_shares ? "; shares of the lanes' time in percent" : "", style->plain);
	t = table_begin();
	put_configuration_titles(t, o->name_width);
	columns_put_titles(o->columns, t);
	table_row(t);
	for (size_t i = 0; i < o->n; i++) {
		put_configuration_name(t, o->rows[i].configuration, o->name_width);
		columns_put(o->columns, &o->rows[i], t);
		table_row(t);
	}
	r = table_end(t, out, style);
	if (r == 0 && o->n_metrics_hidden)
		fprintf(out, "(and %zu more metric%s: report --verbose, or the page)\n",
			o->n_metrics_hidden, o->n_metrics_hidden == 1 ? "" : "s");
	if (r == 0)
		write_not_compared(a->explanation, out);
	return r;
}

/** How many runs have the @i-th warning, or those that are told together with it; 0: it is told
 * before, or is about the experiment. */
static size_t runs_warned(const struct store_tables *t, size_t i)
{
	char runs[64];
	size_t n = 0;

	if (t->warnings[i].run == STORE_NULL || !store_warning_runs(t, i, runs, sizeof(runs)))
		return 0;
	for (size_t j = i; j < t->n_warnings; j++)
		n += store_warning_is_same(t, i, j);
	return n;
}

/* That runs are missing; else the latest about the experiment: the first ones say what the machine is like. Of those about runs
 * the one that most have. */
static size_t worst_warning(const struct store_tables *t, bool of_runs, const bool *told)
{
	size_t worst = SIZE_MAX;

	if (t->is_unfinished && !of_runs && !told[0])
		return 0;
	for (size_t i = 0; i < t->n_warnings; i++) {
		if (told[i] || store_warning_is_note(t, i) ||
			(t->warnings[i].run != STORE_NULL) != of_runs ||
			(of_runs && runs_warned(t, i) == 0))
			continue;
		if (worst == SIZE_MAX || !of_runs || runs_warned(t, i) > runs_warned(t, worst))
			worst = i;
	}
	return worst;
}

static size_t count_warnings(const struct store_tables *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_warnings; i++)
		n += !store_warning_is_note(t, i) &&
		     (t->warnings[i].run == STORE_NULL || runs_warned(t, i) > 0);
	return n;
}

/* By turns about the experiment and about runs. */
static int write_warnings(const struct store_tables *t, FILE *out, const struct style *style)
{
	_cleanup_free_ bool *told = calloc(t->n_warnings + 1, sizeof(*told));
	size_t n = count_warnings(t), left = WARNING_LINES;
	bool of_runs = false;

	if (!told)
		return -ENOMEM;
	if (n == 0)
		return 0;
	fprintf(out, "\n%s%zu warning%s%s%s\n", style->bold, n, n == 1 ? "" : "s",
		n > WARNINGS_SHOWN ? ", the worst of them" : "", style->plain);
	for (size_t k = 0; k < WARNINGS_SHOWN && k < n && left > 0; k++) {
		size_t i = worst_warning(t, of_runs, told);
		int r;

		if (i == SIZE_MAX)
			i = worst_warning(t, !of_runs, told);
		of_runs = !of_runs;
		told[i] = true;
		r = write_warning(t, i, out, left < 2 ? left : 2);
		if (r < 0)
			return r;
		left -= (size_t)r;
	}
	return 0;
}

int tables_write_brief(const struct analysis *a, FILE *out)
{
	const struct style *style = style_of(out);
	int r = write_verdict(a, out, style);

	if (r == 0 && a->summary->n_configurations > 0)
		r = write_overview(a, out, style);
	if (r == 0)
		r = write_warnings(store_tables(a->store), out, style);
	if (r < 0)
		return r;
	return ferror(out) ? -EIO : 0;
}
