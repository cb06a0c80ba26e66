/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Text that came from elsewhere, cleaned of what no report may contain.
 */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "common/intern.h"

/**
 * The set's copy of @text (@length bytes): valid UTF-8, without control characters, bidirectional
 * overrides or non-characters: those become U+FFFD, as do bytes that are not UTF-8. Newlines and
 * tabs stay if @lines, else they become spaces. NULL: out of memory.
 */
const char *text_intern(struct intern *set, const char *text, size_t length, bool lines);

/** Replace every character that a file name should not have by '_'. */
void text_clean_file_name(char *name);

/** Are they the same? Of one store, equal names are one pointer; of two they are not. NULL equals NULL alone. */
static inline bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/** A stack's name with what tells its configurations apart: "osv", "osv (thread)", "osv (thread) a". @variant and @label may
 * be empty. Malloced; NULL: out of memory. */
char *text_stack(const char *guest, const char *variant, const char *label);

/** Number of characters (code points) of UTF-8 text: its width on a terminal, near enough. */
size_t text_width(const char *text);
