/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Files that belong to the running program, found from where it lies: as built, or as installed. */

/**
 * The whole path of the first of @places, followed by @name, that access() permits for @mode (R_OK,
 * X_OK). @places ends with NULL; one is absolute, or begins in the folder of the program. 0 with a
 * malloced path, -ENOENT, -ENOMEM.
 */
int program_folder_find(const char *const *places, const char *name, int mode, char **ret_path);

/** The workload of that name. */
int program_folder_workload(const char *name, char **ret_path);
