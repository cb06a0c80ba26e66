/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/figures/figure_curves.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "reports/figures/figure_key.h"

#define PANEL_CM      4.6 /* height of a panel, its axes included */
#define PANEL_NAME_CM 0.5
#define AXIS_CM       1.0 /* below a panel */
#define LEFT_CM       1.4
#define RIGHT_CM      0.2

static const char *const kind_names[CURVE_KINDS] = {
	[CURVE_MEASURED] = "measured",
	[CURVE_BOUND] = "Amdahl's bound",
	[CURVE_PUBLISHED] = "published",
	[CURVE_CLAIMED] = "published text",
};

/** One line: points of one panel, kind and stack, which are neighbours. */
struct curve {
	const struct curve_point *points;
	size_t first; /* row in the data */
	size_t n;
	size_t stack; /* index */
};

struct panel {
	const char *scenario;
	size_t first; /* row in the data */
	struct curve *curves;
	size_t n;
};

struct drawing {
	struct draft *d;
	const struct curves *c;
	const struct curve_figure *figure;
	struct panel panels[CURVE_PANELS_MAX];
	size_t n_panels;
	struct curve *curves;
	bool kinds[CURVE_KINDS];
	double key_cm;
};

void curves_clear(struct curves *c)
{
	free(c->points);
	intern_clear(&c->strings);
}

const char *curve_stack(struct curves *c, const struct configuration *configuration)
{
	_cleanup_free_ char *name =
		text_stack(configuration->guest, configuration->variant, configuration->label);

	return name ? curve_published(c, name) : NULL;
}

const char *curve_published(struct curves *c, const char *stack)
{
	return text_intern(&c->strings, stack, strlen(stack), false);
}

size_t curve_stack_index(const struct curves *c, const char *stack)
{
	size_t i = 0;

	while (i < c->n_stacks && c->stacks[i] != stack)
		i++;
	return i;
}

const struct stack_look *curve_look(const struct curves *c, const char *stack)
{
	return &c->looks[curve_stack_index(c, stack) % CURVE_STACKS_MAX];
}

int curve_add(struct curves *c, const struct curve_point *point)
{
	if (!isfinite(point->value))
		return 0;
	if (curve_stack_index(c, point->stack) == c->n_stacks) {
		c->too_many |= c->n_stacks == CURVE_STACKS_MAX;
		if (c->too_many)
			return 0;
		c->stacks[c->n_stacks++] = point->stack;
		stack_looks(c->stacks, c->n_stacks, c->looks);
	}
	return ARRAY_ADD(c->points, c->n_points, *point);
}

static int compare_points(const void *a, const void *b, void *curves)
{
	const struct curve_point *x = a, *y = b;
	size_t sx = curve_stack_index(curves, x->stack), sy = curve_stack_index(curves, y->stack);
	int r = strcmp(x->scenario, y->scenario);

	if (r == 0)
		r = (x->kind > y->kind) - (x->kind < y->kind);
	if (r == 0)
		r = (sx > sy) - (sx < sy);
	return r ? r : (x->cores > y->cores) - (x->cores < y->cores);
}

/** Find panels and curves in the sorted points. False: there is nothing to draw, or too much. */
static bool find_curves(struct drawing *w)
{
	const struct curves *c = w->c;
	size_t n = 0, longest = 0;

	for (size_t i = 0; i < c->n_points; i++) {
		const struct curve_point *p = &c->points[i], *before = i ? p - 1 : NULL;
		bool panel = !before || strcmp(before->scenario, p->scenario) != 0;

		if (panel && w->n_panels == CURVE_PANELS_MAX)
			return false;
		if (panel)
			w->panels[w->n_panels++] = (struct panel){
				.scenario = p->scenario, .first = i, .curves = &w->curves[n]};
		if (panel || before->kind != p->kind || before->stack != p->stack) {
			w->curves[n++] = (struct curve){
				.points = p, .first = i, .stack = curve_stack_index(c, p->stack)};
			w->panels[w->n_panels - 1].n++;
			w->kinds[p->kind] = true;
		}
		w->curves[n - 1].n++;
		longest = w->curves[n - 1].n > longest ? w->curves[n - 1].n : longest;
	}
	return longest >= 2;
}

