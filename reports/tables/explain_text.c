/* SPDX-License-Identifier: GPL-2.0-or-later */
/** The explanation as tables for a terminal. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/explain/words_internal.h"
#include "reports/tables/columns.h"
#include "reports/tables/tables_internal.h"

#define PART_WIDTH 10
#define PARTS_MAX  6

/** What causes are summed up in, by their state; -1: serial phases. */
static const int parts[] = {STATE_USER, -1, STATE_GUEST, STATE_VMM, STATE_KERNEL, STATE_IRQ,
	STATE_PREEMPTED, STATE_WAKEUP, STATE_BLOCKED, STATE_THROTTLED, TERM_LOST_PARALLELISM,
	TERM_DOUBLE_SCHEDULING};

/** What has no part, and those that are too many. */
#define PART_OTHER ARRAY_SIZE(parts)
#define PART_COUNT (PART_OTHER + 1)

static const char *part_title(size_t part)
{
	if (part == PART_OTHER)
		return "other";
	return parts[part] == STATE_USER               ? "program"
	       : parts[part] < 0                       ? "serial"
	       : parts[part] == TERM_LOST_PARALLELISM  ? "lost par."
	       : parts[part] == TERM_DOUBLE_SCHEDULING ? "double s."
						       : state_label(parts[part]);
}

static size_t part_of(const struct term *t)
{
	size_t i = 0;

	while (i < PART_OTHER && parts[i] != t->state)
		i++;
	return i;
}

/** One row of a table: a member of the explanation, and its causes as multiples of @unit. */
struct line {
	const struct configuration *configuration;
	const void *row;
	const struct terms *causes;
	double unit;
};

static void sum_up(const struct line *line, double values[PART_COUNT])
{
	memset(values, 0, PART_COUNT * sizeof(*values));
	for (size_t i = 0; i < line->causes->n; i++)
		values[part_of(&line->causes->list[i])] += line->causes->list[i].value / line->unit;
}

/** Which parts are worth their room: the largest in any row. */
static void choose(const struct line *lines, size_t n, bool shown[PART_COUNT])
{
	double most[PART_COUNT] = {}, values[PART_COUNT];

	for (size_t i = 0; i < n; i++) {
		double whole = 0;

		sum_up(&lines[i], values);
		for (size_t c = 0; c < PART_COUNT; c++)
			whole += fabs(values[c]);
		for (size_t c = 0; c < PART_COUNT && whole > 0; c++)
			most[c] = fmax(most[c], fabs(values[c]) / whole);
	}
	memset(shown, 0, PART_COUNT * sizeof(*shown));
	for (size_t k = 0; k < PARTS_MAX - 1; k++) {
		size_t best = PART_OTHER;

		for (size_t c = 0; c < PART_OTHER; c++)
			if (!shown[c] && most[c] > 0 &&
				(best == PART_OTHER || most[c] > most[best]))
				best = c;
		if (best != PART_OTHER)
			shown[best] = true;
	}
	shown[PART_OTHER] = true;
}

static void put_split(struct table *t, const struct line *line, const bool shown[PART_COUNT])
{
	double values[PART_COUNT];

	sum_up(line, values);
	for (size_t c = 0; c < PART_OTHER; c++)
		if (!shown[c])
			values[PART_OTHER] += values[c];
	for (size_t c = 0; c < PART_COUNT; c++)
		if (shown[c])
			table_cell(t, line->causes->n ? format_points(values[c]).text : "-",
				-PART_WIDTH);
}

/** The columns and, if the lines have causes, their parts. */
static int write_lines(const struct column *columns, const struct summary *s,
	const struct line *lines, size_t n, FILE *out, const struct style *style)
{
	bool shown[PART_COUNT] = {}, split = lines[0].causes;
	int name = name_width(s, 6 + columns_width(columns) + (split ? PARTS_MAX * PART_WIDTH : 0));
	struct table *t = table_begin();

	if (split)
		choose(lines, n, shown);
	put_configuration_titles(t, name);
	columns_put_titles(columns, t);
	for (size_t c = 0; c < PART_COUNT; c++)
		if (shown[c])
			table_cell(t, part_title(c), -PART_WIDTH);
	table_row(t);
	for (size_t i = 0; i < n; i++) {
		put_configuration_name(t, lines[i].configuration, name);
		columns_put(columns, lines[i].row, t);
		if (split)
			put_split(t, &lines[i], shown);
		table_row(t);
	}
	return table_end(t, out, style);
}

/* Of boots alone (--boot-only) there are no run times. */
static bool boots_alone(const struct explanation *e)
{
	for (size_t i = 0; i < e->n_spreads; i++)
		if (e->spreads[i].runtime.n)
			return false;
	return true;
}

static int write_statistics(const struct explanation *e, FILE *out, const struct style *style)
{
	_cleanup_free_ struct line *lines = calloc(e->n_spreads + 1, sizeof(*lines));
	_cleanup_free_ struct spread *spreads = calloc(e->n_spreads + 1, sizeof(*spreads));
	bool boots = boots_alone(e);

	if (!lines || !spreads)
		return -ENOMEM;
	if (e->n_spreads == 0)
		return 0;
	for (size_t i = 0; i < e->n_spreads; i++) {
		spreads[i] = e->spreads[i];
		lines[i] = (struct line){spreads[i].configuration, &spreads[i]};
		if (boots) {
			spreads[i].runtime = spreads[i].boot;
			spreads[i].one_percent = repetitions_needed(&spreads[i].boot, 0.01);
		}
	}
	fprintf(out, "\n%s%s: 95 %% interval of the mean, runs for ± 1 %%, drift with order%s\n",
		style->bold, boots ? "Boots" : "Run times", style->plain);
	return write_lines(spread_columns, e->summary, lines, e->n_spreads, out, style);
}

