/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the three files behind store_reader.h share; nobody else includes this. */

#include "reports/store/store_reader.h"
#include "reports/text/text.h"

struct store_reader {
	sqlite3 *db;
	char *path;
	struct intern strings;
	struct store_tables tables;
	struct store_stacks stacks;
	bool has_stacks;
	struct error last;
};

/** Like store_text(), with newlines kept. */
const char *store_lines(struct store_reader *s, sqlite3_stmt *query, int column);

/**
 * Has the store fewer runs than were planned? Then 1, and *ret a malloced sentence that says so and
 * how to continue, after "@label: " if there is a label; 0, -ENOMEM.
 */
int store_unfinished(const struct store_reader *s, const char *label, char **ret);

/** Read all tables into s->tables. */
int store_load(struct store_reader *s);

/** Make a reader of an open database, checking that it is a store. Takes @db in any case. */
int store_adopt(sqlite3 *db, const char *path, struct store_reader **ret, struct error *error);

/** The database file of @path: itself, or experiment.db in that folder (malloced). */
int store_find_file(const char *path, char **ret, struct error *error);

/** The "file:" URI by which @file is opened read-only (malloced), or NULL. */
char *store_uri(const char *file);
