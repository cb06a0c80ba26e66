/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Command lines as text that can be pasted into a shell, and back. */

#include <stdio.h>

#include "common/error.h"

/**
 * Write @word so that a POSIX shell reads it as that one word: as it is where it has nothing but
 * letters, digits and harmless signs, else in single quotes. Errors are the stream's (ferror()).
 */
void shell_word(FILE *out, const char *word);

/** The words of @argv (ended by NULL), with a blank between them. */
void shell_words(FILE *out, char *const *argv);

/**
 * The words of @text as a POSIX shell parts and quotes them: blanks, single quotes, double quotes,
 * backslashes. There is no shell, so signs that would ask something of one (| & ; < > ( ) ` $, and # at
 * a word's begin) are -EINVAL unless they are quoted, as are quotes without an end and a text without a
 * word; with a message. *ret ends with NULL, and is malloced as each word is. -ENOMEM.
 */
int shell_split(const char *text, char ***ret, struct error *error);
