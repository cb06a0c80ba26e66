/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The commands of the report program. One is a file, command_<name>.c, and a row in the table of
 * main.c; an option is a row in main.c's table of options and a member here.
 */

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "common/error.h"
#include "reports/store/store_reader.h"

/** What the command line says; all borrowed from argv. */
struct report_options {
	const char *output;     /**< --output, or NULL */
	const char *format;     /**< --format, or NULL */
	const char *reference;  /**< --reference, or NULL */
	enum stack_order order; /**< --order */
	bool json;
	bool verbose;
	bool force;
	const char *ranks;  /**< --ranks, or NULL */
	const char *steps;  /**< --steps, or NULL */
	const char *work;   /**< --work, or NULL */
	const char *slower; /**< --slower, or NULL */
	const char *metric; /**< --metric, or NULL */
	const char *change; /**< --change, or NULL */
	bool strict;
	char **paths; /**< what is not an option: experiments */
	size_t n_paths;
};

/** What a command that answers a question returns where the answer is no: exit status 1. */
#define COMMAND_NO 1

/** 0, COMMAND_NO, or a negative errno, with a message. */
typedef int (*command_run_t)(const struct report_options *o, struct error *error);

int command_report(const struct report_options *o, struct error *error);
int command_reference(const struct report_options *o, struct error *error);
int command_export(const struct report_options *o, struct error *error);
int command_noise(const struct report_options *o, struct error *error);
int command_history(const struct report_options *o, struct error *error);
int command_gate(const struct report_options *o, struct error *error);
int command_diff(const struct report_options *o, struct error *error);

/** Open one store, or several side by side. */
int command_open(const struct report_options *o, struct store_reader **ret, struct error *error);

/** Where files go: --output, or report/ in the folder of experiment @path. Malloced. */
char *command_target(const struct report_options *o, const char *path);

/** Print it on standard output; takes the reference. -EIO, with a message. */
int command_print_json(json_t *document, struct error *error);

/** Tell on standard output of a file that was written. */
void command_print_path(const char *path, void *userdata);
