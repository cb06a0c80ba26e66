/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The stacks side by side, in numbers. Charts read theirs from this table, see assets/charts.js. */

#include <math.h>

#include "common/cleanup.h"
#include "reports/format.h"
#include "reports/page_internal.h"

/** Largest deviation of a run time from its cell's mean, over all cells: the scale of all sparks.
 */
static double spark_scale(const struct summary *s)
{
	double most = 0.01;

	for (size_t i = 0; i < s->n_cells; i++) {
		const struct statistic *t = &s->cells[i].runtime_ns;

		if (t->n > 0 && t->mean > 0)
			most = fmax(most, fmax(t->max / t->mean - 1, 1 - t->min / t->mean));
	}
	return most;
}

/** The cell's run times in order of execution, as deviations from their mean. */
static void write_spark(const struct summary *s, const struct cell *cell, double scale, FILE *out)
{
	const struct store_tables *t = store_tables(s->store);
	int64_t last = 1;

	for (size_t i = 0; i < t->n_runs; i++)
		last = t->runs[i].position > last ? t->runs[i].position : last;
	fputs("<svg class=\"spark\" viewBox=\"0 0 132 30\" aria-hidden=\"true\">"
	      "<line x1=\"0\" x2=\"132\" y1=\"15\" y2=\"15\"/>",
		out);
	for (size_t i = 0; i < t->n_runs; i++) {
		const struct store_run *run = &t->runs[i];
		double off;

		if (!run->ok || !page_in_cell(run, cell) || run->runtime_ns == STORE_NULL)
			continue;
		off = (double)run->runtime_ns / cell->runtime_ns.mean - 1;
		fprintf(out,
			"<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.6\"><title>run %lld, position "
			"%lld\n%s s, %+.1f %%</title></circle>",
			4 + 124 * (double)(run->position < 0 ? 0 : run->position) / (double)last,
			15 - 11 * off / scale, (long long)run->id, (long long)run->position,
			format_seconds((double)run->runtime_ns).text, 100 * off);
	}
	fputs("</svg>", out);
}

static const struct cell *one_core(const struct summary *s, const struct cell *cell)
{
	for (size_t i = 0; i < s->n_cells; i++)
		if (s->cells[i].guest == cell->guest && s->cells[i].cores == 1 &&
			s->cells[i].runtime_ns.n > 0)
			return &s->cells[i];
	return NULL;
}

/** A number for readers, and (NAN: none) for the charts. */
static void write_metric(FILE *out, const char *name, double value, const char *text)
{
	fputs("<td class=\"n\"", out);
	if (isfinite(value))
		fprintf(out, " data-m=\"%s\" data-v=\"%.9g\"", name, value);
	fprintf(out, ">%s</td>", text);
}

static void write_speedup(const struct summary *s, const struct cell *cell, FILE *out)
{
	const struct cell *one = one_core(s, cell);
	double speedup =
		one && cell->runtime_ns.n ? one->runtime_ns.mean / cell->runtime_ns.mean : NAN;
	struct format_text text = {"-"};

	if (isfinite(speedup))
		snprintf(text.text, sizeof(text.text), "%.2f", speedup);
	write_metric(out, "speedup", speedup, text.text);
	write_metric(out, "efficiency", 100 * speedup / (double)cell->cores,
		isfinite(speedup) ? format_percent(speedup, (double)cell->cores).text : "-");
}

static void write_row(
	const struct summary *s, const struct cell *cell, double scale, bool group, FILE *out)
{
	fprintf(out, "<tr%s data-cores=\"%lld\" data-stack=\"", group ? " class=\"group\"" : "",
		(long long)cell->cores);
	markup_text(out, cell->guest);
	fputs("\"><th scope=\"row\">", out);
	markup_text(out, cell->guest);
	fprintf(out, "</th><td class=\"n\">%lld</td><td class=\"n%s\">%zu of %zu</td>",
		(long long)cell->cores, cell->n_ok < cell->n_runs ? " bad" : "", cell->n_ok,
		cell->n_runs);
	write_metric(out, "runtime", cell->runtime_ns.n ? cell->runtime_ns.mean / 1e9 : NAN,
		format_spread(&cell->runtime_ns).text);
	fprintf(out, "<td class=\"n\">%s</td>",
		format_percent(statistic_stddev(&cell->runtime_ns), cell->runtime_ns.mean).text);
	write_speedup(s, cell, out);
	write_metric(out, "boot", cell->boot_ns.n ? cell->boot_ns.mean / 1e9 : NAN,
		format_spread(&cell->boot_ns).text);
	fputs("<td>", out);
	write_spark(s, cell, scale, out);
	fputs("</td></tr>\n", out);
}

int page_comparison(const struct page *page, FILE *out)
{
	const struct summary *s = page->summary;
	static const char *const names[] = {"stack", "#cores", "#runs", "#run s", "#cv %",
		"#speed-up", "#efficiency %", "#boot s", "in order"};
	double scale = spark_scale(s);
	char caption[640];

	if (s->n_cells == 0)
		return 0;
	snprintf(caption, sizeof(caption),
		"Mean ± sample standard deviation. Run: from the program’s first marker to its "
		"end; boot: from the start of the stack to that marker; both in host time. "
		"Speed-up: over the same stack on one core; efficiency: speed-up by cores. "
		"Dots: run times in order of execution, against their mean, full height ± %.0f %%.",
		100 * scale);
	page_table_open(out, "stacks side by side", caption, names, ARRAY_SIZE(names));
	for (size_t i = 0; i < s->n_cells; i++)
		write_row(s, &s->cells[i], scale,
			i > 0 && s->cells[i].cores != s->cells[i - 1].cores, out);
	page_table_close(out);
	return 0;
}
