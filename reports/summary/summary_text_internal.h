/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the files that write the summary for a terminal share; nobody else includes this. */

#include <stdio.h>

#include "reports/summary/summary.h"

#define SUMMARY_WIDTH 100

/** A terminal's few means; empty strings where @out is none. */
struct style {
	const char *bold;
	const char *dim;
	const char *alarm;
	const char *plain;
};

/** Print @text in @width columns, cut with an ellipsis, padded right (@width > 0) or left (< 0). */
void put_column(FILE *out, const char *text, int width);

/** Columns for the cells' names, as many as they need and the other columns leave. */
int name_width(const struct summary *s, int others);

/** Name and cores: @width + 6 columns. */
void put_cell_name(FILE *out, const struct cell *cell, int width);

/** Statistics of run times, and where speed-up, differences and variance come from. */
void explanation_write_text(const struct summary *s, FILE *out, const struct style *style);
