/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/format.h"
#include "reports/page_internal.h"

static const char open_table[] = "<div class=\"scroll\" tabindex=\"0\"><table class=\"wide\">";
static const char close_table[] = "</tbody></table></div>\n";

/** A header row from "name" (text) and "#name" (number) columns. */
static void write_header(FILE *out, const char *const *names, size_t n)
{
	fputs("<thead><tr>", out);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "<th scope=\"col\"%s>%s</th>",
			names[i][0] == '#' ? " class=\"n\"" : "", names[i] + (names[i][0] == '#'));
	fputs("</tr></thead><tbody>\n", out);
}

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

		if (!cell_counts(cell, run) || run->runtime_ns == STORE_NULL)
			continue;
		off = (double)run->runtime_ns / cell->runtime_ns.mean - 1;
		fprintf(out,
			"<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.6\"><title>run %lld, position "
			"%lld\n%s s, "
			"%+.1f %%</title></circle>",
			4 + 124 * (double)(run->position < 0 ? 0 : run->position) / (double)last,
			15 - 11 * off / scale, (long long)run->id, (long long)run->position,
			format_seconds((double)run->runtime_ns).text, 100 * off);
	}
	fputs("</svg>", out);
}

static void write_fraction(FILE *out, size_t part, size_t whole)
{
	fprintf(out, "<td class=\"n%s\">%zu of %zu</td>", part < whole ? " bad" : "", part, whole);
}

int page_summary(const struct summary *s, FILE *out)
{
	static const char *const names[] = {"stack", "#cores", "#runs", "#boot s", "#run s",
		"#cv %", "in order", "#residual %", "#lost", "#closed", "#audited"};
	double scale = spark_scale(s);

	fputs(open_table, out);
	fprintf(out,
		"<caption>Mean ± sample standard deviation. Boot is from the start of the stack to "
		"the "
		"program’s first marker, run from there to its end, both in host time. Dots: run "
		"times in order "
		"of execution, against their mean, full height ± %.0f %%. Runs, closed, audited: "
		"runs that ended "
		"well, whose books close, whose books independent clocks confirm. Lost: events "
		"that could not be "
		"recorded.</caption>",
		100 * scale);
	write_header(out, names, ARRAY_SIZE(names));
	for (size_t i = 0; i < s->n_cells; i++) {
		const struct cell *cell = &s->cells[i];
		bool group = i > 0 && cell->cores != s->cells[i - 1].cores;

		fprintf(out, "<tr%s><th scope=\"row\">", group ? " class=\"group\"" : "");
		markup_text(out, cell->name);
		fprintf(out, "</th><td class=\"n\">%lld</td>", (long long)cell->cores);
		write_fraction(out, cell->n_ok, cell->n_runs);
		fprintf(out,
			"<td class=\"n\">%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td><td>",
			format_spread(&cell->boot_ns).text, format_spread(&cell->runtime_ns).text,
			format_percent(statistic_stddev(&cell->runtime_ns), cell->runtime_ns.mean)
				.text);
		write_spark(s, cell, scale, out);
		fprintf(out, "</td><td class=\"n\">%s</td><td class=\"n%s\">%s</td>",
			cell->window.has_accounts ? format_percent(cell->window.residual_ns,
							    cell->window.lane_time_ns)
							    .text
						  : "-",
			cell->lost_events ? " bad" : "",
			format_count((double)cell->lost_events).text);
		write_fraction(out, cell->n_closed, cell->n_ok);
		write_fraction(out, cell->n_audited, cell->n_ok);
		fputs("</tr>\n", out);
	}
	fputs(close_table, out);
	return 0;
}

static void write_detail(
	const struct cell *cell, const struct book_detail *d, bool first, FILE *out)
{
	const char *state = d->state == STATE_COUNT  ? "helpers"
			    : d->state == STATE_NONE ? "other"
						     : state_table[d->state].name;

	fprintf(out, "<tr%s><td>%s</td><td class=\"t\"><code class=\"name\">",
		first ? " class=\"group\"" : "", first ? state : "");
	markup_text(out, *d->detail ? d->detail : "(all)");
	fprintf(out,
		"</code></td><td class=\"n\">%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td>",
		format_seconds(d->ns).text, format_percent(d->ns, cell->window.lane_time_ns).text,
		format_count(d->count).text);
	if (d->exact)
		fputs("<td>exact</td><td></td></tr>\n", out);
	else
		fprintf(out, "<td>sampled</td><td class=\"n\">%s to %s</td></tr>\n",
			format_seconds(d->low_ns).text, format_seconds(d->high_ns).text);
}

