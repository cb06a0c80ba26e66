/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/utf8.h"
#include "reports/tables/columns.h"
#include "reports/tables/tables_internal.h"
#include "reports/text/format.h"
#include "reports/text/text.h"

int name_width(const struct summary *s, int others)
{
	int width = 5;

	for (size_t i = 0; i < s->n_configurations; i++) {
		int w = (int)text_width(s->configurations[i].name);

		width = w > width ? w : width;
	}
	return width > SUMMARY_WIDTH - others ? SUMMARY_WIDTH - others : width;
}

void put_configuration_titles(struct table *t, int width)
{
	table_cell(t, "stack", width);
	table_cell(t, "cores", -6);
}

void put_configuration_name(struct table *t, const struct configuration *configuration, int width)
{
	char cores[24];

	table_cell(t, configuration->name, width);
	snprintf(cores, sizeof(cores), "%lld", (long long)configuration->cores);
	table_cell(t, cores, -6);
}

static int write_times(const struct summary *s, FILE *out, const struct style *style)
{
	int name = name_width(s, 6 + columns_width(configuration_columns));
	struct table *t = table_begin();

	put_configuration_titles(t, name);
	columns_put_titles(configuration_columns, t);
	table_row(t);
	for (size_t i = 0; i < s->n_configurations; i++) {
		put_configuration_name(t, &s->configurations[i], name);
		columns_put(configuration_columns, &s->configurations[i], t);
		table_row(t);
	}
	return table_end(t, out, style);
}

/** Names of all phases in order of first appearance; at most @max. */
static size_t phase_names(const struct summary *s, const char **names, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_configurations; i++) {
		for (size_t j = 0; j < s->configurations[i].n_phases; j++) {
			const char *name = s->configurations[i].phases[j].name;
			size_t k = 0;

			while (k < n && names[k] != name)
				k++;
			if (k == n && n < max)
				names[n++] = name;
		}
	}
	return n;
}

static int write_phases(const struct summary *s, FILE *out, const struct style *style)
{
	const char *names[64];
	size_t all = phase_names(s, names, ARRAY_SIZE(names)), n = all < 6 ? all : 6;
	int name = name_width(s, 6 + 12 * (int)n), r;
	struct table *t;

	if (n == 0)
		return 0;
	fprintf(out, "\n%sPhases, mean seconds%s\n", style->bold, style->plain);
	t = table_begin();
	put_configuration_titles(t, name);
	for (size_t k = 0; k < n; k++) {
		char title[64];

		snprintf(title, sizeof(title), "%.*s", (int)utf8_within(names[k], 40), names[k]);
		table_cell(t, title, -12);
	}
	table_row(t);
	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct configuration *configuration = &s->configurations[i];

		put_configuration_name(t, configuration, name);
		for (size_t k = 0; k < n; k++) {
			double ns = NAN;

			for (size_t j = 0; j < configuration->n_phases; j++)
				if (configuration->phases[j].name == names[k])
					ns = configuration->phase_ns[j].mean;
			table_cell(t, format_seconds(ns).text, -12);
		}
		table_row(t);
	}
	r = table_end(t, out, style);
	if (all > n)
		fprintf(out, "(and %zu more phases: see --json, or the page)\n", all - n);
	return r;
}

static int state_column(int state)
{
	const char *name = state_label(state);
	int width = (int)strlen(name);

	return (width < 6 ? 6 : width) + 1;
}

static void put_book(
	struct table *t, const struct summary *s, const struct book *book, bool percent)
{
	for (int j = 0; j <= STATE_COUNT; j++) {
		bool residual = j == STATE_COUNT;
		double ns = residual ? book->residual_ns : book->state_ns[j];
		struct format_text text =
			percent ? format_percent(ns, book->lane_time_ns) : format_seconds(ns);

		if (residual || s->state_used[j])
			table_cell(t, book->has_accounts ? text.text : "-",
				residual ? -9 : -state_column(j));
	}
	table_row(t);
}

