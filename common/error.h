/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Errors travel up as negative errno; the one line the user will read is made where the context is
 * known and carried beside it. Library code never prints: only the programs' main files do.
 *
 * A function that can fail for a reason worth a sentence takes `struct error *error` as its last
 * argument and returns error_set(error, -Exxx, "..."). The argument may be NULL: then only the
 * number travels. The first message set wins over none, a later one replaces it, so that a caller
 * with more context may say it better.
 */

#include <stdbool.h>

struct error {
	char text[1024]; /**< one line, no newline, no trailing dot */
	bool user;       /**< the mistake is in the command line: exit status 2, not 3 or 1 */
};

/** Put a message into @error (may be NULL). Returns @code, a negative errno. */
int error_set(struct error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** Like error_set(), for a mistake in what the user typed (exit status 2). */
int error_set_user(struct error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** Like error_set(), with ": <strerror of code>" appended. */
int error_set_errno(struct error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** Put "<text>: " before the message that @error holds. Returns @code. */
int error_prefix(struct error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
