/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * A folder that files are written to, all or none: they are made in a hidden folder within it, and
 * appear under their names by output_commit(), in the order in which they were made. Whatever goes
 * wrong before leaves the folder as it was; what a process leaves that is killed, the next removes.
 */

#include <stdbool.h>
#include <stdio.h>

#include "common/error.h"

struct output;

/** Fills one file. 0 or a negative errno; errors of @out itself are found by the caller. */
typedef int (*output_fill_t)(void *userdata, FILE *out);

/** Called for each file that has appeared. */
typedef void (*output_written_t)(const char *path, void *userdata);

/**
 * Open folder @path, which is made if need be (its parent must exist). @replace: files of the same
 * names are replaced; else they are an error (-EEXIST). -EACCES, -ENOTDIR, -EROFS, ..., with a
 * message.
 */
int output_open(const char *path, bool replace, struct output **ret, struct error *error);

/**
 * Make file @name by @fill. Its errors travel through, with a message that names the file if it set
 * none in @error; those of writing (-ENOSPC, ...) likewise.
 */
int output_file(struct output *o, const char *name, output_fill_t fill, void *userdata,
	struct error *error);

/** The hidden folder, for files that another program writes: then output_adopt() them. */
const char *output_staging(const struct output *o);

/** Take the file @name, which is in the hidden folder by now, among the files. */
int output_adopt(struct output *o, const char *name, struct error *error);

/** Let all files appear. @written may be NULL. */
int output_commit(struct output *o, output_written_t written, void *userdata, struct error *error);

/** Forget what was not committed, and the folder itself if it was made here; NULL is fine. */
void output_close(struct output *o);

static inline void output_closep(struct output **o)
{
	output_close(*o);
}

#define _cleanup_output_ __attribute__((cleanup(output_closep)))
