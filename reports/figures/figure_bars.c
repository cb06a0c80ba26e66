/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/figures/figure_bars.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "reports/figures/figure_key.h"
#include "reports/text/format.h"

#define ROW_CM   0.46
#define BAR_CM   0.36
#define GROUP_CM 0.46
#define TICS     5
#define AXIS_CM  1.0

/** A narrower segment has no room for its number. */
#define NUMBER_CM 0.6

/** Where everything is, in centimetres from the lower left corner. */
struct layout {
	double left, right, bottom, top;
	double row_y[BAR_ROWS_MAX]; /* middle of the row */
	double axis_low, axis_high;
};

static const int state_patterns[TERM_COUNT] = {
	[STATE_VMM] = 4,
	[STATE_KERNEL] = 5,
	[STATE_IRQ] = 1,
	[STATE_PREEMPTED] = 6,
	[STATE_WAKEUP] = 7,
	[STATE_THROTTLED] = 2,
	[TERM_LOST_PARALLELISM] = 3,
	[TERM_DOUBLE_SCHEDULING] = 1,
};

struct bar_category bars_state(int state)
{
	if (state == STATE_COUNT)
		return (struct bar_category){"residual", "#ffffff", 0, state};
	if (state == STATE_NONE)
		return (struct bar_category){"other", "#ffffff", 1, state};
	return (struct bar_category){
		term_info(state)->name, term_info(state)->color, state_patterns[state], state};
}

void bars_clear(struct bars *b)
{
	free(b->segments);
	intern_clear(&b->strings);
}

static const char *keep(struct bars *b, const char *text)
{
	return text_intern(&b->strings, text, strlen(text), false);
}

const char *bars_cores(struct bars *b, int64_t cores, const char *scenario)
{
	char text[40];

	snprintf(text, sizeof(text), "%lld %s", (long long)cores, cores_word(cores, scenario));
	return keep(b, text);
}

int bars_add_row(struct bars *b, const char *group, const char *label, const char *note)
{
	struct bar_row row = {.group = keep(b, group),
		.label = keep(b, label),
		.note = keep(b, note),
		.range = {NAN, NAN}};

	if (!row.group || !row.label || !row.note)
		return -ENOMEM;
	if (b->n_rows == BAR_ROWS_MAX) {
		b->cut = true;
		return 0;
	}
	b->rows[b->n_rows++] = row;
	return 1;
}

/** The category of that name, made if there is none yet. */
static int find_category(struct bars *b, const struct bar_category *look)
{
	static const struct bar_category other = {"other", "#ffffff", 2, INT_MAX};
	const char *name = keep(b, look->name);

	if (!name)
		return -ENOMEM;
	for (size_t i = 0; i < b->n_categories; i++)
		if (b->categories[i].name == name)
			return (int)i;
	if (b->n_categories == BAR_CATEGORIES_MAX)
		return BAR_CATEGORIES_MAX - 1;
	if (b->n_categories == BAR_CATEGORIES_MAX - 1)
		look = &other;
	b->categories[b->n_categories] = *look;
	b->categories[b->n_categories].name = look == &other ? other.name : name;
	return (int)b->n_categories++;
}

int bars_add(struct bars *b, const struct bar_category *look, double value)
{
	int category;

	if (!isfinite(value) || value == 0)
		return 0;
	category = find_category(b, look);
	if (category < 0)
		return category;
	return ARRAY_ADD(b->segments, b->n_segments,
		(struct bar_segment){b->n_rows - 1, (size_t)category, value});
}

static int compare_segments(const void *a, const void *b, void *bars)
{
	const struct bar_segment *x = a, *y = b;
	const struct bar_category *categories = ((const struct bars *)bars)->categories;
	int ranks[] = {categories[x->category].rank, categories[y->category].rank};

	if (x->row != y->row)
		return x->row < y->row ? -1 : 1;
	return (ranks[0] > ranks[1]) - (ranks[0] < ranks[1]);
}

/** Put each row's segments one beside the other, by rank, from zero to either side. */
static void stack_up(struct bars *b)
{
	qsort_r(b->segments, b->n_segments, sizeof(*b->segments), compare_segments, b);
	for (size_t i = 0; i < b->n_segments; i++) {
		struct bar_segment *s = &b->segments[i];
		struct bar_row *row = &b->rows[s->row];
		double *end = s->value < 0 ? &row->below : &row->above;

		s->low = fmin(*end, *end + s->value);
		s->high = fmax(*end, *end + s->value);
		*end += s->value;
	}
}

static void write_data(const struct draft *d, const struct bars *b, const struct bar_figure *figure)
{
	fprintf(d->data, "row,group,stack,%s,%s,from,to,note,low,high\n", figure->category,
		figure->value);
	for (size_t i = 0; i < b->n_segments; i++) {
		const struct bar_segment *s = &b->segments[i];
		const struct bar_row *row = &b->rows[s->row];

		fprintf(d->data, "%zu,", s->row + 1);
		figure_text(d->data, row->group);
		fputc(',', d->data);
		figure_text(d->data, row->label);
		fputc(',', d->data);
		figure_text(d->data, b->categories[s->category].name);
		fputc(',', d->data);
		figure_number(d->data, s->value);
		fputc(',', d->data);
		figure_number(d->data, s->low);
		fputc(',', d->data);
		figure_number(d->data, s->high);
		fputc(',', d->data);
		figure_text(d->data, row->note);
		fputc(',', d->data);
		figure_number(d->data, row->range.low);
		fputc(',', d->data);
		figure_number(d->data, row->range.high);
		fputc('\n', d->data);
	}
}

