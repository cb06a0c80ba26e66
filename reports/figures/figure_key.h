/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The key of a figure, above it: laid out here, since gnuplot's own takes room from what it
 * explains.
 */

#include "reports/figures/figures_internal.h"

#define FIGURE_KEY_LINE_CM 0.38

/** Width of @text in 8 points, in centimetres, with some air. */
double figure_text_cm(const char *text);

struct key_entry {
	const char *title;   /**< to measure: names are read from the data when it is drawn */
	char expression[24]; /**< what gnuplot calls it: "stacks[1]"; empty: the title itself */
	const char *color;
	int point;        /**< gnuplot's; 0: none */
	const char *line; /**< gnuplot's words for a line; NULL: none */
	bool box;         /**< a filled box */
	int pattern;      /**< over the box; 0: none */
};

/** Height of the key in centimetres, by the width of @d. */
double figure_key_height(const struct draft *d, const struct key_entry *entries, size_t n);

/** Draw it at the top of @d, whose height is set. */
void figure_key(const struct draft *d, const struct key_entry *entries, size_t n);
