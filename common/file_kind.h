/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What a path names, where a file is wanted. */

#include <sys/types.h>

#include "common/error.h"

/** "a folder", "a socket", ..., "a file", by the mode of stat(). */
const char *file_kind(mode_t mode);

/** Is @path a regular file, or a link to one? 0; -errno of stat(); -EINVAL, with a message that says
 * what it is. */
int file_check(const char *path, struct error *error);
