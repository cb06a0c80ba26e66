/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Columns of tables: what a member of a row is called and how it is written, for all outputs at
 * once. A row of a table is a C structure; a column is a member of it.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "reports/analysis/analysis.h"
#include "reports/text/format.h"
#include "reports/text/table.h"

enum column_type {
	COLUMN_TEXT,      /**< const char *; NULL: there is none; not for people */
	COLUMN_NUMBER,    /**< int64_t; here and below STORE_NULL: not known */
	COLUMN_LOST,      /**< int64_t: a number of which more than 0 is an alarm */
	COLUMN_COUNT,     /**< size_t */
	COLUMN_PART,      /**< size_t, a part of the size_t at @whole: less is an alarm */
	COLUMN_BOOL,      /**< bool */
	COLUMN_TRUTH,     /**< int64_t: 0 or 1; 0 is an alarm */
	COLUMN_TIME,      /**< int64_t, ns; for people and in CSV s */
	COLUMN_SPAN,      /**< the same; for people in the unit that suits it */
	COLUMN_NS,        /**< double, ns; NAN: not known; in CSV s, for people ms */
	COLUMN_REAL,      /**< double; NAN: not known; in documents alone */
	COLUMN_STATISTIC, /**< struct statistic of ns; in CSV mean and deviation */
	COLUMN_OWN,       /**< for people only: @own */
};

struct column {
	const char *json; /**< the member's name; NULL: not in documents */
	const char *csv;  /**< NULL: not in files; of a statistic without "_s" */
	enum column_type type;
	size_t offset; /**< of the member */
	size_t whole;  /**< of a part's whole */
	struct format_text (*own)(const void *row);

	/* For people. */
	int place;         /**< from 1; 0: not shown */
	const char *title; /**< in a terminal; NULL: not there */
	int width;         /**< there */
	const char *page;  /**< on the page, as page_table_open() has it; NULL: not there */
};

/** A table's columns, in order. */
struct columns {
	const struct column *list;
	size_t n;
};

#define COLUMNS(array)                                                                             \
	{                                                                                          \
		array, sizeof(array) / sizeof((array)[0])                                          \
	}

/** A new reference. */
json_t *statistic_json(const struct statistic *s);

/** Put the members into @object. False: out of memory, as put() (text/json.h) says it. */
bool columns_json(const struct columns *c, const void *row, json_t *object);

/** Rows as an array of objects. A new reference. */
json_t *columns_json_rows(const struct columns *c, const void *rows, size_t n, size_t row_size);

/** The names, or the fields, each after a comma, but for the first of a line. */
void columns_csv_names(const struct columns *c, bool line, FILE *out);
void columns_csv(const struct columns *c, const void *row, bool line, FILE *out);

/** For a terminal: how wide they all are, their titles, their cells. */
int columns_width(const struct columns *c);
void columns_put_titles(const struct columns *c, struct table *t);
void columns_put(const struct columns *c, const void *row, struct table *t);

/** The next of them for people, behind @last; NULL: the first. NULL: no more. */
const struct column *column_next(const struct columns *c, const struct column *last);

/** What people are shown; @of: between a part and its whole; *ret_alarm: it is to be noticed. */
struct format_text column_shown(
	const struct column *c, const void *row, const char *of, bool *ret_alarm);

/** Every run; its states stand between the two. */
extern const struct columns run_columns, run_columns_end;

/** Every cell. */
extern const struct columns cell_columns;

/** A step of the boot of a cell. */
extern const struct columns boot_columns;
