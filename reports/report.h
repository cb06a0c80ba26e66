/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Everything that is made from a store, in a folder of files. What the collector calls at the end
 * of an experiment, and what the report program calls for an old one.
 */

#include <stdio.h>

#include <jansson.h>

#include "common/error.h"
#include "reports/store_reader.h"

/**
 * (Re)make @experiment_dir/report/ from @experiment_dir/experiment.db: index.html, summary.csv,
 * runs.csv, flame graphs as .svg and .folded. Each file appears whole or not at all (written
 * beside its name, then renamed), index.html last; other files in the folder are left alone.
 * Errors of store_reader_open(), or of writing (-EACCES, -ENOSPC, -EROFS, ...), with a message.
 */
int report_make(const char *experiment_dir, struct error *error);

/** The same from an open store into folder @target, which is made if need be (its parent must
 * exist). */
int report_write(struct store_reader *store, const char *target, struct error *error);

/** The closing summary of the store in @experiment_dir, as text. */
int report_text(const char *experiment_dir, FILE *out, struct error *error);

/** The closing summary as JSON; a new reference. */
int report_json(const char *experiment_dir, json_t **ret, struct error *error);

/** Told of each file that was written. */
typedef void (*report_written_t)(const char *path, void *userdata);

/** Formats of report_export(), ended by NULL. */
extern const char *const report_formats[];

/** Write one format ("folded", "csv") into folder @target. -EINVAL: no such format. */
int report_export(struct store_reader *store, const char *format, const char *target,
	report_written_t written, void *userdata, struct error *error);