/** Texts are read from the data: a script has none. */
static void write_names(const struct draft *d, const struct bars *b)
{
	fprintf(d->setup,
		"array groups[%zu]\narray rows[%zu]\narray notes[%zu]\narray names[%zu]\n"
		"stats '%s.csv' using (groups[int($1)] = strcol(2), rows[int($1)] = strcol(3), "
		"notes[int($1)] = strcol(8), 1) nooutput\n",
		b->n_rows, b->n_rows, b->n_rows, b->n_categories, d->name);
	for (size_t i = 0; i < b->n_categories; i++) {
		size_t row = 0;

		while (b->segments[row].category != i)
			row++;
		fprintf(d->setup,
			"stats '%s.csv' every ::%zu::%zu using (names[%zu] = strcol(4), 1) "
			"nooutput\n",
			d->name, row, row, i + 1);
	}
}

static bool begins_group(const struct bars *b, size_t row)
{
	return *b->rows[row].group && (row == 0 || b->rows[row].group != b->rows[row - 1].group);
}

static double widest(const struct bars *b, bool notes)
{
	double most = 0;

	for (size_t i = 0; i < b->n_rows; i++)
		most = fmax(most, figure_text_cm(notes ? b->rows[i].note : b->rows[i].label));
	/* Fonts differ; and the bars need room, too. */
	return fmin(1.08 * most, 3.8);
}

/** The key's entries, by rank; returns how many. */
static size_t make_key(const struct bars *b, const struct bar_figure *figure, struct key_entry *ret)
{
	bool done[BAR_CATEGORIES_MAX] = {};

	if (figure->no_key)
		return 0;
	for (size_t n = 0; n < b->n_categories; n++) {
		size_t next = b->n_categories;

		for (size_t i = 0; i < b->n_categories; i++)
			if (!done[i] && (next == b->n_categories ||
						b->categories[i].rank < b->categories[next].rank))
				next = i;
		done[next] = true;
		ret[n] = (struct key_entry){.title = b->categories[next].name,
			.color = b->categories[next].color,
			.box = true,
			.pattern = b->categories[next].pattern};
		snprintf(ret[n].expression, sizeof(ret[n].expression), "names[%zu]", next + 1);
	}
	return b->n_categories;
}

static void lay_out(
	struct draft *d, const struct bars *b, const struct bar_figure *figure, struct layout *l)
{
	struct key_entry entries[BAR_CATEGORIES_MAX];
	double key = figure_key_height(d, entries, make_key(b, figure, entries)), y;

	d->height_cm = key + AXIS_CM + 0.1;
	for (size_t i = 0; i < b->n_rows; i++)
		d->height_cm += ROW_CM + (begins_group(b, i) ? GROUP_CM : 0);
	l->left = fmax(1.4, 0.25 + widest(b, false)); /* room for a group's name */
	l->right = FIGURE_WIDTH_CM - 0.25 - widest(b, true);
	l->bottom = AXIS_CM;
	l->top = d->height_cm - key;
	l->axis_low = figure->low;
	l->axis_high = figure->high;
	y = l->top;
	for (size_t i = 0; i < b->n_rows; i++) {
		y -= ROW_CM + (begins_group(b, i) ? GROUP_CM : 0);
		l->row_y[i] = y + ROW_CM / 2 - 0.05;
		l->axis_low = fmin(l->axis_low, b->rows[i].below);
		l->axis_high = fmax(l->axis_high, fmax(b->rows[i].above, b->rows[i].range.high));
	}
}

static void write_rows(const struct draft *d, const struct bars *b, const struct layout *l)
{
	for (size_t i = 0; i < b->n_rows; i++) {
		double y = l->row_y[i] / d->height_cm;

		fprintf(d->plot, "set label rows[%zu] at screen %.4f,%.4f right\n", i + 1,
			(l->left - 0.12) / FIGURE_WIDTH_CM, y);
		fprintf(d->plot, "set label notes[%zu] at screen %.4f,%.4f left\n", i + 1,
			(l->right + 0.12) / FIGURE_WIDTH_CM, y);
		if (begins_group(b, i))
			fprintf(d->plot, "set label groups[%zu] at screen %.4f,%.4f left\n", i + 1,
				0.15 / FIGURE_WIDTH_CM,
				(l->row_y[i] + ROW_CM * 0.95) / d->height_cm);
	}
}

static bool has_ranges(const struct bars *b)
{
	for (size_t i = 0; i < b->n_rows; i++)
		if (isfinite(b->rows[i].range.low))
			return true;
	return false;
}

