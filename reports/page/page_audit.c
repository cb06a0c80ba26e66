/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/page/page_internal.h"
#include "reports/text/format.h"

static bool belongs(const struct summary *s, const struct store_audit *a,
	const struct configuration *configuration)
{
	const struct store_run *run = store_run(s->store, a->run);

	return run && configuration_counts(configuration, run);
}

/** One line for a configuration and a clock: the comparison that comes nearest to, or farthest
 * over, its bound. */
static void write_worst(const struct summary *s, const struct configuration *configuration,
	const char *what, FILE *out)
{
	const struct store_tables *t = store_tables(s->store);
	const struct store_audit *worst = NULL;
	size_t n = 0, good = 0;
	double most = -1;

	for (size_t i = 0; i < t->n_audits; i++) {
		const struct store_audit *a = &t->audits[i];
		double ratio;

		if (a->what != what || !belongs(s, a, configuration))
			continue;
		n++;
		good += audit_agrees(a);
		ratio = fabs((double)a->books_ns - (double)a->other_ns) /
			(a->bound_ns != STORE_NULL && a->bound_ns > 0 ? (double)a->bound_ns : 1e9);
		if (ratio > most) {
			most = ratio;
			worst = a;
		}
	}
	if (!worst)
		return;
	fputs("<tr><th scope=\"row\">", out);
	markup_text(out, configuration->name);
	fprintf(out, "</th><td class=\"n\">%lld</td><td class=\"t\">",
		(long long)configuration->cores);
	markup_text(out, what);
	fprintf(out, "</td><td class=\"n%s\">%zu of %zu</td>", good < n ? " bad" : "", good, n);
	page_columns(audit_result_columns, worst, out);
	fputs("</tr>\n", out);
}

static bool is_first(const struct store_tables *t, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (t->audits[i].what == t->audits[index].what)
			return false;
	return true;
}

static void write_all(const struct summary *s, const struct configuration *configuration, FILE *out)
{
	const struct store_tables *t = store_tables(s->store);
	size_t n = 0;

	for (size_t i = 0; i < t->n_audits; i++) {
		const struct store_audit *a = &t->audits[i];

		if (!belongs(s, a, configuration))
			continue;
		if (n++ == 0) {
			const char *names[PAGE_COLUMNS_MAX] = {"#run"};
			size_t n_names = page_column_names(audit_columns, names, 1);

			fputs("<details class=\"quiet\"><summary>Every comparison: ", out);
			page_configuration_name(out, configuration);
			fputs("</summary>", out);
			page_table_open(out, "comparisons", NULL, names, n_names);
		}
		fputs("<tr><td class=\"n\">", out);
		page_run_link(out, a->run);
		fputs("</td>", out);
		page_columns(audit_columns, a, out);
		fputs("</tr>\n", out);
	}
	if (n > 0)
		fputs("</tbody></table></div></details>\n", out);
}

static void write_clocks(const struct store_tables *t, FILE *out)
{
	fputs("<dl class=\"facts\">", out);
	for (size_t i = 0; i < t->n_audits; i++) {
		if (!is_first(t, i))
			continue;
		fputs("<dt>", out);
		markup_text(out, t->audits[i].what);
		fprintf(out, "</dt><dd>%s</dd>\n", audit_clock(t->audits[i].what));
	}
	fputs("</dl>\n", out);
}

/** How far each configuration's books can be trusted, in one line. */
static void write_trust(const struct summary *s, FILE *out)
{
	const char *names[16] = {"stack", "#cores"};
	size_t n_names = page_column_names(configuration_columns, names, 2);

	page_table_open(out, "how far the books can be trusted",
		"Residual: what the states leave of run time × lanes. Lost: events that could not "
		"be "
		"recorded. A run’s books are closed if nothing was lost and each lane and phase "
		"adds "
		"up within 0.1 %.",
		names, n_names);
	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct configuration *configuration = &s->configurations[i];

		fputs("<tr><th scope=\"row\">", out);
		markup_text(out, configuration->name);
		fprintf(out, "</th><td class=\"n\">%lld</td>", (long long)configuration->cores);
		page_columns(configuration_columns, configuration, out);
		fputs("</tr>\n", out);
	}
	page_table_close(out);
}

int page_audit(const struct page *page, FILE *out)
{
	const struct summary *s = page->analysis->summary;
	const struct store_tables *t = store_tables(s->store);
	const char *names[PAGE_COLUMNS_MAX] = {"stack", "#cores", "clock", "#agree"};

	if (s->n_configurations == 0)
		return 0;
	write_trust(s, out);
	if (t->n_audits == 0) {
		fputs("<p class=\"lead\">There was no independent clock to compare with: these "
		      "books are "
		      "not audited.</p>\n",
			out);
		return 0;
	}
	page_table_open(out, "audit",
		"Comparisons (runs, phases, lanes) within tolerance for each stack and clock, and "
		"the worst case",
		names, page_column_names(audit_result_columns, names, 4));
	for (size_t i = 0; i < s->n_configurations; i++)
		for (size_t j = 0; j < t->n_audits; j++)
			if (is_first(t, j))
				write_worst(s, &s->configurations[i], t->audits[j].what, out);
	page_table_close(out);
	write_clocks(t, out);
	for (size_t i = 0; i < s->n_configurations; i++)
		write_all(s, &s->configurations[i], out);
	return 0;
}
