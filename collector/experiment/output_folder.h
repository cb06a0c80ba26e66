/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The folder that an experiment's results go to: made, and held by one collector at a time. */

#include "common/error.h"

struct output_folder {
	char *path;
	char *log_path;
	char *lock_path;
	int lock_fd;
};

#define OUTPUT_FOLDER_NONE ((struct output_folder){.lock_fd = -EBADF})

/** results/<UTC time>@suffix, malloced, or NULL if out of memory. */
char *output_folder_name(const char *suffix);

/**
 * Could output_folder_make() make @path, or take it, as things are? Nothing is made. What the file
 * system would say, or -EBUSY, with the same messages.
 */
int output_folder_check(const char *path, struct error *error);

/**
 * Make @path with all that is above it, and take it: no other collector can until
 * output_folder_release(), or the death of this process, however it comes. What the file system
 * says; -EBUSY, with a message that names the other process.
 */
int output_folder_make(const char *path, struct output_folder *ret, struct error *error);

/**
 * The same with a folder that was not there: where there is one, a number is put behind @name.
 * ret->path has the name that it got.
 */
int output_folder_make_new(const char *name, struct output_folder *ret, struct error *error);

/** The same with a folder that has to be there. */
int output_folder_take(const char *path, struct output_folder *ret, struct error *error);

void output_folder_release(struct output_folder *f);
