/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Text that others chose, made fit for stores, terminals and pages. */

#include <stdbool.h>
#include <stddef.h>

/**
 * A copy of @text (@length bytes), malloced: valid UTF-8, without control characters, bidirectional
 * overrides or non-characters: those become U+FFFD, as do bytes that are not UTF-8. Newlines and
 * tabs stay if @lines, else they become spaces. NULL: out of memory.
 */
char *utf8_clean(const char *text, size_t length, bool lines);

/** How many of the first @bytes of UTF-8 @text, at most, are whole characters: where to cut it. */
size_t utf8_within(const char *text, size_t bytes);
