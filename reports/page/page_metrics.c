/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Numbers in the program's output, with the tables that run times have. */

#include "reports/page/page_internal.h"
#include "reports/text/format.h"

static void write_title(const struct configuration_metric *m, FILE *out)
{
	const char *wish = output_wish_name(m->wish);

	fputs("<h3>", out);
	markup_text(out, m->name);
	fputs("</h3>\n", out);
	if (wish)
		fprintf(out, "<p>%s is better.</p>\n", m->wish == WISH_HIGHER ? "Higher" : "Lower");
}

static void write_values(const struct explanation *e, size_t from, size_t to, FILE *out)
{
	const char *names[PAGE_COLUMNS_MAX] = {"stack", "#cores"};
	size_t n = page_column_names(metric_columns, names, 2);

	page_table_open(out, "values of the metric",
		"Means with their 95 % interval by bootstrap; the rest as for run times, under "
		"<i>Spread, order, and how many runs it takes</i>.",
		names, n);
	for (size_t i = from; i < to; i++) {
		const struct spread *x = &e->metrics[i];

		page_row_open(out, x->configuration, NULL,
			i > from && x[-1].configuration->cores != x->configuration->cores, false);
		page_columns(metric_columns, x, out);
		fputs("</tr>\n", out);
	}
	page_table_close(out);
}

static void write_contrasts(const struct explanation *e, const char *name, FILE *out)
{
	const char *names[PAGE_COLUMNS_MAX] = {"stack against stack", "#cores"};
	size_t n = page_column_names(metric_contrast_columns, names, 2), rows = 0;

	for (size_t i = 0; i < e->n_metric_contrasts; i++) {
		const struct contrast *x = &e->metric_contrasts[i];

		if (x->metric->name != name)
			continue;
		if (!rows++)
			page_table_open(out, "the metric, stack against stack",
				"The worse of two stacks against the better one (the larger against "
				"the smaller, where neither was said to be better), on the same "
				"number of cores.",
				names, n);
		page_row_open(out, x->a, x->b, rows > 1 && x[-1].a->cores != x->a->cores, false);
		page_columns(metric_contrast_columns, x, out);
		fputs("</tr>\n", out);
	}
	if (rows)
		page_table_close(out);
}

static void write_not_compared(const struct explanation *e, const char *name, FILE *out)
{
	const struct not_compared why = explanation_not_compared(e, name);

	if (why.text[0]) {
		fputs("<p>", out);
		markup_text(out, name);
		fprintf(out, " is %s.</p>\n", why.text);
	}
}

/* Those of one metric are neighbours. */
int page_metrics(const struct page *page, FILE *out)
{
	const struct explanation *e = page->analysis->explanation;

	for (size_t i = 0, j; i < e->n_metrics; i = j) {
		const struct configuration_metric *m = e->metrics[i].metric;

		for (j = i; j < e->n_metrics && e->metrics[j].metric->name == m->name; j++)
			;
		write_title(m, out);
		write_values(e, i, j, out);
		write_contrasts(e, m->name, out);
		write_not_compared(e, m->name, out);
	}
	return 0;
}
