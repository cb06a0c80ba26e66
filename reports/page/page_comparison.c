/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The stacks side by side, in numbers. Charts read theirs from this table, see assets/charts.js. */

#include <math.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/explain/explain.h"
#include "reports/page/page_internal.h"
#include "reports/text/format.h"

/** An estimate and its interval for readers, and for the charts; NAN: none. */
static void write_metric(FILE *out, const char *name, double value, const struct interval *range,
	struct format_text (*format)(double value))
{
	fputs("<td class=\"n\"", out);
	if (!isfinite(value)) {
		fputs(">-</td>", out);
		return;
	}
	fprintf(out, " data-m=\"%s\" data-v=\"%.9g\"", name, value);
	if (range && isfinite(range->low) && isfinite(range->high))
		fprintf(out,
			" data-low=\"%.9g\" data-high=\"%.9g\">%s <small>[%s, %s]</small></td>",
			range->low, range->high, format(value).text, format(range->low).text,
			format(range->high).text);
	else
		fprintf(out, ">%s</td>", format(value).text);
}

static struct format_text as_seconds(double s)
{
	struct format_text t;

	snprintf(t.text, sizeof(t.text), "%.*f", fabs(s) < 0.1 ? 4 : fabs(s) < 100 ? 3 : 2, s);
	return t;
}

static struct format_text as_ratio(double ratio)
{
	struct format_text t;

	if (isfinite(ratio))
		snprintf(t.text, sizeof(t.text), "%.2f", ratio);
	else
		strcpy(t.text, "-");
	return t;
}

static struct format_text as_percent(double percent)
{
	return format_percent(percent, 100);
}

static void write_scaling(const struct explanation *e, const struct cell *cell, FILE *out)
{
	const struct scaling *x = explanation_scaling(e, cell);
	double one = cell->cores == 1 && cell->runtime_ns.n > 0 ? 1 : NAN;
	struct interval efficiency = {NAN, NAN};

	if (x) {
		efficiency.low = 100 * x->efficiency.range.low;
		efficiency.high = 100 * x->efficiency.range.high;
	}
	write_metric(
		out, "speedup", x ? x->speedup.value : one, x ? &x->speedup.range : NULL, as_ratio);
	write_metric(
		out, "efficiency", 100 * (x ? x->efficiency.value : one), &efficiency, as_percent);
}

static void write_runtime(const struct explanation *e, const struct cell *cell, FILE *out)
{
	const struct spread *spread = explanation_spread(e, cell);
	struct interval range = {NAN, NAN};

	if (spread) {
		range.low = spread->runtime.mean_interval.low / 1e9;
		range.high = spread->runtime.mean_interval.high / 1e9;
	}
	write_metric(out, "runtime", cell->runtime_ns.n ? cell->runtime_ns.mean / 1e9 : NAN, &range,
		as_seconds);
	fprintf(out, "<td class=\"n\">%s</td><td class=\"n\">%s</td>",
		isnan(statistic_stddev(&cell->runtime_ns))
			? "-"
			: as_seconds(statistic_stddev(&cell->runtime_ns) / 1e9).text,
		format_percent(statistic_stddev(&cell->runtime_ns), cell->runtime_ns.mean).text);
}

static void write_boot(const struct explanation *e, const struct cell *cell, FILE *out)
{
	const struct spread *spread = explanation_spread(e, cell);
	struct interval range = {NAN, NAN};

	if (spread) {
		range.low = spread->boot.mean_interval.low / 1e9;
		range.high = spread->boot.mean_interval.high / 1e9;
	}
	write_metric(
		out, "boot", cell->boot_ns.n ? cell->boot_ns.mean / 1e9 : NAN, &range, as_seconds);
}

static void write_row(const struct explanation *e, const struct cell *cell, bool group, FILE *out)
{
	fprintf(out, "<tr%s data-cores=\"%lld\" data-stack=\"", group ? " class=\"group\"" : "",
		(long long)cell->cores);
	markup_text(out, cell->name);
	fputs("\"><th scope=\"row\">", out);
	markup_text(out, cell->name);
	fprintf(out, "</th><td class=\"n\">%lld</td><td class=\"n%s\">%zu of %zu</td>",
		(long long)cell->cores, cell->n_ok < cell->n_runs ? " bad" : "", cell->n_ok,
		cell->n_runs);
	write_runtime(e, cell, out);
	write_scaling(e, cell, out);
	write_boot(e, cell, out);
	fputs("</tr>\n", out);
}

static void write_cells(const struct explanation *e, FILE *out)
{
	const struct summary *s = e->summary;
	static const char *const names[] = {"stack", "#cores", "#runs", "#run s", "#σ s", "#CV %",
		"#speed-up", "#efficiency %", "#boot s"};

	page_table_open(out, "stacks side by side",
		"Means, in brackets their 95 % interval by bootstrap. Run: from the program’s "
		"first "
		"marker to its end; boot: from the start of the stack to that marker; both in host "
		"time. Speed-up: over the same stack on one core; efficiency: speed-up by cores.",
		names, ARRAY_SIZE(names));
	for (size_t i = 0; i < s->n_cells; i++)
		write_row(
			e, &s->cells[i], i > 0 && s->cells[i].cores != s->cells[i - 1].cores, out);
	page_table_close(out);
}

static void write_plain(FILE *out, double value, int decimals)
{
	if (isfinite(value))
		fprintf(out, "<td class=\"n\">%.*f</td>", decimals, value);
	else
		fputs("<td class=\"n\">-</td>", out);
}