static void write_rest(const struct cell *cell, size_t n, double ns, FILE *out)
{
	if (n > 0)
		fprintf(out,
			"<tr><td></td><td class=\"nil\">%zu more</td><td class=\"n\">%s</td>"
			"<td class=\"n\">%s</td><td></td><td></td><td></td></tr>\n",
			n, format_seconds(ns).text,
			format_percent(ns, cell->window.lane_time_ns).text);
}

/** How many samples stand behind the split rows: one number for the cell. */
static void write_samples(const struct cell *cell, FILE *out)
{
	for (size_t i = 0; i < cell->n_details; i++) {
		if (cell->details[i].exact)
			continue;
		fprintf(out, "<caption>Sampled rows divide what they share by %s samples</caption>",
			format_count(cell->details[i].samples).text);
		return;
	}
}

static void write_cell_details(const struct cell *cell, FILE *out)
{
	static const char *const names[] = {"state", "detail", "#s a run", "#% of run time × lanes",
		"#events a run", "how", "#95 % interval, s"};
	size_t shown = 0, rest = 0;
	double rest_ns = 0;

	fputs(open_table, out);
	write_samples(cell, out);
	write_header(out, names, ARRAY_SIZE(names));
	for (size_t i = 0; i < cell->n_details; i++) {
		const struct book_detail *d = &cell->details[i];
		bool first = i == 0 || cell->details[i - 1].state != d->state;

		if (first) {
			write_rest(cell, rest, rest_ns, out);
			shown = rest = 0;
			rest_ns = 0;
		}
		if (shown < SUMMARY_DETAILS_TOP) {
			write_detail(cell, d, first, out);
			shown++;
		} else {
			rest++;
			rest_ns += d->ns;
		}
	}
	write_rest(cell, rest, rest_ns, out);
	fputs(close_table, out);
}

int page_details(const struct summary *s, FILE *out)
{
	for (size_t i = 0; i < s->n_cells; i++) {
		const struct cell *cell = &s->cells[i];

		if (cell->n_details == 0)
			continue;
		fprintf(out, "<details%s><summary>", i == 0 ? " class=\"first-details\"" : "");
		page_cell_name(out, cell);
		fprintf(out, "<span>%s of lane time</span></summary>\n",
			format_time(cell->window.lane_time_ns).text);
		write_cell_details(cell, out);
		fputs("</details>\n", out);
	}
	return 0;
}

/** A counter's mean over a cell's runs: how many counted it, and whether it was multiplexed. */
struct counter_mean {
	struct statistic value;
	bool multiplexed;
};

static struct counter_mean counter_of(
	const struct summary *s, const struct cell *cell, const char *name)
{
	const struct store_tables *t = store_tables(s->store);
	struct counter_mean mean = {};

	for (size_t i = 0; i < t->n_counters; i++) {
		const struct store_counter *c = &t->counters[i];
		const struct store_run *run = c->name == name ? store_run(s->store, c->run) : NULL;

		if (!run || !cell_counts(cell, run) || c->value == STORE_NULL)
			continue;
		statistic_add(&mean.value, (double)c->value);
		mean.multiplexed |= c->running_ns < c->enabled_ns;
	}
	return mean;
}

static void write_counter_row(const struct summary *s, const char *name, FILE *out)
{
	fputs("<tr><th scope=\"row\"><code>", out);
	markup_text(out, name);
	fputs("</code></th>", out);
	for (size_t i = 0; i < s->n_cells; i++) {
		struct counter_mean mean = counter_of(s, &s->cells[i], name);

		if (mean.value.n == 0)
			fputs("<td class=\"n nil\">not counted</td>", out);
		else
			fprintf(out, "<td class=\"n\">%s%s</td>",
				format_count(mean.value.mean).text, mean.multiplexed ? " *" : "");
	}
	fputs("</tr>\n", out);
}

