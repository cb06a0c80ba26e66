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

#include "reports/statistics/statistics.h"
#include "reports/text/format.h"
#include "reports/text/table.h"

enum column_type {
	COLUMN_END,
	COLUMN_TABLE,     /**< the begin of a table; offset: the size of a row */
	COLUMN_TEXT,      /**< const char *; NULL: there is none */
	COLUMN_NUMBER,    /**< int64_t; here and below STORE_NULL: not known */
	COLUMN_LOST,      /**< int64_t: a number of which more than 0 is an alarm */
	COLUMN_COUNT,     /**< size_t */
	COLUMN_NEEDED,    /**< size_t; 0: not known */
	COLUMN_PART,      /**< size_t, a part of the size_t at @whole: less is an alarm */
	COLUMN_BOOL,      /**< bool */
	COLUMN_TRUTH,     /**< int64_t: 0 or 1; 0 is an alarm */
	COLUMN_TIME,      /**< int64_t, ns; for people and in CSV s */
	COLUMN_NS,        /**< double, ns; NAN: not known; for people and in CSV s */
	COLUMN_REAL,      /**< double; NAN: not known */
	COLUMN_SHARE,     /**< double, for people in percent of the double at @whole */
	COLUMN_STATISTIC, /**< struct statistic of ns; in CSV mean and deviation */
	COLUMN_ESTIMATE,  /**< struct estimate; in a terminal the value alone */
	COLUMN_INTERVAL, /**< struct interval; in documents two members, @json before their names */
	COLUMN_OBJECT,   /**< a structure with the columns @of; here and below: documents only */
	COLUMN_POINTER,  /**< a pointer to one */
	COLUMN_LIST,     /**< a pointer to such rows, the size_t at @whole of them */
	COLUMN_OWN,      /**< @own and @own_json alone */
};

/** How a field strikes the eye. */
enum look {
	LOOK_PLAIN,
	LOOK_ALARM,  /**< is to be noticed */
	LOOK_NIL,    /**< says that there is nothing */
	LOOK_GOOD,   /**< as it should be */
	LOOK_STRONG, /**< what the row is about */
};

/** What a field of a text is on the page. */
enum page_field {
	PAGE_PLAIN,
	PAGE_HEAD, /**< the head of its row */
	PAGE_WIDE, /**< may be long */
	PAGE_CODE, /**< a long name of a program's */
};

struct column {
	const char *json; /**< the member's name; NULL: not in documents; "" of an object: its
				members stand there themselves */
	const char *csv; /**< NULL: not in files; of a statistic without "_s"; of a list: what it is
				called in a file of its rows */
	enum column_type type;
	size_t offset;           /**< of the member */
	size_t whole;            /**< offset of a part's whole, of a list's length */
	const struct column *of; /**< what an object or a list's row has */

	bool (*only)(const void *row); /**< which rows have it; NULL: all */

	/* In place of the member, where they are not NULL. */
	const char *(*text)(const void *row);
	const char *none; /**< for people, of a text that is NULL or empty; NULL: "" */
	double (*number)(const void *row);
	struct format_text (*own)(const void *row, enum look *ret); /**< *ret is LOOK_PLAIN */
	void (*markup)(const void *row, FILE *out); /**< what the page has in place of @own */
	json_t *(*own_json)(const void *row);       /**< a new reference */

	/* For people. */
	int place;         /**< from 1; 0: not shown */
	const char *title; /**< in a terminal; NULL: not there */
	int width;        /**< there; texts begin at the left, of a negative width end at the right,
				as numbers do */
	const char *page; /**< on the page, as page_table_open() has it; NULL: not there */
	enum page_field field;
	const char *metric; /**< what the page's charts call an estimate; NULL: not in them */
	struct format_text (*format)(double value); /**< NULL: as the type says, or */
	int decimals;                               /**< so many */
};

/** Where people see a column: its title and width in a terminal, its title on the page. */
#define SHOWN(place_, title_, width_, page_)                                                       \
	.place = (place_), .title = (title_), .width = (width_), .page = (page_)
#define ON_PAGE(place_, page_) .place = (place_), .page = (page_)

/** A column of ROW, which is defined where the table is. */
#define COL(json_, csv_, type_, member, ...)                                                       \
	{                                                                                          \
		json_, csv_, COLUMN_##type_, offsetof(ROW, member), __VA_ARGS__                    \
	}
#define WHOLE(member) .whole = offsetof(ROW, member)

/** The begin of a table of columns, an array; behind its last one is {}. */
#define TABLE                                                                                      \
	{                                                                                          \
		.type = COLUMN_TABLE, .offset = sizeof(ROW)                                        \
	}

/** A new reference. */
json_t *statistic_json(const struct statistic *s);

/** Put the members into @object. True: out of memory, as put() (text/json.h) says it. */
bool columns_json(const struct column *c, const void *row, json_t *object);

/** A row as an object, rows as an array of them. A new reference. */
json_t *columns_json_row(const struct column *c, const void *row);
json_t *columns_json_rows(const struct column *c, const void *rows, size_t n);

/** The names, or the fields, each after a comma, but for the first of a line. @row NULL: empty. */
void columns_csv_names(const struct column *c, bool line, FILE *out);
void columns_csv(const struct column *c, const void *row, bool line, FILE *out);

/** For a terminal: how wide they all are, their titles, their fields. */
int columns_width(const struct column *c);
void columns_put_titles(const struct column *c, struct table *t);
void columns_put(const struct column *c, const void *row, struct table *t);

/** A whole table: titles and rows. -ENOMEM. */
int columns_write(const struct column *c, const void *rows, size_t n, FILE *out);

/** A column for people; where the row that it is of begins in the table's: an object's columns stand
 * where it does. */
struct column_field {
	const struct column *column;
	size_t offset;
};

static inline const void *column_row(const struct column_field *f, const void *row)
{
	return (const char *)row + f->offset;
}

/** No row has more of them. */
#define COLUMN_FIELDS_MAX 32

/** Those of a table, in order; returns how many. */
size_t columns_fields(const struct column *c, struct column_field ret[static COLUMN_FIELDS_MAX]);

/** A text, as people are shown it. */
const char *column_text(const struct column *c, const void *row);

/** What people are shown; @of: between a part and its whole. */
struct format_text column_shown(
	const struct column *c, const void *row, const char *of, enum look *ret);

/** An estimate, and one of its numbers as people are shown it. */
const struct estimate *column_estimate(const struct column *c, const void *row);
struct format_text column_number(const struct column *c, double value);
