/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The figures. Each is drawn here without scripts; where scripts run, assets/charts.js puts one
 * that answers to pointer and keyboard in its place, from the numbers in the page's tables. */

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "reports/explain/explain.h"
#include "reports/page/page_chart.h"
#include "reports/page/page_internal.h"
#include "reports/text/format.h"

/** What is drawn over the number of cores. */
enum metric { METRIC_RUNTIME, METRIC_SPEEDUP, METRIC_EFFICIENCY, METRIC_COUNT };

static const struct {
	const char *title;
	const char *y_title;
} metrics[METRIC_COUNT] = {
	{"Run time over cores", "run time, s"},
	{"Speed-up over cores", "speed-up over one core"},
	{"Efficiency over cores", "speed-up by cores, %"},
};

/** A cell's point; its y is NAN where there is none. */
static struct chart_point point_of(
	const struct explanation *explanation, const struct cell *cell, enum metric metric)
{
	const struct spread *spread = explanation_spread(explanation, cell);
	const struct scaling *x = explanation_scaling(explanation, cell);
	struct chart_point p = {.x = (double)cell->cores, .y = NAN, .low = NAN, .high = NAN};
	struct estimate e = {NAN, {NAN, NAN}};
	double scale = 1;

	if (metric == METRIC_RUNTIME && spread) {
		e = (struct estimate){spread->runtime.mean, spread->runtime.mean_interval};
		scale = 1e-9;
	} else if (metric != METRIC_RUNTIME && x) {
		e = metric == METRIC_SPEEDUP ? x->speedup : x->efficiency;
		scale = metric == METRIC_SPEEDUP ? 1 : 100;
	} else if (metric != METRIC_RUNTIME && cell->cores == 1 && cell->runtime_ns.n > 0) {
		e.value = metric == METRIC_SPEEDUP ? 1 : 100;
	}
	p.y = e.value * scale;
	p.low = e.range.low * scale;
	p.high = e.range.high * scale;
	return p;
}

