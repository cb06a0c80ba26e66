/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** A chart as static SVG: what is seen without scripts, and on paper. */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct chart_point {
	size_t series; /**< whose colour and mark, see page_mark() */
	double x;
	double y;
	double low; /**< its interval; NAN: none */
	double high;
};

struct chart {
	double width; /**< in pixels, as far as there is room */
	double height;
	const char *label; /**< for screen readers: markup */
	const char *x_title;
	const char *y_title;
	const struct chart_point *points; /**< of each series by @x */
	size_t n_points;
	size_t n_series;
	const double *x_ticks; /**< ascending; the first and last are the axis' ends */
	size_t n_x_ticks;
	bool x_doubles; /**< equal steps of @x are doublings */
	bool lines;     /**< join a series' points */
	bool from_zero; /**< the y axis begins at 0 */
	double slope;   /**< draws y = slope * x, "ideal"; 0: none */
	double level;   /**< draws y = level; NAN: none */
};

/** Draw it. A chart without points draws its axes. */
void chart_write(const struct chart *chart, FILE *out);

/**
 * A step of 1, 2 or 5 times a power of ten, such that about @n of them span @range; 1 where @range
 * is not a positive number.
 */
double chart_step(double range, int n);