/** The numbers of a category's segments, where they fit; a pattern is kept off them. */
static void write_numbers(const struct draft *d, const struct bars *b, size_t category,
	const struct bar_figure *figure, double unit)
{
	const struct bar_category *c = &b->categories[category];
	char middle[80];

	snprintf(middle, sizeof(middle),
		"(strcol(4) eq names[%zu] && $7 - $6 > %.4g ? ($6 + $7) / 2 : NaN)", category + 1,
		NUMBER_CM * unit);
	if (c->pattern > 0)
		fprintf(d->plot,
			", \\\n\t'' using %s:(y[int($1)]):(($6 + $7) / 2 - %.4g):(($6 + $7) / 2 + "
			"%.4g):(y[int($1)] - 0.8 * half):(y[int($1)] + 0.8 * half) with boxxyerror fc "
			"rgb \"%s\" fs solid 1 noborder notitle",
			middle, 0.4 * NUMBER_CM * unit, 0.4 * NUMBER_CM * unit, c->color);
	fprintf(d->plot,
		", \\\n\t'' using %s:(y[int($1)]):(sprintf(\"%s\", $5)) with labels center tc rgb "
		"\"%s\" notitle",
		middle, figure->segment, ink_is_black(c->color) ? "#111111" : "#ffffff");
}

static void write_boxes(const struct draft *d, const struct bars *b,
	const struct bar_figure *figure, const struct layout *l)
{
	const double half = BAR_CM / 2, unit = (l->axis_high - l->axis_low) / (l->right - l->left);

	fprintf(d->setup, "array y[%zu] = [", b->n_rows);
	for (size_t i = 0; i < b->n_rows; i++)
		fprintf(d->setup, "%s%.4f", i ? ", " : "", l->row_y[i]);
	fprintf(d->setup, "]\nhalf = %g\n", half);
	fputs("plot \\\n", d->plot);
	for (size_t i = 0; i < b->n_categories; i++) {
		const struct bar_category *c = &b->categories[i];
		int last = c->pattern > 0 ? 1 : 0;

		for (int pattern = 0; pattern <= last; pattern++)
			fprintf(d->plot,
				"%s\t'%s.csv' using (strcol(4) eq names[%zu] ? $6 : "
				"NaN):(y[int($1)])"
				":6:7:(y[int($1)] - half):(y[int($1)] + half) with boxxyerror "
				"fc rgb \"%s\" fs %s %d border lc rgb \"#777777\" lw 0.5 notitle",
				i || pattern ? ", \\\n" : "", d->name, i + 1,
				pattern ? "#555555" : c->color,
				pattern ? "transparent pattern" : "solid",
				pattern ? c->pattern : 1);
	}
	for (size_t i = 0; figure->segment && i < b->n_categories; i++)
		write_numbers(d, b, i, figure, unit);
	if (has_ranges(b))
		fputs(", \\\n\t'' using 9:(y[int($1)]):($10 - $9):(0) with vectors heads size "
		      "graph 0.012,90 fixed lw 1 lc rgb \"black\" notitle",
			d->plot);
	if (l->axis_low < 0)
		fprintf(d->plot,
			", \\\n\t'+' using (0):(%.4f):(0):(%.4f) every ::0::0 with vectors nohead "
			"lw 1 lc rgb \"black\" notitle",
			l->bottom, l->top - l->bottom);
	fputc('\n', d->plot);
}

/* 1, 2 or 5 times a power of ten, so that at most TICS parts of @range have numbers that do not run into each other. */
static double tic_step(double range)
{
	double power = pow(10, floor(log10(range / TICS))), part = range / TICS / power;

	return power * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
}

int bars_draw(struct draft *d, struct bars *b, const struct bar_figure *figure)
{
	struct key_entry entries[BAR_CATEGORIES_MAX];
	struct layout l = {};

	if (b->n_segments == 0)
		return 0;
	stack_up(b);
	lay_out(d, b, figure, &l);
	write_data(d, b, figure);
	write_names(d, b);
	fprintf(d->plot,
		"set lmargin at screen %.4f\nset rmargin at screen %.4f\n"
		"set bmargin at screen %.4f\nset tmargin at screen %.4f\n"
		"set xrange [%.9g:%.9g]\nset yrange [%.4f:%.4f]\n"
		"unset ytics\nset border 1\nset grid noytics xtics back\nset xtics %g\n"
		"set xlabel \"%s\" offset 0,0.7\n",
		l.left / FIGURE_WIDTH_CM, l.right / FIGURE_WIDTH_CM, l.bottom / d->height_cm,
		l.top / d->height_cm, l.axis_low, l.axis_high, l.bottom, l.top,
		tic_step(l.axis_high - l.axis_low), figure->label);
	figure_key(d, entries, make_key(b, figure, entries));
	write_rows(d, b, &l);
	write_boxes(d, b, figure, &l);
	fputs("unset label\nunset object\n", d->plot);
	if (b->cut)
		fprintf(d->caption, " Only the first %d rows are shown.", BAR_ROWS_MAX);
	return 1;
}
