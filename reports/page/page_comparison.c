/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The stacks side by side, in numbers. Charts read theirs from this table, see assets/charts.js. */

#include <math.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/explain/explain.h"
#include "reports/page/page_internal.h"
#include "reports/text/format.h"

/** A configuration's row; times in seconds. */
struct row {
	const struct configuration *configuration;
	size_t n_ok, n_runs;
	struct estimate runtime, speedup, efficiency, boot;
	double stddev, mean;
};

/** "0.0123", "1.234": so many decimals that short boots can be compared. */
static struct format_text as_seconds(double s)
{
	return format_fixed(s, fabs(s) < 0.1 ? 4 : fabs(s) < 100 ? 3 : 2);
}

static struct format_text as_percent(double percent)
{
	return format_percent(percent, 100);
}

#define ROW struct row
static const struct column row_columns[] = {
	TABLE,
	COL(NULL, NULL, PART, n_ok, WHOLE(n_runs), ON_PAGE(1, "#runs")),
	COL(NULL, NULL, ESTIMATE, runtime, ON_PAGE(2, "#run s"), .metric = "runtime",
		.format = as_seconds),
	COL(NULL, NULL, REAL, stddev, ON_PAGE(3, "#σ s"), .format = as_seconds),
	COL(NULL, NULL, SHARE, stddev, WHOLE(mean), ON_PAGE(4, "#CV %")),
	COL(NULL, NULL, ESTIMATE, speedup, ON_PAGE(5, "#speed-up"), .metric = "speedup",
		.decimals = 2),
	COL(NULL, NULL, ESTIMATE, efficiency, ON_PAGE(6, "#efficiency %"), .metric = "efficiency",
		.format = as_percent),
	COL(NULL, NULL, ESTIMATE, boot, ON_PAGE(7, "#boot s"), .metric = "boot",
		.format = as_seconds),
	{},
};
#undef ROW

static struct estimate as_percents(const struct estimate *e)
{
	return (struct estimate){100 * e->value, {100 * e->range.low, 100 * e->range.high}};
}

/** The mean with its interval, where there is a spread that has it. */
static struct estimate mean_seconds(const struct statistic *t, const struct description *d)
{
	return (struct estimate){t->n ? t->mean / 1e9 : NAN,
		{d ? d->mean_interval.low / 1e9 : NAN, d ? d->mean_interval.high / 1e9 : NAN}};
}

static struct row make_row(const struct explanation *e, const struct configuration *configuration)
{
	const struct spread *spread = explanation_spread(e, configuration);
	const struct scaling *scaling = explanation_scaling(e, configuration);
	const struct estimate itself = {
		configuration->cores == 1 && configuration->runtime_ns.n > 0 ? 1 : NAN, {NAN, NAN}};

	return (struct row){
		.configuration = configuration,
		.n_ok = configuration->n_ok,
		.n_runs = configuration->n_runs,
		.runtime =
			mean_seconds(&configuration->runtime_ns, spread ? &spread->runtime : NULL),
		.boot = mean_seconds(&configuration->boot_ns, spread ? &spread->boot : NULL),
		.speedup = scaling ? scaling->speedup : itself,
		.efficiency = as_percents(scaling ? &scaling->efficiency : &itself),
		.stddev = statistic_stddev(&configuration->runtime_ns) / 1e9,
		.mean = configuration->runtime_ns.mean / 1e9,
	};
}

static void write_configurations(const struct explanation *e, FILE *out)
{
	const struct summary *s = e->summary;
	const char *names[PAGE_COLUMNS_MAX] = {"stack", "#cores"};
	size_t n = page_column_names(row_columns, names, 2);

	page_table_open(out, "stacks side by side",
		"Means, in brackets their 95 % interval by bootstrap. Run: the program, from "
		"its first marker (if it writes none, from its exec) to its end; boot: from the "
		"start of the stack until then; both in host time. Speed-up: over the same stack on one core; efficiency: speed-up by cores.",
		names, n);
	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct row row = make_row(e, &s->configurations[i]);

		page_row_open(out, row.configuration, NULL,
			i && s->configurations[i - 1].cores != s->configurations[i].cores, true);
		page_columns(row_columns, &row, out);
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
	fputs("<h3>Stack against stack</h3>\n", out);
	page_table_open(out, "stack against stack",
		"The slower of two stacks against the faster one, on the same number of cores. "
		"Effect "
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

int page_comparison(const struct page *page, FILE *out)
{
	const struct explanation *e = page->analysis->explanation;

	if (e->summary->n_configurations == 0)
		return 0;
	write_configurations(e, out);
	write_contrasts(e, out);
	write_spreads(e, out);
	return 0;
}
