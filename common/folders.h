/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Folders for what a program writes. */

#include "common/error.h"

/** Make @path and all folders above it that are not there. 0 also where it is there; -errno with a message that names the
 * folder which could not be made. */
int folders_make(const char *path, struct error *error);

/** The same of the folders above @path alone. */
int folders_make_above(const char *path, struct error *error);