static void write_data(const struct drawing *w)
{
	FILE *out = w->d->data;

	fprintf(out, "scenario,stack,kind,cores,runs,%s,low,high\n", w->figure->column);
	for (size_t i = 0; i < w->c->n_points; i++) {
		const struct curve_point *p = &w->c->points[i];

		figure_text(out, p->scenario);
		fputc(',', out);
		figure_text(out, p->stack);
		fprintf(out, ",%s,%lld,", kind_names[p->kind], (long long)p->cores);
		if (p->n > 0)
			fprintf(out, "%zu", p->n);
		fputc(',', out);
		figure_number(out, p->value);
		fputc(',', out);
		figure_number(out, p->range.low);
		fputc(',', out);
		figure_number(out, p->range.high);
		fputc('\n', out);
	}
}

/** Names are read from the data: a script has none. */
static void write_names(const struct drawing *w)
{
	const struct curves *c = w->c;

	fprintf(w->d->setup, "array stacks[%zu]\narray scenarios[%zu]\n", c->n_stacks, w->n_panels);
	for (size_t i = 0; i < c->n_stacks; i++) {
		size_t row = 0;

		while (c->points[row].stack != c->stacks[i])
			row++;
		fprintf(w->d->setup,
			"stats '%s.csv' every ::%zu::%zu using (stacks[%zu] = strcol(2), 1) "
			"nooutput\n",
			w->d->name, row, row, i + 1);
	}
	for (size_t i = 0; i < w->n_panels; i++)
		fprintf(w->d->setup,
			"stats '%s.csv' every ::%zu::%zu using (scenarios[%zu] = strcol(1), 1) "
			"nooutput\n",
			w->d->name, w->panels[i].first, w->panels[i].first, i + 1);
}

/** How a curve of each kind is drawn: its line, and whether points are hollow. */
static const struct {
	const char *line;
	bool points;
	bool hollow;
	bool ranges;
} looks[CURVE_KINDS] = {
	[CURVE_MEASURED] = {"lw 1.6 dt solid", true, false, true},
	[CURVE_BOUND] = {"lw 1 dt 3", false, false, false},
	[CURVE_PUBLISHED] = {"lw 1.2 dt 2", true, true, true},
	[CURVE_CLAIMED] = {"lw 0.8 dt 4", true, true, false},
};

/* Of a width of its own: else gnuplot's SVG goes on with the dashes of the line before. */
#define IDEAL_LINE "lw 0.7 dt solid"

/** The key's entries: stacks, then what is not measured; returns how many. */
static size_t make_key(const struct drawing *w, struct key_entry *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < w->c->n_stacks; i++) {
		struct key_entry *e = &ret[n++];

		*e = (struct key_entry){.title = w->c->stacks[i],
			.color = w->c->looks[i].color,
			.point = w->c->looks[i].point,
			.line = looks[CURVE_MEASURED].line};
		snprintf(e->expression, sizeof(e->expression), "stacks[%zu]", i + 1);
	}
	for (int k = CURVE_BOUND; k < CURVE_KINDS; k++)
		if (w->kinds[k])
			ret[n++] = (struct key_entry){.title = kind_names[k],
				.color = "black",
				.point = looks[k].points ? 6 : 0,
				.line = looks[k].line};
	if (w->figure->ideal)
		ret[n++] =
			(struct key_entry){.title = "ideal", .color = "black", .line = IDEAL_LINE};
	return n;
}

static void write_axes(const struct drawing *w)
{
	int64_t low = INT64_MAX, high = 0, last = 0;
	double least = INFINITY, most = 0;
	FILE *out = w->d->plot;

	for (size_t i = 0; i < w->c->n_points; i++) {
		const struct curve_point *p = &w->c->points[i];

		low = p->cores < low ? p->cores : low;
		high = p->cores > high ? p->cores : high;
		least = fmin(least, p->value);
		most = fmax(most, p->value);
	}
	if (high >= 16 * low)
		fprintf(out, "set logscale x 2\nset xrange [%g:%g]\n", (double)low / 1.15,
			(double)high * 1.15);
	else
		fprintf(out, "set xrange [%g:%g]\n", (double)low - 0.04 * (double)(high - low),
			(double)high + 0.04 * (double)(high - low));
	fputs("set xtics (", out);
	/* Each number of cores once, in order; there are few. */
	for (int64_t at = low; at <= high; last = at, at = high + 1) {
		fprintf(out, "%s%lld", last ? ", " : "", (long long)at);
		for (;;) {
			int64_t next = INT64_MAX;

			for (size_t i = 0; i < w->c->n_points; i++)
				if (w->c->points[i].cores > at && w->c->points[i].cores < next)
					next = w->c->points[i].cores;
			if (next == INT64_MAX)
				break;
			at = next;
			fprintf(out, ", %lld", (long long)at);
		}
	}
	fputs(")\n", out);
	if (w->figure->logarithmic && least > 0 && most > 10 * least)
		fputs("set logscale y\n", out);
	else if (w->figure->from_zero)
		fputs("set yrange [0:*]\n", out);
	fputs(w->figure->before, out);
}

