/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the files behind figures.h share. A figure is a function and a row in figures.c's table. */

#include <stdbool.h>
#include <stdio.h>

#include "reports/figures/figures.h"
#include "reports/flames/flames.h"

/** Width of a column of a two-column paper. */
#define FIGURE_WIDTH_CM 8.5

/** Lines of a grid. */
#define FIGURE_GRID "#d4d4d4"

/** A figure in the making. */
struct draft {
	char *name; /**< files' name; not in a script of @pdf_only, since it may be the store's */
	const char *title; /**< of the figure */
	bool pdf_only;     /**< there is an interactive drawing of the same elsewhere */
	bool used, drawn;
	double width_cm, height_cm;
	int folder_fd;     /**< where gnuplot will work */
	const char *extra; /**< one more file, put there by whoever fills this; NULL: none */
	FILE *data;        /**< the .csv: column names, then rows; texts by figure_text() */
	FILE *setup;       /**< gnuplot commands, once; never a text of the store */
	FILE *plot;        /**< gnuplot commands, for each kind of picture; likewise */
	FILE *caption;     /**< plain text */
	char *data_text, *setup_text, *plot_text, *caption_text;
	size_t data_size, setup_size, plot_size, caption_size;
};

/** Fill a draft with a flame graph; likewise. */
int figure_flame(const struct stack_tree *tree, struct draft *d);

/** Fill a draft. 1: there is something to draw; 0: there is not; or a negative errno. */
typedef int (*figure_fill_t)(const struct figures_source *source, struct draft *d);

int figure_wallclock(const struct figures_source *source, struct draft *d);
int figure_speedup(const struct figures_source *source, struct draft *d);
int figure_efficiency(const struct figures_source *source, struct draft *d);
int figure_order(const struct figures_source *source, struct draft *d);
int figure_boot(const struct figures_source *source, struct draft *d);
int figure_books(const struct figures_source *source, struct draft *d);
int figure_loss(const struct figures_source *source, struct draft *d);
int figure_variance(const struct figures_source *source, struct draft *d);
int figure_picture(const struct figures_source *source, struct draft *d);
int figure_signature(const struct figures_source *source, struct draft *d);
int figure_spectrum(const struct figures_source *source, struct draft *d);
int figure_history(const struct figures_source *source, struct draft *d);
int figure_timeline(const struct figures_source *source, struct draft *d);

/**
 * Write @text into a data file: what gnuplot or CSV might take for more than a text (quotes,
 * backticks, backslashes, commas, @, #, control characters, ...) becomes "?", and what is longer
 * than fits a figure is cut.
 */
void figure_text(FILE *out, const char *text);

/** Write a number into a data file; nothing for NAN and infinities. */
void figure_number(FILE *out, double value);

/**
 * Name the vertical axis of the next plot, at the edge of the figure: where gnuplot's own name goes
 * depends on the width of letters, which its two kinds of pictures measure in two ways.
 */
void figure_y_label(FILE *out, const char *name);
