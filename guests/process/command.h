/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Command lines: a small growing array of strings, ended by NULL. No shell is involved. */

#include <stddef.h>

/**
 * An array of strings in the making. Start with { 0 }; after a failed append the array remembers
 * it, further appends do nothing, and strv_take() reports it: a long command line needs one check.
 */
struct strv {
	char **items; /**< NULL-ended once anything was appended */
	size_t n;
	int error; /**< 0 or -ENOMEM */
};

/** Append a copy of @text. */
void strv_add(struct strv *v, const char *text);

/** Append a formatted string. */
void strv_addf(struct strv *v, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Append copies of all strings of @list, which ends with NULL; @list itself may be NULL. */
void strv_add_all(struct strv *v, char *const *list);

/** Hand the array over (*ret is to be freed with strv_free()), or free it and return the error. */
int strv_take(struct strv *v, char ***ret);

/** Free the array and its strings. NULL is fine. */
void strv_free(char **list);

/** For _cleanup_(strv_freep). */
void strv_freep(char ***list);

/** For _cleanup_(strv_clear): free what a struct strv holds. */
void strv_clear(struct strv *v);
