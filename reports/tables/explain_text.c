/* SPDX-License-Identifier: GPL-2.0-or-later */
/** The explanation as tables for a terminal. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/explain/words_internal.h"
#include "reports/tables/tables_internal.h"
#include "reports/text/format.h"

#define COLUMN_WIDTH 10
#define COLUMNS_MAX  6

/** A column: which causes are summed up in it. */
enum column {
	COLUMN_PROGRAM,
	COLUMN_SERIAL,
	COLUMN_GUEST,
	COLUMN_VMM,
	COLUMN_KERNEL,
	COLUMN_IRQ,
	COLUMN_PREEMPTED,
	COLUMN_WAKEUP,
	COLUMN_BLOCKED,
	COLUMN_THROTTLED,
	COLUMN_OTHER, /**< what has no column, and those that are too many */
	COLUMN_COUNT
};

static const char *const column_titles[COLUMN_COUNT] = {"program", "serial", "guest", "vmm",
	"kernel", "irq", "preempted", "wakeup", "blocked", "throttled", "other"};

static enum column column_of(const struct term *t)
{
	static const enum column of_state[TERM_COUNT] = {
		[STATE_NONE] = COLUMN_OTHER,
		[STATE_ONCPU] = COLUMN_OTHER,
		[STATE_GUEST] = COLUMN_GUEST,
		[STATE_USER] = COLUMN_PROGRAM,
		[STATE_VMM] = COLUMN_VMM,
		[STATE_KERNEL] = COLUMN_KERNEL,
		[STATE_IRQ] = COLUMN_IRQ,
		[STATE_PREEMPTED] = COLUMN_PREEMPTED,
		[STATE_WAKEUP] = COLUMN_WAKEUP,
		[STATE_BLOCKED] = COLUMN_BLOCKED,
		[STATE_THROTTLED] = COLUMN_THROTTLED,
		[TERM_RESIDUAL] = COLUMN_OTHER,
	};

	return t->state < 0 ? COLUMN_SERIAL : of_state[t->state];
}

/** One row's causes, as multiples of @unit. */
struct split_row {
	const struct terms *causes;
	double unit;
};

static void sum_up(const struct split_row *row, double values[COLUMN_COUNT])
{
	memset(values, 0, COLUMN_COUNT * sizeof(*values));
	for (size_t i = 0; i < row->causes->n; i++)
		values[column_of(&row->causes->list[i])] += row->causes->list[i].value / row->unit;
}

/** Which columns are worth their room: the largest in any row. */
static void choose(const struct split_row *rows, size_t n, bool shown[COLUMN_COUNT])
{
	double most[COLUMN_COUNT] = {}, values[COLUMN_COUNT];

	for (size_t i = 0; i < n; i++) {
		double whole = 0;

		sum_up(&rows[i], values);
		for (size_t c = 0; c < COLUMN_COUNT; c++)
			whole += fabs(values[c]);
		for (size_t c = 0; c < COLUMN_COUNT && whole > 0; c++)
			most[c] = fmax(most[c], fabs(values[c]) / whole);
	}
	memset(shown, 0, COLUMN_COUNT * sizeof(*shown));
	for (size_t k = 0; k < COLUMNS_MAX - 1; k++) {
		size_t best = COLUMN_OTHER;

		for (size_t c = 0; c < COLUMN_OTHER; c++)
			if (!shown[c] && most[c] > 0 &&
				(best == COLUMN_OTHER || most[c] > most[best]))
				best = c;
		if (best != COLUMN_OTHER)
			shown[best] = true;
	}
	shown[COLUMN_OTHER] = true;
}

static void put_titles(struct table *t, const bool shown[COLUMN_COUNT])
{
	for (size_t c = 0; c < COLUMN_COUNT; c++)
		if (shown[c])
			table_cell(t, column_titles[c], -COLUMN_WIDTH);
	table_row(t);
}

static void put_split(struct table *t, const struct split_row *row, const bool shown[COLUMN_COUNT])
{
	double values[COLUMN_COUNT];

	sum_up(row, values);
	for (size_t c = 0; c < COLUMN_OTHER; c++)
		if (!shown[c])
			values[COLUMN_OTHER] += values[c];
	for (size_t c = 0; c < COLUMN_COUNT; c++)
		if (shown[c])
			table_cell(t, row->causes->n ? format_points(values[c]).text : "-",
				-COLUMN_WIDTH);
	table_row(t);
}

