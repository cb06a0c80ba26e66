/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Figures of stacked bars, lying: a row for each configuration, a colour and a pattern for each
 * category. */

#include "reports/figures/figures_internal.h"
#include "reports/text/text.h"

/** More rows than that do not fit a page; the rest is left out, and the caption says so. */
#define BAR_ROWS_MAX 40

/** Categories that a figure may have. */
#define BAR_CATEGORIES_MAX 24

struct bar_category {
	const char *name;
	const char *color; /**< #rrggbb */
	int pattern;       /**< gnuplot's, drawn over the colour; 0: none */
	int rank;          /**< the lower, the nearer to zero, and the earlier in the key */
};

struct bar_row {
	const char *group; /**< rows of the same group stand together under it; may be empty */
	const char *label;
	const char *note;      /**< right of the bar */
	double below, above;   /**< where the bar ends; set when it is drawn */
	struct interval range; /**< of what the whole bar says; NAN: not known */
};

struct bar_segment {
	size_t row;
	size_t category;
	double value;
	double low, high; /**< where it lies on the axis; set when it is drawn */
};

/** Start from {}; the texts of rows and categories live as long as it, or longer. */
struct bars {
	struct bar_row rows[BAR_ROWS_MAX];
	size_t n_rows;
	struct bar_category categories[BAR_CATEGORIES_MAX];
	size_t n_categories;
	struct bar_segment *segments;
	size_t n_segments;
	struct intern strings;
	bool cut; /**< there were more rows */
};

struct bar_figure {
	const char *value;    /**< column of the value in the data: "percent" */
	const char *category; /**< column of the category: "state" */
	const char *label;    /**< of the axis */
	const char *segment;  /**< printf format of the number on a segment; NULL: none */
	double low, high;     /**< the axis reaches from here to there at least */
	bool no_key;          /**< the rows say what they are */
};

void bars_clear(struct bars *b);

#define _cleanup_bars_ __attribute__((cleanup(bars_clear)))

/** Begin a row; the texts are copied. 1; 0: there are too many; -ENOMEM. */
int bars_add_row(struct bars *b, const char *group, const char *label, const char *note);

/**
 * Put a segment of @value onto the last row: a negative one to the left of zero, none for 0 and
 * NAN. Its category is that of @look's name; where there is none yet, it gets that look; where
 * there are too many, it is "other". -ENOMEM.
 */
int bars_add(struct bars *b, const struct bar_category *look, double value);

/** Draw. 0 where there is no segment; 1. */
int bars_draw(struct draft *d, struct bars *b, const struct bar_figure *figure);

/** "2 cores" into @b; NULL: out of memory. */
const char *bars_cores(struct bars *b, int64_t cores, const char *scenario);

/** The look of a state of the books (enum lane_state), or of the residual (STATE_COUNT). */
struct bar_category bars_state(int state);