static void write_p(FILE *out, double p)
{
	if (!isfinite(p))
		fputs("<td class=\"n\">-</td>", out);
	else if (p < 0.0001)
		fputs("<td class=\"n\">&lt; 0.0001</td>", out);
	else
		fprintf(out, "<td class=\"n\">%.*f</td>", p < 0.01 ? 4 : 3, p);
}

static void write_range(FILE *out, double value, const struct interval *range, double unit)
{
	fputs("<td class=\"n\">", out);
	if (isfinite(value))
		fprintf(out, "%.3f", value / unit);
	else
		fputs("-", out);
	if (isfinite(range->low) && isfinite(range->high))
		fprintf(out, " <small>[%.3f, %.3f]</small>", range->low / unit, range->high / unit);
	fputs("</td>", out);
}

static const char *judgement(const struct contrast *x)
{
	if (isnan(x->runtime.welch_p))
		return "<td class=\"nil\">too few runs</td>";
	if (x->control)
		return x->runtime.welch_p < 0.05 ? "<td class=\"bad\">differs, but should not</td>"
						 : "<td class=\"nil\">noise only</td>";
	if (x->differs)
		return "<td><strong>slower</strong></td>";
	return x->runtime.p_holm < 0.05
		       ? "<td class=\"nil\">within the noise of the A/A control</td>"
		       : "<td class=\"nil\">no significant difference</td>";
}

static void write_contrast(const struct contrast *x, bool group, FILE *out)
{
	fprintf(out, "<tr%s><th scope=\"row\">", group ? " class=\"group\"" : "");
	markup_text(out, x->a->name);
	fputs(" against ", out);
	markup_text(out, x->b->name);
	fprintf(out, "</th><td class=\"n\">%lld</td>", (long long)x->a->cores);
	write_range(out, x->runtime.difference, &x->runtime.difference_interval, 1e9);
	write_range(out, x->runtime.ratio, &x->runtime.ratio_interval, 1);
	fputs(judgement(x), out);
	write_plain(out, x->runtime.hedges_g, 2);
	write_plain(out, x->runtime.cliffs_delta, 2);
	write_p(out, x->runtime.welch_p);
	write_p(out, x->runtime.p_holm);
	write_p(out, x->runtime.mann_whitney_p);
	fputs("</tr>\n", out);
}

static void write_contrasts(const struct explanation *e, FILE *out)
{
	static const char *const names[] = {"run time of", "#cores", "#longer by s",
		"#times as long", "verdict", "#Hedges’ g", "#Cliff’s δ", "#p Welch", "#p Holm",
		"#p M.-W."};

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
		names, ARRAY_SIZE(names));
	for (size_t i = 0; i < e->n_contrasts; i++)
		write_contrast(&e->contrasts[i],
			i > 0 && e->contrasts[i].a->cores != e->contrasts[i - 1].a->cores, out);
	page_table_close(out);
}

static void write_needed(FILE *out, const struct repetitions *needed)
{
	if (needed->n == 0)
		fputs("<td class=\"n\">-</td>", out);
	else
		fprintf(out, "<td class=\"n\">%zu <small>(cautiously %zu)</small></td>", needed->n,
			needed->n_cautious);
}

static void write_outliers(const struct spread *x, FILE *out)
{
	fprintf(out, "<td%s>", x->n_outliers ? " class=\"bad\"" : " class=\"nil\"");
	if (x->n_outliers == 0)
		fputs("none", out);
	for (size_t i = 0, n = 0; i < x->cell->series.n && x->n_outliers > 0; i++)
		if (x->outlier[i]) {
			fputs(n++ ? ", " : "run ", out);
			page_run_link(out, x->cell->series.runs[i]->id);
		}
	fputs("</td>", out);
}

static void write_spread(const struct spread *x, bool group, FILE *out)
{
	fprintf(out, "<tr%s><th scope=\"row\">", group ? " class=\"group\"" : "");
	markup_text(out, x->cell->name);
	fprintf(out, "</th><td class=\"n\">%lld</td><td class=\"n\">%zu</td>",
		(long long)x->cell->cores, x->runtime.n);
	write_plain(out, x->runtime.median / 1e9, 3);
	write_plain(out, x->runtime.mad / 1e9, 3);
	write_plain(out, x->runtime.min / 1e9, 3);
	write_plain(out, x->runtime.max / 1e9, 3);
	write_outliers(x, out);
	write_plain(out, x->order.rho, 2);
	write_p(out, x->drift_p);
	write_plain(out, 100 * x->order.first, 1);
	write_p(out, x->first_p);
	write_needed(out, &x->one_percent);
	fputs("</tr>\n", out);
}

static void write_spreads(const struct explanation *e, FILE *out)
{
	static const char *const names[] = {"stack", "#cores", "#runs", "#median s", "#MAD s",
		"#min s", "#max s", "outliers", "#drift ρ", "#p", "#first run %", "#p",
		"#runs for ± 1 %"};

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
		names, ARRAY_SIZE(names));
	for (size_t i = 0; i < e->n_spreads; i++)
		write_spread(&e->spreads[i],
			i > 0 && e->spreads[i].cell->cores != e->spreads[i - 1].cell->cores, out);
	page_table_close(out);
	fputs("</details>\n", out);
}

int page_comparison(const struct page *page, FILE *out)
{
	const struct explanation *e = page->analysis->explanation;

	if (e->summary->n_cells == 0)
		return 0;
	write_cells(e, out);
	write_contrasts(e, out);
	write_spreads(e, out);
	return 0;
}
