/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * How a guest's run ended, by the words on its console: the pieces that the stacks' verdict() are
 * made of. Each returns -EIO with the sentence for the user where it found a failure.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

/**
 * "@who says: LINE" for the first of @failures (NULL-ended, those that say most come first) that is
 * in a line of the console; its first such line or its last, by @first. 0: none is.
 */
int verdict_failures(const char *who, const char *const *failures, bool first, const char *console,
	size_t length, struct error *error);

/**
 * The program's exit status, the number behind @saying. 0: it ended well; -ENODATA, without a
 * message: nothing is said of it; -EIO: "the program ended with status N@where, after: LAST WORDS".
 */
int verdict_status(const char *saying, const char *where, const char *console, size_t length,
	struct error *error);

/** The same for the number of a signal: "the program was ended by signal N (NAME), after: ...". */
int verdict_signal(const char *saying, const char *console, size_t length, struct error *error);

/** -EIO: @who ended without a word about its program; with its last words. */
int verdict_ended_early(const char *who, const char *console, size_t length, struct error *error);