static int write_scalings(const struct explanation *e, FILE *out, const struct style *style)
{
	_cleanup_free_ struct line *lines = calloc(e->n_scalings + 1, sizeof(*lines));

	if (!lines)
		return -ENOMEM;
	if (e->n_scalings == 0)
		return 0;
	for (size_t i = 0; i < e->n_scalings; i++) {
		const struct scaling *x = &e->scalings[i];

		lines[i] = (struct line){x->many, x, &x->causes,
			(double)x->many->cores * x->many->runtime_ns.mean / 100};
	}
	fprintf(out, "\n%s%s over one core, and where points of efficiency are lost%s\n",
		style->bold, explanation_is_weak(e) ? "Scaled speed-up" : "Speed-up", style->plain);
	return write_lines(scaling_columns, e->summary, lines, e->n_scalings, out, style);
}

static int write_spreads(const struct explanation *e, FILE *out, const struct style *style)
{
	static const struct terms none;
	_cleanup_free_ struct line *lines = calloc(e->n_spreads + 1, sizeof(*lines));
	bool any = false;

	if (!lines)
		return -ENOMEM;
	for (size_t i = 0; i < e->n_spreads; i++) {
		const struct spread *x = &e->spreads[i];
		const struct terms *causes = &x->causes;

		if (causes->n && isnan(causes->list[0].share))
			causes = &none;
		lines[i] = (struct line){x->configuration, x, causes, x->variance / 100};
		any |= causes->n > 0;
	}
	if (!any)
		return 0;
	fprintf(out, "\n%sWhere the variance of run times comes from, percent%s\n", style->bold,
		style->plain);
	return write_lines(variance_columns, e->summary, lines, e->n_spreads, out, style);
}

static int write_contrasts(const struct explanation *e, FILE *out, const struct style *style)
{
	_cleanup_free_ struct line *lines = calloc(e->n_contrasts + 1, sizeof(*lines));
	size_t n = 0;

	if (!lines)
		return -ENOMEM;
	for (size_t i = 0; i < e->n_contrasts; i++) {
		const struct contrast *x = &e->contrasts[i];

		if (contrast_is_with_best(e->contrasts, e->n_contrasts, x))
			lines[n++] = (struct line){x->a, x, &x->causes, 1e9};
	}
	if (n == 0)
		return 0;
	fprintf(out,
		"\n%sWhat takes longer than on the fastest stack with the same number of cores, "
		"seconds%s\n",
		style->bold, style->plain);
	return write_lines(contrast_columns, e->summary, lines, n, out, style);
}

/** "rate, in the program's output; higher is better" */
static void put_metric_title(
	const struct configuration_metric *m, FILE *out, const struct style *style)
{
	const char *wish = output_wish_name(m->wish);

	fprintf(out, "\n%s%s, in the program's output%s%s%s%s\n", style->bold, m->name,
		wish ? "; " : "", wish ? wish : "", wish ? " is better" : "", style->plain);
}

static int write_metric(
	const struct explanation *e, size_t from, size_t to, FILE *out, const struct style *style)
{
	_cleanup_free_ struct line *lines = calloc(to - from, sizeof(*lines));

	if (!lines)
		return -ENOMEM;
	for (size_t i = from; i < to; i++)
		lines[i - from] = (struct line){e->metrics[i].configuration, &e->metrics[i]};
	put_metric_title(e->metrics[from].metric, out, style);
	return write_lines(metric_columns, e->summary, lines, to - from, out, style);
}

/** Is it the same number in all runs of both? There is nothing to compare. */
static bool is_equal(const struct contrast *x)
{
	return isnan(x->values.welch_p) && x->values.difference.value == 0;
}

static int write_metric_contrasts(
	const struct explanation *e, const char *name, FILE *out, const struct style *style)
{
	_cleanup_free_ struct line *lines = calloc(e->n_metric_contrasts + 1, sizeof(*lines));
	const struct not_compared why = explanation_not_compared(e, name);
	enum output_wish wish = WISH_NONE;
	size_t n = 0;

	if (!lines)
		return -ENOMEM;
	for (size_t i = 0; i < e->n_metric_contrasts; i++) {
		const struct contrast *x = &e->metric_contrasts[i];

		if (x->metric->name != name || is_equal(x) ||
			!contrast_is_with_best(e->metric_contrasts, e->n_metric_contrasts, x))
			continue;
		wish = x->metric->wish;
		lines[n++] = (struct line){x->a, x};
	}
	if (why.text[0])
		fprintf(out, "(%s is %s)\n", name, why.text);
	if (n == 0)
		return 0;
	fprintf(out, "\n%s%s, against the %s stack with the same number of cores%s\n", style->bold,
		name, wish == WISH_NONE ? "smallest" : "best", style->plain);
	return write_lines(metric_contrast_columns, e->summary, lines, n, out, style);
}

/* Those of one metric are neighbours. */
static int write_metrics(const struct explanation *e, FILE *out, const struct style *style)
{
	int r = 0;

	for (size_t i = 0, j; i < e->n_metrics && r == 0; i = j) {
		const char *name = e->metrics[i].metric->name;

		for (j = i; j < e->n_metrics && e->metrics[j].metric->name == name; j++)
			;
		r = write_metric(e, i, j, out, style);
		if (r == 0)
			r = write_metric_contrasts(e, name, out, style);
	}
	return r;
}

int explanation_write_text(const struct explanation *e, FILE *out, const struct style *style)
{
	int r = write_statistics(e, out, style);

	if (r == 0)
		r = write_metrics(e, out, style);
	if (r == 0)
		r = write_scalings(e, out, style);
	if (r == 0)
		r = write_contrasts(e, out, style);
	return r < 0 ? r : write_spreads(e, out, style);
}
