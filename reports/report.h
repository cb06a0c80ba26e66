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
#include "reports/export/export.h"
#include "reports/reference/reference.h"
#include "reports/store/store_reader.h"

/** Where files go, and what may be replaced there. */
struct report_target {
	const char *folder;                /**< made if need be; its parent must exist */
	bool replace;                      /**< files of the same names; else they are an error */
	output_written_t written;          /**< called for each file; may be NULL */
	void *userdata;                    /**< of @written and @warn */
	const struct reference *reference; /**< shown beside; may be NULL */
	void (*warn)(
		const char *text, void *userdata); /**< what is left out, and why; may be NULL */
};

/** Make page, flame graphs, tables, figures. All files appear when all are made, index.html last;
 * files of other names in the folder are left alone. -EACCES, -ENOSPC, -EROFS, ..., with a message.
 */
int report_write(const struct analysis *a, const struct report_target *target, struct error *error);

/** Write the files of one format. */
int report_export(const struct analysis *a, const struct export_format *format,
	const struct report_target *target, struct error *error);

/** How an experiment ends. */
struct report_closing {
	FILE *text;    /**< where the summary goes, for people; NULL: nowhere */
	bool verbose;  /**< all tables */
	json_t **json; /**< set to the summary, a new reference; may be NULL */
	void (*warn)(const char *text, void *userdata); /**< what is left out, and why */
	void *userdata;
};

/**
 * (Re)make @experiment_dir/report/ from @experiment_dir/experiment.db, then sum it up. Errors of
 * store_reader_open() and report_write().
 */
int report_make(
	const char *experiment_dir, const struct report_closing *closing, struct error *error);
