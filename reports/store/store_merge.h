/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the files behind store_reader_open_many() share; nobody else includes this. */

#include <stdbool.h>

#include "reports/store/store_internal.h"

/** A store that is to be merged with others. */
struct source {
	const char *path; /**< as the user named it */
	char *file;
	char *label; /**< the folder's name, unique among the stores */
	struct store_reader *reader;
	size_t first; /**< index of the first store of the same experiment; its own: it is that */
	char *suffix; /**< of its stacks' names: "", or "@label" of the first */
};

/** SQLite's error about @path. */
int merge_error(sqlite3 *db, const char *path, struct error *error);

/**
 * Find out which stores are shards of the same experiment: these have the same plan, by its
 * identity. Sets `first`.
 */
void shards_find(struct source *sources, size_t n);

/**
 * May these be merged? Shards of an experiment must have been measured by machines of the same
 * kind, and all stores must be of the same workload; else -EINVAL with a message, or with @force a
 * warning in @db, which the stores are merged into.
 */
int shards_check(
	const struct source *sources, size_t n, bool force, sqlite3 *db, struct error *error);

/**
 * Is a run of @source, which is attached as src, in @db already, from another shard? -EEXIST with a
 * message. And did the same stack run by the same means there? Else as shards_check().
 */
int shards_check_runs(
	const struct source *sources, size_t i, bool force, sqlite3 *db, struct error *error);

/** Warn in @db of stores that lack runs, and of shards that are not among them. */
int shards_warn_missing(const struct source *sources, size_t n, sqlite3 *db, struct error *error);

/**
 * Copy all tables of src but settings and warnings to @db, with identifiers moved up by what is
 * there. *ret_run_offset: by how much those of runs. A table or column that one of the two does not
 * have is left out, so that what is added to the schema is merged without anybody thinking of it.
 */
int copy_tables(
	sqlite3 *db, const struct source *source, int64_t *ret_run_offset, struct error *error);

/** Add a warning about the whole to @db. */
int add_warning(sqlite3 *db, const char *text, struct error *error);
