/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the files behind store_writer.h share; nobody else includes this. */

#include <sqlite3.h>

#include "collector/store/store_stacks.h"
#include "collector/store/store_writer.h"

struct store_writer {
	sqlite3 *db;
	struct store_stacks *stacks;
	char *path;      /**< DIR/experiment.db */
	char *temporary; /**< where it is until it is published, or NULL */
};

/** SQLite's last error as errno and in words. */
int store_error(struct store_writer *s, struct error *error);

/** Run statements that give nothing back. */
int store_sql(struct store_writer *s, const char *sql, struct error *error);

/**
 * Run one INSERT. @types says what follows, a letter for each parameter: i int64_t, s text or NULL,
 * b bytes and their number, n nothing (NULL), o a flag and an int64_t, which is NULL if the flag is 0; f a flag and a double.
 */
int store_insert(
	struct store_writer *s, struct error *error, const char *sql, const char *types, ...);

/** Write what is known of the guest's scheduler. */
int store_write_sched(
	struct store_writer *s, int64_t run, const struct run_result *r, struct error *error);

/** Write the lanes' clocks, and detours with their causes. */
int store_write_detours(
	struct store_writer *s, int64_t run, const struct run_result *r, struct error *error);

/** Write what the workload noise found, and the metrics that the program reported, or that sum it up. */
int store_write_distributions(
	struct store_writer *s, int64_t run, const struct run_result *r, struct error *error);
