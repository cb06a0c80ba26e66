/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Everything that is made from a store, in a folder of files. What the collector calls at the end
 * of an experiment, and what the report program calls for an old one.
 */

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "common/error.h"
#include "reports/export.h"
#include "reports/reference.h"
#include "reports/store_reader.h"

/** Where files go, and what may be replaced there. */
struct report_target {
	const char *folder;                /**< made if need be; its parent must exist */
	bool replace;                      /**< files of the same names; else they are an error */
	output_written_t written;          /**< told of each file; may be NULL */
	void *userdata;                    /**< of @written and @warn */
	const struct reference *reference; /**< shown beside; may be NULL */
	void (*warn)(
		const char *text, void *userdata); /**< what is left out, and why; may be NULL */
};

/**
 * (Re)make @experiment_dir/report/ from @experiment_dir/experiment.db: index.html, summary.csv,
 * runs.csv, flame graphs as .svg and .folded, figures in a folder of their own. All files appear
 * when all are made, index.html last; files of other names in the folder are left alone. Errors of
 * store_reader_open(), or of writing
 * (-EACCES, -ENOSPC, -EROFS, ...), with a message.
 */
int report_make(const char *experiment_dir, struct error *error);

/** The same from an open store. */
int report_write(
	struct store_reader *store, const struct report_target *target, struct error *error);

/** The closing summary of the store in @experiment_dir, as text. */
int report_text(const char *experiment_dir, FILE *out, struct error *error);

/** The closing summary as JSON; a new reference. */
int report_json(const char *experiment_dir, json_t **ret, struct error *error);

/** Write the files of one format. */
int report_export(struct store_reader *store, const struct export_format *format,
	const struct report_target *target, struct error *error);
