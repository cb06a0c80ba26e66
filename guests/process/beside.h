/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Files of this project, beside the running program: as it was built, or as it was installed. */

/**
 * The whole path of guests/@name: in the build folder, in the source folder around it, or where it
 * is installed. 0 with a malloced path, -ENOENT, -ENOMEM.
 */
int beside_find(const char *name, char **ret_path);

/** The same for a message: where it is not found, the path it is installed at. NULL: no memory. */
char *beside_name(const char *name);
