/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Reading text files as a whole: those of /proc and /sys, and small ones of users. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/**
 * The first @size - 1 bytes of the file whose name is formatted, with a NUL behind them. What is no
 * file does not make it wait. Returns their number, or the negative errno of opening and reading.
 */
ssize_t file_read_start(char *buffer, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * The value in the first line "@key: VALUE" of the file whose name is formatted (there may be
 * blanks before the colon), malloced; NULL if there is none.
 */
char *file_value(const char *key, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Is @word among the words of @text, which spaces separate? False where @text is NULL. */
bool has_word(const char *text, const char *word);