static void put_range(struct table *t, const struct interval *range, int width)
{
	char words[2 * FORMAT_MAX + 8];

	if (isnan(range->low))
		strcpy(words, "-");
	else
		snprintf(words, sizeof(words), "[%s, %s]", format_seconds(range->low).text,
			format_seconds(range->high).text);
	table_cell(t, words, -width);
}

static void put_number(struct table *t, const char *format, double value, int width)
{
	char words[FORMAT_MAX];

	snprintf(words, sizeof(words), format, value);
	table_cell(t, isfinite(value) ? words : "-", -width);
}

static void put_p(struct table *t, double p, int width)
{
	if (p < 0.001)
		table_cell(t, "<0.001", -width);
	else
		put_number(t, "%.3f", p, width);
}

/* More runs than this are "many". */
#define NEEDED_MAX 9999

static void put_needed(struct table *t, const struct repetitions *n)
{
	char words[64];

	if (n->n == 0)
		strcpy(words, "-");
	else if (n->n > NEEDED_MAX)
		snprintf(words, sizeof(words), "%d or more", NEEDED_MAX);
	else if (n->n_cautious == 0 || n->n_cautious > NEEDED_MAX)
		snprintf(words, sizeof(words), "%zu or more", n->n);
	else
		snprintf(words, sizeof(words), "%zu-%zu", n->n, n->n_cautious);
	table_cell(t, words, -13);
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
	static const struct {
		const char *title;
		int width;
	} columns[] = {{"n", -4}, {"mean s", -9}, {"95 %", -18}, {"median s", -9}, {"MAD s", -8},
		{"cv %", -6}, {"for ±1 %", -13}, {"ρ", -7}, {"p", -7}};
	struct table *t = table_begin();
	bool boots = boots_alone(e);
	int name = name_width(e->summary, 6 + 4 + 9 + 18 + 9 + 8 + 6 + 13 + 7 + 7);

	if (!e->n_spreads)
		return table_end(t, out, style);
	fprintf(out, "\n%s%s: 95 %% interval of the mean, runs for ± 1 %%, drift with order%s\n",
		style->bold, boots ? "Boots" : "Run times", style->plain);
	put_cell_titles(t, name);
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		table_cell(t, columns[i].title, columns[i].width);
	table_row(t);
	for (size_t i = 0; i < e->n_spreads; i++) {
		const struct spread *x = &e->spreads[i];
		const struct description *d = boots ? &x->boot : &x->runtime;
		struct repetitions needed = boots ? repetitions_needed(d, 0.01) : x->one_percent;

		put_cell_name(t, x->cell, name);
		put_number(t, "%.0f", (double)d->n, 4);
		table_cell(t, format_seconds(d->mean).text, -9);
		put_range(t, &d->mean_interval, 18);
		table_cell(t, format_seconds(d->median).text, -9);
		table_cell(t, format_seconds(d->mad).text, -8);
		table_cell(t, format_percent(d->stddev, d->mean).text, -6);
		put_needed(t, &needed);
		put_number(t, "%+.2f", x->order.rho, 7);
		put_p(t, x->order.rho_p, 7);
		table_row(t);
	}
	return table_end(t, out, style);
}

static int write_scalings(const struct explanation *e, FILE *out, const struct style *style)
{
	_cleanup_free_ struct split_row *rows = calloc(e->n_scalings + 1, sizeof(*rows));
	bool shown[COLUMN_COUNT];
	int name = name_width(e->summary, 6 + 9 + 8 + 7 + COLUMNS_MAX * COLUMN_WIDTH);
	struct table *t;

	if (!rows)
		return -ENOMEM;
	if (e->n_scalings == 0)
		return 0;
	for (size_t i = 0; i < e->n_scalings; i++) {
		const struct cell *many = e->scalings[i].many;

		rows[i] = (struct split_row){
			&e->scalings[i].causes, (double)many->cores * many->runtime_ns.mean / 100};
	}
	choose(rows, e->n_scalings, shown);
	fprintf(out, "\n%sSpeed-up over one core, and where points of efficiency are lost%s\n",
		style->bold, style->plain);
	t = table_begin();
	put_cell_titles(t, name);
	table_cell(t, "speed-up", -9);
	table_cell(t, "eff. %", -8);
	table_cell(t, "lost", -7);
	put_titles(t, shown);
	for (size_t i = 0; i < e->n_scalings; i++) {
		const struct scaling *x = &e->scalings[i];

		put_cell_name(t, x->many, name);
		put_number(t, "%.2f", x->speedup.value, 9);
		put_number(t, "%.1f", 100 * x->efficiency.value, 8);
		put_number(t, "%.1f", 100 - 100 * x->efficiency.value, 7);
		put_split(t, &rows[i], shown);
	}
	return table_end(t, out, style);
}

