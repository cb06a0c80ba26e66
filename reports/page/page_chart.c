/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/page/page_chart.h"

#include <math.h>

#include "reports/page/page_internal.h"

#define LEFT   58.0
#define RIGHT  14.0
#define TOP    26.0
#define BOTTOM 44.0

/** Where numbers go on paper. */
struct frame {
	double width;
	double height;
	double x_low;
	double x_high;
	double y_low;
	double y_high;
	double y_step;
	bool x_doubles;
};

double chart_step(double range, int n)
{
	double step, power;

	if (!(range > 0) || !isfinite(range))
		return 1;
	step = range / n;
	power = pow(10, floor(log10(step)));
	step /= power;
	/* A quotient that is a whole number may come out a little above it. */
	return (step < 1.001 ? 1 : step < 2.001 ? 2 : step < 5.001 ? 5 : 10) * power;
}

static double along(const struct frame *f, double x)
{
	return f->x_doubles && x > 0 ? log2(x) : x;
}

static double x_of(const struct frame *f, double x)
{
	double low = along(f, f->x_low), high = along(f, f->x_high);
	/* Points do not sit on the frame. */
	double margin = fmax(0.06 * (high - low), 1e-9);

	return LEFT +
	       (f->width - LEFT - RIGHT) * (along(f, x) - low + margin) / (high - low + 2 * margin);
}

static double y_of(const struct frame *f, double y)
{
	return TOP + (f->height - TOP - BOTTOM) * (f->y_high - y) / (f->y_high - f->y_low);
}

static void widen(struct frame *f, double y)
{
	if (!isfinite(y))
		return;
	f->y_low = fmin(f->y_low, y);
	f->y_high = fmax(f->y_high, y);
}

static struct frame make_frame(const struct chart *c)
{
	struct frame f = {.y_low = INFINITY,
		.y_high = -INFINITY,
		.x_doubles = c->x_doubles,
		.width = c->width,
		.height = c->height};

	f.x_low = c->n_x_ticks ? c->x_ticks[0] : 0;
	f.x_high = c->n_x_ticks ? c->x_ticks[c->n_x_ticks - 1] : 1;
	for (size_t i = 0; i < c->n_points; i++) {
		widen(&f, c->points[i].y);
		widen(&f, c->points[i].low);
		widen(&f, c->points[i].high);
	}
	if (c->slope > 0)
		widen(&f, c->slope * f.x_high);
	widen(&f, c->level);
	if (c->from_zero)
		widen(&f, 0);
	if (!(f.y_high >= f.y_low)) {
		f.y_low = 0;
		f.y_high = 1;
	}
	f.y_step = chart_step(f.y_high - f.y_low, 5);
	f.y_low = floor(f.y_low / f.y_step) * f.y_step;
	f.y_high = ceil(f.y_high / f.y_step) * f.y_step;
	if (!(f.y_high > f.y_low))
		f.y_high = f.y_low + f.y_step;
	return f;
}

static void write_axes(const struct chart *c, const struct frame *f, FILE *out)
{
	fprintf(out, "<text class=\"axis-title\" x=\"4\" y=\"14\">%s</text>", c->y_title);
	for (int i = 0; i <= 12; i++) {
		double value = f->y_low + i * f->y_step, y = y_of(f, value);

		if (value > f->y_high + f->y_step / 2)
			break;
		fprintf(out,
			"<line class=\"grid\" x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\"/>"
			"<text x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">%.6g</text>",
			LEFT, f->width - RIGHT, y, y, LEFT - 7, y + 4,
			fabs(value) < f->y_step * 1e-6 ? 0 : value);
	}
	for (size_t i = 0; i < c->n_x_ticks; i++)
		fprintf(out, "<text x=\"%.1f\" y=\"%.0f\" text-anchor=\"middle\">%.6g</text>",
			x_of(f, c->x_ticks[i]), f->height - BOTTOM + 18, c->x_ticks[i]);
	fprintf(out,
		"<text class=\"axis-title\" x=\"%.0f\" y=\"%.0f\" text-anchor=\"middle\">%s</text>",
		(LEFT + f->width - RIGHT) / 2, f->height - 6, c->x_title);
}

static void write_guides(const struct chart *c, const struct frame *f, FILE *out)
{
	if (!isnan(c->level))
		fprintf(out,
			"<line class=\"guide\" x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\"/>",
			LEFT, f->width - RIGHT, y_of(f, c->level), y_of(f, c->level));
	if (!(c->slope > 0))
		return;
	/* A straight line is none where the axis doubles: it is drawn from tick to tick. */
	fputs("<polyline class=\"guide\" points=\"", out);
	for (size_t i = 0; i < c->n_x_ticks; i++)
		fprintf(out, "%.1f,%.1f ", x_of(f, c->x_ticks[i]),
			y_of(f, c->slope * c->x_ticks[i]));
	fprintf(out,
		"\"/><text class=\"guide-name\" x=\"%.1f\" y=\"%.1f\" "
		"text-anchor=\"end\">ideal</text>",
		x_of(f, f->x_high) - 8, y_of(f, c->slope * f->x_high) + 4);
}

/** Intervals of several series at one x stand beside each other. */
static double dodge(const struct chart *c, size_t series)
{
	double middle = (double)(c->n_series ? c->n_series - 1 : 0) / 2;

	return c->lines ? 3.5 * ((double)series - middle) : 0;
}

static void write_series(const struct chart *c, const struct frame *f, size_t series, FILE *out)
{
	size_t n = 0;

	for (size_t i = 0; c->lines && i < c->n_points; i++) {
		const struct chart_point *p = &c->points[i];

		if (p->series != series || !isfinite(p->y))
			continue;
		if (n++ == 0)
			fprintf(out, "<polyline class=\"line s%zu\" points=\"",
				series % PAGE_SERIES_MAX);
		fprintf(out, "%.1f,%.1f ", x_of(f, p->x) + dodge(c, series), y_of(f, p->y));
	}
	if (n > 0)
		fputs("\"/>", out);
	for (size_t i = 0; i < c->n_points; i++) {
		const struct chart_point *p = &c->points[i];
		double x = x_of(f, p->x) + dodge(c, series);

		if (p->series != series || !isfinite(p->y))
			continue;
		if (isfinite(p->low) && isfinite(p->high))
			fprintf(out,
				"<path class=\"whisker s%zu\" d=\"M%.1f %.1fV%.1fm-4 0h8M%.1f "
				"%.1fh8\"/>",
				series % PAGE_SERIES_MAX, x, y_of(f, p->high), y_of(f, p->low),
				x - 4, y_of(f, p->high));
		page_mark(out, series, x, y_of(f, p->y));
	}
}

void chart_write(const struct chart *c, FILE *out)
{
	struct frame f = make_frame(c);

	fprintf(out,
		"<svg class=\"static-chart\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" "
		"aria-label=\"%s\">",
		c->width, c->height, c->label);
	write_axes(c, &f, out);
	write_guides(c, &f, out);
	for (size_t i = 0; i < c->n_series; i++)
		write_series(c, &f, i, out);
	fputs("</svg>\n", out);
}