int page_counters(const struct summary *s, FILE *out)
{
	const struct store_tables *t = store_tables(s->store);

	if (t->n_counters == 0) {
		fputs("<p class=\"lead\">No counters were asked for.</p>\n", out);
		return 0;
	}
	fputs(open_table, out);
	fputs("<caption>Sum over the lanes, mean of the runs; * scaled from the time that the "
	      "counter "
	      "was on (multiplexed)</caption><thead><tr><th scope=\"col\">counter</th>",
		out);
	for (size_t i = 0; i < s->n_cells; i++) {
		fputs("<th scope=\"col\" class=\"n\">", out);
		markup_text(out, s->cells[i].name);
		fputs("<br>", out);
		page_cores(out, s->cells[i].cores);
		fputs("</th>", out);
	}
	fputs("</tr></thead><tbody>\n", out);
	for (size_t i = 0; i < t->n_counters; i++) {
		size_t j = 0;

		while (j < i && t->counters[j].name != t->counters[i].name)
			j++;
		if (j == i)
			write_counter_row(s, t->counters[i].name, out);
	}
	fputs(close_table, out);
	return 0;
}

static struct format_text seconds_or_dash(int64_t ns)
{
	return format_seconds(ns == STORE_NULL ? NAN : (double)ns);
}

static void write_truth(FILE *out, int64_t value)
{
	fputs(value == STORE_NULL ? "<td class=\"nil\">-</td>"
		: value           ? "<td class=\"ok\">yes</td>"
				  : "<td class=\"bad\">no</td>",
		out);
}

static void write_run(const struct store_run *run, FILE *out)
{
	fprintf(out, "<tr><td class=\"n\">%lld</td><td class=\"n\">%lld</td><th scope=\"row\">",
		(long long)run->position, (long long)run->id);
	markup_text(out, run->guest);
	fprintf(out, "</th><td class=\"n\">%lld</td><td class=\"n\">%lld</td>",
		(long long)run->cores, (long long)run->repetition);
	fprintf(out, "<td class=\"t%s\">", run->ok ? "" : " bad");
	markup_text(out, run->status);
	if (run->error) {
		fputs(": ", out);
		markup_text(out, run->error);
	}
	fprintf(out,
		"</td><td class=\"n\">%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td>"
		"<td class=\"n%s\">%s</td>",
		seconds_or_dash(run->boot_ns).text, seconds_or_dash(run->runtime_ns).text,
		run->residual_ns == STORE_NULL ? "-" : format_time((double)run->residual_ns).text,
		run->lost_events > 0 ? " bad" : "",
		format_count(run->lost_events == STORE_NULL ? NAN : (double)run->lost_events).text);
	write_truth(out, run->closed);
	write_truth(out, run->audited);
	fputs("</tr>\n", out);
}

static int compare_position(const void *a, const void *b)
{
	const struct store_run *x = *(const struct store_run *const *)a;
	const struct store_run *y = *(const struct store_run *const *)b;

	if (x->position != y->position)
		return x->position < y->position ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

int page_runs(const struct summary *s, FILE *out)
{
	static const char *const names[] = {"#position", "#run", "stack", "#cores", "#repetition",
		"status", "#boot s", "#run s", "#residual", "#lost", "closed", "audited"};
	const struct store_tables *t = store_tables(s->store);
	_cleanup_free_ const struct store_run **runs = calloc(t->n_runs + 1, sizeof(*runs));

	if (!runs)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_runs; i++)
		runs[i] = &t->runs[i];
	qsort(runs, t->n_runs, sizeof(*runs), compare_position);
	fputs(open_table, out);
	fputs("<caption>In order of execution. Residual: sum over lanes and phases of what their "
	      "states "
	      "leave of wall time.</caption>",
		out);
	write_header(out, names, ARRAY_SIZE(names));
	for (size_t i = 0; i < t->n_runs; i++)
		write_run(runs[i], out);
	fputs(close_table, out);
	return 0;
}