static int write_books(const struct summary *s, FILE *out, const struct style *style, bool percent)
{
	int columns = 6 + 9, name;
	bool any = false;
	struct table *t;

	for (int j = 0; j < STATE_COUNT; j++) {
		columns += s->state_used[j] ? state_column(j) : 0;
		any |= s->state_used[j];
	}
	if (!any) /* boots alone: there is no window */
		return 0;
	name = name_width(s, columns);
	if (name < 8)
		name = 8;
	fprintf(out, "\n%sWhere the lanes' time went, %s%s\n", style->bold,
		percent ? "percent of run time x lanes"
			: "seconds (mean of the runs, sum of the lanes)",
		style->plain);
	t = table_begin();
	put_configuration_titles(t, name);
	for (int j = 0; j < STATE_COUNT; j++)
		if (s->state_used[j])
			table_cell(t, state_label(j), -state_column(j));
	table_cell(t, "residual", -9);
	table_row(t);
	for (size_t i = 0; i < s->n_configurations; i++) {
		put_configuration_name(t, &s->configurations[i], name);
		put_book(t, s, &s->configurations[i].window, percent);
	}
	return table_end(t, out, style);
}

size_t write_finding(const struct verdict *v, FILE *out, const struct style *style, size_t max)
{
	size_t lines;

	fputs(v->good ? "" : style->alarm, out);
	lines = write_wrapped(out, v->good ? " *" : " !", v->text, max);
	fputs(v->good ? "" : style->plain, out);
	return lines;
}

int write_warning(const struct store_tables *t, size_t i, FILE *out, size_t max)
{
	_cleanup_free_ char *text = NULL;
	char runs[64], mark[80];

	if (!store_warning_runs(t, i, runs, sizeof(runs)))
		return 0;
	text = store_warning_text(t, i);
	if (!text)
		return -ENOMEM;
	snprintf(mark, sizeof(mark), runs[0] ? " %c %s:" : " %c",
		store_warning_is_note(t, i) ? '-' : '!', runs);
	return (int)write_wrapped(out, mark, text, max);
}

/** Those that are warnings, or those that are only for the record. */
static int write_warnings(
	const struct store_tables *t, bool notes, FILE *out, const struct style *style)
{
	bool any = false;
	int r = 0;

	for (size_t i = 0; i < t->n_warnings && r >= 0; i++) {
		if (store_warning_is_note(t, i) != notes)
			continue;
		if (!any)
			fprintf(out, "\n%s%s%s\n", style->bold,
				notes ? "Notes (nothing is wrong)" : "Warnings", style->plain);
		any = true;
		r = write_warning(t, i, out, SIZE_MAX);
	}
	return r < 0 ? r : 0;
}

static int write_findings(const struct analysis *a, FILE *out, const struct style *style)
{
	const struct store_tables *t = store_tables(a->store);
	_cleanup_free_ struct verdict *verdicts = calloc(VERDICTS_MAX, sizeof(*verdicts));
	size_t n;
	int r;

	if (!verdicts)
		return -ENOMEM;
	n = explanation_verdicts(a->explanation, verdicts, VERDICTS_MAX);
	fprintf(out, "\n%sFindings%s\n", style->bold, style->plain);
	for (size_t i = 0; i < n; i++)
		write_finding(&verdicts[i], out, style, SIZE_MAX);
	r = write_warnings(t, false, out, style);
	return r < 0 ? r : write_warnings(t, true, out, style);
}

int tables_write_text(const struct analysis *a, FILE *out)
{
	const struct summary *s = a->summary;
	const struct style *style = style_of(out);
	int r = 0;

	if (s->n_configurations > 0) {
		r = write_times(s, out, style);
		if (r == 0)
			r = write_phases(s, out, style);
		if (r == 0)
			r = boot_write_text(a->boot, out, style);
		if (r == 0)
			r = write_books(s, out, style, true);
		if (r == 0)
			r = write_books(s, out, style, false);
		if (r == 0)
			r = threads_write_text(s, out, style);
		if (r == 0)
			r = sched_write_text(s, out, style);
		if (r == 0)
			r = queues_write_text(s, out, style);
		if (r == 0)
			r = noise_write_text(a->noise, out, style);
		if (r == 0)
			r = detours_write_text(s, out, style);
		if (r == 0)
			r = stacks_write_text(s, out, style);
		if (r == 0)
			r = explanation_write_text(a->explanation, out, style);
	}
	if (r == 0)
		r = failures_write_text(s, out, style);
	if (r == 0)
		r = write_findings(a, out, style);
	if (r < 0)
		return r;
	return ferror(out) ? -EIO : 0;
}