static int compare_numbers(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/** The numbers of cores there are, ascending. */
static double *core_numbers(const struct summary *s, size_t *ret_n)
{
	double *cores = calloc(s->n_cells + 1, sizeof(*cores));
	size_t n = 0;

	for (size_t i = 0; cores && i < s->n_cells; i++)
		cores[i] = (double)s->cells[i].cores;
	if (cores)
		qsort(cores, s->n_cells, sizeof(*cores), compare_numbers);
	for (size_t i = 0; cores && i < s->n_cells; i++)
		if (n == 0 || cores[n - 1] < cores[i])
			cores[n++] = cores[i];
	*ret_n = n;
	return cores;
}

static void write_legend(const char *const *stacks, size_t n, FILE *out)
{
	fputs("<ul class=\"legend series\">", out);
	for (size_t i = 0; i < n; i++) {
		fputs("<li><svg viewBox=\"0 0 14 14\" aria-hidden=\"true\">", out);
		page_mark(out, i, 7, 7);
		fputs("</svg><span>", out);
		markup_text(out, stacks[i]);
		fputs("</span></li>\n", out);
	}
	fputs("</ul>\n", out);
}

static int write_over_cores(
	const struct explanation *e, const char *const *stacks, size_t n_stacks, FILE *out)
{
	const struct summary *s = e->summary;
	_cleanup_free_ struct chart_point *points = calloc(s->n_cells + 1, sizeof(*points));
	size_t n_cores = 0;
	_cleanup_free_ double *cores = core_numbers(s, &n_cores);

	if (!points || !cores)
		return -ENOMEM;
	if (n_cores < 2)
		return 0;
	fputs("<figure class=\"chart\" data-chart=\"cores\"><figcaption>Mean run time, speed-up "
	      "and "
	      "efficiency over the number of cores, from the <a "
	      "href=\"#comparison\">comparison</a>. "
	      "</figcaption>\n",
		out);
	write_legend(stacks, n_stacks, out);
	fputs("<div class=\"static-charts\">\n", out);
	for (int m = 0; m < METRIC_COUNT; m++) {
		struct chart chart = {.width = 340,
			.height = 250,
			.label = metrics[m].title,
			.x_title = "cores",
			.y_title = metrics[m].y_title,
			.points = points,
			.n_points = s->n_cells,
			.n_series = n_stacks,
			.x_ticks = cores,
			.n_x_ticks = n_cores,
			.x_doubles = true,
			.lines = true,
			.from_zero = true,
			.slope = m == METRIC_SPEEDUP ? 1 : 0,
			.level = m == METRIC_EFFICIENCY ? 100 : NAN};

		for (size_t i = 0; i < s->n_cells; i++) {
			points[i] = point_of(e, &s->cells[i], (enum metric)m);
			points[i].series = page_series(stacks, n_stacks, s->cells[i].name);
		}
		chart_write(&chart, out);
	}
	fputs("</div></figure>\n", out);
	return 0;
}

static int write_in_order(
	const struct summary *s, const char *const *stacks, size_t n_stacks, FILE *out)
{
	const struct store_tables *t = store_tables(s->store);
	_cleanup_free_ struct chart_point *points = calloc(t->n_runs + 1, sizeof(*points));
	double first = INFINITY, last = -INFINITY, step, ticks[16];
	size_t n = 0, n_ticks = 0;

	if (!points)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_runs; i++) {
		const struct store_run *run = &t->runs[i];
		const struct cell *cell = summary_cell(s, run);

		if (!cell || !cell_counts(cell, run) || run->runtime_ns == STORE_NULL ||
			!(cell->runtime_ns.mean > 0) || cell->runtime_ns.n < 2)
			continue;
		points[n++] = (struct chart_point){page_series(stacks, n_stacks, cell->name),
			(double)run->position,
			100 * ((double)run->runtime_ns / cell->runtime_ns.mean - 1), NAN, NAN};
		first = fmin(first, (double)run->position);
		last = fmax(last, (double)run->position);
	}
	if (n < 3)
		return 0;
	step = fmax(1, chart_step(last - first, 8));
	ticks[n_ticks++] = first;
	for (double x = ceil((first + step / 2) / step) * step; x < last - step / 2 && n_ticks < 15;
		x += step)
		ticks[n_ticks++] = x;
	ticks[n_ticks++] = last;
	fputs("<figure class=\"chart\" data-chart=\"order\"><figcaption>Every run’s time against "
	      "the mean of its stack and number of cores, in order of execution: a slope is "
	      "drift, a lone dot an outlier. The numbers: <a href=\"#runs\">every "
	      "run</a>.</figcaption>\n",
		out);
	write_legend(stacks, n_stacks, out);
	fputs("<div class=\"static-charts wide\">\n", out);
	chart_write(&(struct chart){.width = 780,
			    .height = 300,
			    .label = "Run time against its mean, in order of execution",
			    .x_title = "position in the order of execution",
			    .y_title = "run time against its mean, %",
			    .points = points,
			    .n_points = n,
			    .n_series = n_stacks,
			    .x_ticks = ticks,
			    .n_x_ticks = n_ticks,
			    .level = 0},
		out);
	fputs("</div></figure>\n", out);
	return 0;
}

/** Those that gnuplot has drawn; they are beside the page as files, too. */
static void write_for_paper(const struct figures *figures, FILE *out)
{
	if (!figures || (figures->n == 0 && !*figures->trouble))
		return;
	fputs("<details class=\"first-details paper\"><summary>For a paper<span>", out);
	if (figures->n > 0)
		fprintf(out,
			"%zu figure%s as SVG and PDF, with data and script, in "
			"<code>" FIGURES_FOLDER "/</code> beside this page",
			figures->n, figures->n == 1 ? "" : "s");
	fputs("</span></summary>\n", out);
	if (*figures->trouble) {
		fputs("<p>", out);
		markup_text(out, figures->trouble);
		fputs("</p>\n", out);
	}
	fputs("<div class=\"paper-figures\">\n", out);
	for (size_t i = 0; i < figures->n; i++) {
		const struct figure *f = &figures->list[i];

		fputs("<figure><h3>", out);
		markup_text(out, f->title);
		fputs("</h3>\n", out);
		fwrite(f->svg, 1, f->svg_length, out);
		fputs("\n<figcaption>", out);
		markup_text(out, f->caption ? f->caption : "");
		fputc(' ', out);
		page_file_link(out, FIGURES_FOLDER "/", f->name, ".svg");
		fputs("</figcaption></figure>\n", out);
	}
	fputs("</div></details>\n", out);
}

int page_figures(const struct page *page, FILE *out)
{
	const struct summary *s = page->analysis->summary;
	size_t n = 0;
	_cleanup_free_ const char **stacks = page_stacks(s, &n);
	int r;

	if (!stacks)
		return -ENOMEM;
	r = write_over_cores(page->analysis->explanation, stacks, n, out);
	if (r >= 0)
		r = write_in_order(s, stacks, n, out);
	if (r >= 0)
		write_for_paper(page->figures, out);
	return r;
}
