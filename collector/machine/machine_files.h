/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Reading the small text files of /proc and /sys. */

#include <stdint.h>
#include <stdio.h>

/**
 * The first line of the file whose name is @root followed by the formatted path, without trailing
 * blanks, malloced; NULL if it cannot be read or is empty. @root NULL: none.
 */
char *read_line_at(const char *root, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** The same as a decimal number. 0, -ENOENT (cannot be read), -EINVAL (no number). */
int read_u64_at(const char *root, uint64_t *ret, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
