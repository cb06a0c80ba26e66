/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Tables for terminals, whose columns are as wide as what is in them needs. */

#include <stdio.h>

/**
 * As wide as tables and sentences on @out should be: as the terminal, from TABLE_LEAST to TABLE_MOST columns;
 * TABLE_WIDTH where there is none. Only what could not be read otherwise makes them wider.
 */
int table_width(FILE *out);

#define TABLE_WIDTH 100
#define TABLE_LEAST 60
#define TABLE_MOST  140

struct table;

/** An empty table. NULL (out of memory) is fine for all that follows: table_end() tells. */
struct table *table_begin(void);

/**
 * The next cell of the row. @width: columns that it takes at least; negative: aligned right, a
 * space before it. A left cell that is wider is cut with an ellipsis.
 */
void table_cell(struct table *t, const char *text, int width);

/** The cell that was put last is to be noticed. */
void table_alarm(struct table *t);

/** A row is whole. The first one has the titles. */
void table_row(struct table *t);

/** A row that is a line of its own, across all columns. */
void table_line(struct table *t, const char *text);

/** What a terminal can do, as escape sequences; empty strings where it cannot. */
struct style {
	const char *bold;
	const char *alarm;
	const char *plain;
};

/** Those of @out. */
const struct style *style_of(FILE *out);

/** Write the table, and release it. -ENOMEM. */
int table_end(struct table *t, FILE *out, const struct style *style);

/** A paragraph with a mark before it, wrapped at words, cut with an ellipsis after @max lines.
 * Returns how many it has. */
size_t write_wrapped(FILE *out, const char *mark, const char *text, size_t max);
