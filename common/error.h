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

#include <errno.h>
#include <stdbool.h>

struct error {
	char text[1024]; /**< one line, no newline, no trailing dot */
	bool user;       /**< the mistake is in the command line: exit status 2, not 3 or 1 */
};

/**
 * Put a message into @error (may be NULL). Its value is @code, a negative errno, which is evaluated
 * once and before the message's arguments. A macro: so compilers and analysers see that its value
 * is what was given, and not 0.
 */
#define error_set(error, code, ...) error_set_by_(error_put(error, __VA_ARGS__), code)

/** Like error_set(), for a mistake in what the user typed (exit status 2). */
#define error_set_user(error, code, ...) error_set_by_(error_put_user(error, __VA_ARGS__), code)

/** Like error_set(), with ": <strerror of code>" appended. */
#define error_set_errno(error, code, ...)                                                          \
	error_set_by_(error_put_errno(error, error_code_, __VA_ARGS__), code)

/** -ENOMEM, where the user should read what there is too little memory for, or to have less of: the
 * words that follow "out of memory", or none. */
#define error_no_memory(error, ...) error_set(error, -ENOMEM, "out of memory" __VA_ARGS__)

/** Put "<text>: " before the message that @error holds. Its value is @code. */
#define error_prefix(error, code, ...) error_set_by_(error_put_prefix(error, __VA_ARGS__), code)

/** What the user reads of @code, which came with @error: its message, or what errno says if none
 * was set. */
const char *error_text(const struct error *error, int code);

/* What the macros above are made of. */
#define error_set_by_(put, code)                                                                   \
	({                                                                                         \
		int error_code_ = (code);                                                          \
		put;                                                                               \
		error_code_;                                                                       \
	})

void error_put(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
void error_put_user(struct error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void error_put_errno(struct error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void error_put_prefix(struct error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
