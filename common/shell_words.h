/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Command lines as text that can be pasted into a shell. */

#include <stdio.h>

/**
 * Write @word so that a POSIX shell reads it as that one word: as it is where it has nothing but
 * letters, digits and harmless signs, else in single quotes. Errors are the stream's (ferror()).
 */
void shell_word(FILE *out, const char *word);

/** The words of @argv (ended by NULL), with a blank between them. */
void shell_words(FILE *out, char *const *argv);
