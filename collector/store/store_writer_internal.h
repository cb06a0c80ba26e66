/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the two files behind store_writer.h share; nobody else includes this. */

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
