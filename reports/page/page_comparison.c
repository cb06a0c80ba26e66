/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The stacks side by side, in numbers. Charts read theirs from this table, see assets/charts.js. */

#include <math.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/explain/explain.h"
#include "reports/page/page_internal.h"
#include "reports/tables/overview.h"
#include "reports/text/format.h"

#define CAPTION(speedup)                                                                                \
	"Means, in brackets their 95 % interval by bootstrap. Run: the program, from its first marker " \
	"(if it writes none, from its exec) to its end; boot: from the start of the stack until "       \
	"then; both in host time. " speedup                                                             \
	" On the right where the lanes’ time went, in percent "                                       \
	"of run time × lanes."

static void write_configurations(const struct overview *o, bool weak, FILE *out)
{
	const char *names[PAGE_COLUMNS_MAX] = {"stack", "#cores"};
	size_t n = page_column_names(o->columns, names, 2);

	page_table_open(out, "stacks side by side",
		weak ? CAPTION("The work grows with the cores: efficiency is T(1) / T(N), speed-up N "
			       "times that.")
		     : CAPTION("Speed-up: over the same stack on one core; efficiency: speed-up by "
			       "cores."),
		names, n);
	for (size_t i = 0; i < o->n; i++) {
		const struct configuration *configuration = o->rows[i].configuration;

		page_row_open(out, configuration, NULL,
			i && o->rows[i - 1].configuration->cores != configuration->cores, true);
		page_columns(o->columns, &o->rows[i], out);
		fputs("</tr>\n", out);
	}
	page_table_close(out);
}

static void write_contrasts(const struct explanation *e, FILE *out)
{
	const char *names[PAGE_COLUMNS_MAX] = {"run time of", "#cores"};
	size_t n = page_column_names(contrast_columns, names, 2);

	if (e->n_contrasts == 0)
		return;
	page_table_open(out, "stack against stack",
		"The slower of two stacks, or of two variants of a stack, against the faster one, on "
		"the same number of cores. Effect "
		"sizes: Hedges’ g (the difference in standard deviations, corrected for few runs) "
		"and "
		"Cliff’s δ (P(A slower than B) − P(B slower than A), over all pairs of runs). "
		"p values: Welch’s test; the same after Holm’s correction for all comparisons on "
		"that "
		"number of cores; the rank test of Mann and Whitney.",
		names, n);
	for (size_t i = 0; i < e->n_contrasts; i++) {
		const struct contrast *x = &e->contrasts[i];

		page_row_open(out, x->a, x->b, i && x[-1].a->cores != x->a->cores, false);
		page_columns(contrast_columns, x, out);
		fputs("</tr>\n", out);
	}
	page_table_close(out);
}

static void write_spreads(const struct explanation *e, FILE *out)
{
	const char *names[PAGE_COLUMNS_MAX] = {"stack", "#cores"};
	size_t n = page_column_names(spread_columns, names, 2);

	if (e->n_spreads == 0)
		return;
	fputs("<details class=\"first-details\"><summary>Spread, order, and how many runs it "
	      "takes</summary>\n",
		out);
	page_table_open(out, "spread, order and runs needed",
		"MAD: median absolute deviation × 1.4826. Outliers are flagged, none is dropped. "
		"Drift: "
		"rank correlation (Spearman) of run time and order of execution. First run: "
		"against "
		"the mean of the others. p corrected by Holm for the number of rows. Runs for ± 1 "
		"%: "
		"how many it takes until the mean’s 95 % interval is that narrow, by this "
		"deviation, "
		"and by the upper end of what the deviation may be.",
		names, n);
	for (size_t i = 0; i < e->n_spreads; i++) {
		const struct spread *x = &e->spreads[i];

		page_row_open(out, x->configuration, NULL,
			i && x[-1].configuration->cores != x->configuration->cores, false);
		page_columns(spread_columns, x, out);
		fputs("</tr>\n", out);
	}
	page_table_close(out);
	fputs("</details>\n", out);
}

static bool is_first_of_variant(const struct summary *s, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (s->configurations[k].variant == s->configurations[i].variant)
			return false;
	return true;
}

/** What makes each variant. */
static void write_variants(const struct summary *s, FILE *out)
{
	bool any = false;

	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct configuration *c = &s->configurations[i];

		if (!c->words || !is_first_of_variant(s, i))
			continue;
		fputs(any ? ""
			  : "<p>What the variants add to the command line:</p>\n<dl class=\"facts\">",
			out);
		any = true;
		fputs("<dt>", out);
		markup_text(out, c->variant);
		fputs("</dt><dd>", out);
		if (*c->words) {
			fputs("<code>", out);
			markup_text(out, c->words);
			fputs("</code>", out);
		} else {
			fputs("nothing", out);
		}
		fputs("</dd>\n", out);
	}
	fputs(any ? "</dl>\n" : "", out);
}

int page_comparison(const struct page *page, FILE *out)
{
	const struct explanation *e = page->analysis->explanation;
	_cleanup_overview_ struct overview *o = NULL;
	int r;

	if (e->summary->n_configurations == 0)
		return 0;
	r = overview_make(e, &o);
	if (r == 0)
		write_configurations(o, explanation_is_weak(e), out);
	if (r == 0)
		write_variants(e->summary, out);
	return r;
}

int page_statistics(const struct page *page, FILE *out)
{
	write_contrasts(page->analysis->explanation, out);
	write_spreads(page->analysis->explanation, out);
	return 0;
}
