/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Figures for a paper: each as SVG and as PDF, with its data (.csv) and the gnuplot script (.gp)
 * that draws it, in a folder of their own. One column of a two-column paper wide (8.5 cm).
 *
 * What comes from a store goes into data files only, never into a script, and there without the
 * characters that could mean something to gnuplot.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "reports/explain/explain.h"
#include "reports/flames/flames.h"
#include "reports/history/history.h"
#include "reports/noise/noise.h"
#include "reports/output/output.h"
#include "reports/reference/reference.h"
#include "reports/summary/boot.h"
#include "reports/summary/summary.h"

/** The folder of the figures, in the report's. */
#define FIGURES_FOLDER "figures"

struct figure {
	char *name;        /**< the files' name without suffix: "wallclock" */
	const char *title; /**< a few words */
	char *caption; /**< what is shown, of how many runs, what its bars of uncertainty are; text
			*/
	char *svg;     /**< the drawing, as it is in the file */
};

struct figures {
	struct figure *list;
	size_t n;
	char trouble[512]; /**< one line: why some or all are missing; empty if none is */
};

/** What figures are made of; all borrowed. Without a summary, those of the reference alone. */
struct figures_source {
	const struct summary *summary;         /**< or NULL */
	const struct explanation *explanation; /**< of the summary */
	const struct boot_report *boot;        /**< of the summary */
	struct flames *flames;                 /**< of the summary */
	const struct noise *noise;             /**< of the summary */
	const struct reference *reference;     /**< or NULL */
	const struct history *history;         /**< or NULL; then alone */
};

/**
 * Draw what there is to draw into @output, which is a folder for figures alone and is to be
 * committed by the caller.
 *
 * A figure without data is left out, and is not in the list. Without gnuplot, or where it fails,
 * scripts and data are there all the same, their figures are not in the list, and @ret->trouble
 * says why: that is no error. -ENOMEM, -EBADMSG (the store), or the errno of writing, with a
 * message.
 */
int figures_make(const struct figures_source *source, struct output *output, struct figures **ret,
	struct error *error);

/** Is there a figure of that name? @f may be NULL. */
bool figures_have(const struct figures *f, const char *name);

void figures_free(struct figures *f);

static inline void figures_freep(struct figures **f)
{
	figures_free(*f);
}

#define _cleanup_figures_ __attribute__((cleanup(figures_freep)))