static int write_spreads(const struct explanation *e, FILE *out, const struct style *style)
{
	static const struct terms none;
	_cleanup_free_ struct split_row *rows = calloc(e->n_spreads + 1, sizeof(*rows));
	bool shown[COLUMN_COUNT];
	size_t n = 0;
	int name = name_width(e->summary, 6 + 10 + COLUMNS_MAX * COLUMN_WIDTH);
	struct table *t;

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < e->n_spreads; i++) {
		const struct terms *causes = &e->spreads[i].causes;

		rows[i] = (struct split_row){
			causes->n && isnan(causes->list[0].share) ? &none : causes,
			e->spreads[i].variance / 100};
		n += rows[i].causes->n > 0;
	}
	if (n == 0)
		return rows ? 0 : -ENOMEM;
	choose(rows, e->n_spreads, shown);
	fprintf(out, "\n%sWhere the variance of run times comes from, percent%s\n", style->bold,
		style->plain);
	t = table_begin();
	put_cell_titles(t, name);
	table_cell(t, "σ", -10);
	put_titles(t, shown);
	for (size_t i = 0; i < e->n_spreads; i++) {
		put_cell_name(t, e->spreads[i].cell, name);
		table_cell(t, format_time(e->spreads[i].runtime.stddev).text, -10);
		put_split(t, &rows[i], shown);
	}
	return table_end(t, out, style);
}

/** Pairs with the fastest of their group, b being that. */
static bool is_shown(const struct explanation *e, const struct contrast *x)
{
	for (size_t i = 0; i < e->n_contrasts; i++) {
		const struct contrast *y = &e->contrasts[i];

		if (y->a == x->b && y->a->cores == x->a->cores)
			return false;
	}
	return true;
}

static int write_contrasts(const struct explanation *e, FILE *out, const struct style *style)
{
	_cleanup_free_ struct split_row *rows = calloc(e->n_contrasts + 1, sizeof(*rows));
	bool shown[COLUMN_COUNT];
	int name = name_width(e->summary, 6 + 10 + 9 + COLUMNS_MAX * COLUMN_WIDTH);
	struct table *t;
	size_t n = 0;

	for (size_t i = 0; rows && i < e->n_contrasts; i++)
		if (is_shown(e, &e->contrasts[i]))
			rows[n++] = (struct split_row){&e->contrasts[i].causes, 1e9};
	if (n == 0)
		return rows ? 0 : -ENOMEM;
	choose(rows, n, shown);
	fprintf(out,
		"\n%sWhat takes longer than on the fastest stack with the same number of cores, "
		"seconds%s\n",
		style->bold, style->plain);
	t = table_begin();
	put_cell_titles(t, name);
	table_cell(t, "longer", -10);
	table_cell(t, "p", -9);
	put_titles(t, shown);
	n = 0;
	for (size_t i = 0; i < e->n_contrasts; i++) {
		const struct contrast *x = &e->contrasts[i];

		if (!is_shown(e, x))
			continue;
		put_cell_name(t, x->a, name);
		table_cell(t, format_seconds(x->runtime.difference).text, -10);
		put_p(t, x->runtime.p_holm, 9);
		put_split(t, &rows[n++], shown);
	}
	return table_end(t, out, style);
}

int explanation_write_text(const struct explanation *e, FILE *out, const struct style *style)
{
	int r = write_statistics(e, out, style);

	if (r == 0)
		r = write_scalings(e, out, style);
	if (r == 0)
		r = write_contrasts(e, out, style);
	return r < 0 ? r : write_spreads(e, out, style);
}