static void write_curve(const struct drawing *w, const struct curve *curve)
{
	const struct stack_look *style = &w->c->looks[curve->stack];
	const enum curve_kind kind = curve->points->kind;
	const size_t last = curve->first + curve->n - 1;
	FILE *out = w->d->plot;

	/* No yerrorbars: gnuplot blanks what is around their points. */
	if (looks[kind].ranges)
		fprintf(out,
			"\t'%s.csv' every ::%zu::%zu using 4:7:(0):($8 - $7) with vectors heads "
			"size "
			"graph 0.012,90 fixed lw 1 lc rgb "
			"\"%s\" notitle, \\\n",
			w->d->name, curve->first, last, style->color);
	fprintf(out, "\t'%s.csv' every ::%zu::%zu using 4:6 with %s %s lc rgb \"%s\"", w->d->name,
		curve->first, last, looks[kind].points ? "linespoints" : "lines", looks[kind].line,
		style->color);
	if (looks[kind].points)
		fprintf(out, " pt %d ps 0.7", looks[kind].hollow ? style->hollow : style->point);
	fputs(" notitle", out);
}

static void write_panel(const struct drawing *w, size_t index)
{
	const struct panel *panel = &w->panels[index];
	const bool last = index + 1 == w->n_panels;
	const double name = w->n_panels > 1 ? PANEL_NAME_CM : 0;
	const double top = w->d->height_cm - w->key_cm - (double)index * (PANEL_CM + name) - name;
	FILE *out = w->d->plot;

	fprintf(out, "set tmargin at screen %.4f\nset bmargin at screen %.4f\n",
		top / w->d->height_cm, (top - PANEL_CM + AXIS_CM) / w->d->height_cm);
	if (w->n_panels > 1)
		fprintf(out,
			"set label 99 scenarios[%zu] at graph 0.5, graph 1 center offset 0,0.7\n",
			index + 1);
	figure_y_label(out, w->figure->label);
	fprintf(out, "set xlabel \"%s\" offset 0,0.7\n", last ? "cores" : "");
	fputs("plot \\\n", out);
	if (w->figure->ideal)
		fputs("\tx with lines " IDEAL_LINE " lc rgb \"black\" notitle, \\\n", out);
	for (size_t i = 0; i < panel->n; i++) {
		write_curve(w, &panel->curves[i]);
		fputs(i + 1 < panel->n ? ", \\\n" : "", out);
	}
	fputs("\nunset label\nunset arrow\n", out);
}

static void write_plot(struct drawing *w)
{
	struct key_entry entries[CURVE_STACKS_MAX + CURVE_KINDS + 1];
	const double name = w->n_panels > 1 ? PANEL_NAME_CM : 0;
	size_t n = make_key(w, entries);

	w->key_cm = figure_key_height(w->d, entries, n);
	w->d->height_cm = w->key_cm + (double)w->n_panels * (PANEL_CM + name);
	write_axes(w);
	fprintf(w->d->plot,
		"set lmargin at screen %.4f\nset rmargin at screen %.4f\nset multiplot\n",
		LEFT_CM / FIGURE_WIDTH_CM, 1 - RIGHT_CM / FIGURE_WIDTH_CM);
	figure_key(w->d, entries, n);
	for (size_t i = 0; i < w->n_panels; i++)
		write_panel(w, i);
}

int curves_draw(struct draft *d, struct curves *c, const struct curve_figure *figure)
{
	struct drawing w = {.d = d, .c = c, .figure = figure};

	if (c->n_points == 0 || c->too_many)
		return 0;
	qsort_r(c->points, c->n_points, sizeof(*c->points), compare_points, c);
	w.curves = calloc(c->n_points, sizeof(*w.curves));
	if (!w.curves)
		return -ENOMEM;
	if (!find_curves(&w)) {
		free(w.curves);
		return 0;
	}
	write_data(&w);
	write_names(&w);
	write_plot(&w);
	free(w.curves);
	return 1;
}
