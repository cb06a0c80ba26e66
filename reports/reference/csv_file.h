/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Tables in CSV files (RFC 4180, commas, a line of column names), read whole by libcsv. Spaces
 * around a field do not count. Lines before the column names that begin with # are comments. The
 * file is untrusted.
 */

#include <stddef.h>

#include "common/error.h"

/** Larger files are refused. */
#define CSV_BYTES_MAX (16u << 20)

struct csv_table {
	char *comment; /**< the comments' text, joined by spaces; may be empty */
	char **fields; /**< n_rows + 1 times n_columns; the first row is the names */
	size_t n_fields;
	size_t n_columns;
	size_t n_rows; /**< without the names */
	size_t *lines; /**< the line in the file of each row, from 1; lines[0] is the names' */
};

/**
 * Read @path. -EBADMSG: it is empty or no table (a row has more or fewer fields than there are
 * names; a quote is not closed; a NUL); -EFBIG; -ENOMEM; or the errno of opening and reading. The
 * message names file and line.
 */
int csv_table_read(const char *path, struct csv_table **ret, struct error *error);

void csv_table_free(struct csv_table *t);

static inline void csv_table_freep(struct csv_table **t)
{
	csv_table_free(*t);
}

#define _cleanup_csv_ __attribute__((cleanup(csv_table_freep)))

/** The column of that name, or -ENOENT. */
int csv_column(const struct csv_table *t, const char *name);

/** The field of @row (from 0) in @column. */
static inline const char *csv_field(const struct csv_table *t, size_t row, int column)
{
	return t->fields[(row + 1) * t->n_columns + (size_t)column];
}
