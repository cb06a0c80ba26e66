/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Writing the store (docs/database.md). One transaction per finished run: it is there whole or not
 * at all, whenever the power goes.
 */

#include <jansson.h>

#include "collector/run/run.h"
#include "common/error.h"

struct store_writer;

/** Is there no DIR/experiment.db yet? -EEXIST, with a message, if there is one. */
int store_writer_check_new(const char *dir, struct error *error);

/**
 * Begin DIR/experiment.db. Settings and warnings may be put in; then store_writer_publish() makes
 * it appear, whole, and runs may follow. Until then it has another name, and goes when it is
 * closed. -EEXIST if there is one; else what the file system says.
 */
int store_writer_create(const char *dir, struct store_writer **ret, struct error *error);

/** Let what was begun appear on the disk. Where that fails, close it: nothing is
 * left. */
int store_writer_publish(struct store_writer *s, struct error *error);

/**
 * Open DIR/experiment.db to continue it. -ENOENT, -EMEDIUMTYPE (no store), -EPROTONOSUPPORT (of
 * another version), each with a message.
 */
int store_writer_open(const char *dir, struct store_writer **ret, struct error *error);

/** The value of a key of table experiment as text, malloced. -ENODATA (no message): there is none.
 */
int store_writer_get(struct store_writer *s, const char *key, char **ret, struct error *error);

/** Which of the runs 1 to @n are in the store, and how many of all that are have failed. Returns how
 * many there are, or an error. */
int store_writer_done(
	struct store_writer *s, bool *ret_done, size_t n, size_t *ret_failed, struct error *error);

/** The run time of each of the runs 1 to @n that went well, where it has none its boot's, in ns; others stay as
 * they are. */
int store_writer_times(struct store_writer *s, double *ret_ns, size_t n, struct error *error);

/**
 * What the program wrote in the first run that went well and has it in the store, and which run that
 * is. -ENODATA (no message): there is none. To be freed by run_said_done().
 */
int store_writer_first_output(
	struct store_writer *s, unsigned *ret_run, struct run_said *ret, struct error *error);

/** Set a key of table experiment: a JSON string, number or boolean as it is, other JSON as its
 * text. */
int store_writer_set(
	struct store_writer *s, const char *key, const json_t *value, struct error *error);

/** A warning about the whole experiment. */
int store_writer_warn(struct store_writer *s, const char *text, struct error *error);

/** Write one run; see struct run_result. -ENOSPC, -EIO ... */
int store_writer_run(struct store_writer *s, const struct run_settings *settings,
	const struct run_request *request, const struct run_result *result, struct error *error);

/** Close, with the log folded into the one file. NULL is fine. */
void store_writer_close(struct store_writer *s);
