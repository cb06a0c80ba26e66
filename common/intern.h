/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** A set of strings, each kept once: equal texts get the same pointer, which lives as long as the
 * set. */

#include <stddef.h>

#include "common/hash_index.h"

struct intern_chunk;

/** Zero: empty. */
struct intern {
	struct intern_chunk *chunks;
	const char **texts;
	size_t n;
	struct hash_index index;
};

/** The one copy of the @length bytes at @text (up to a NUL, and a NUL is added); NULL if out of
 * memory. */
const char *intern_bytes(struct intern *set, const char *text, size_t length);

/** The same for a NUL-terminated text. */
const char *intern_string(struct intern *set, const char *text);

/** Release all strings: it is empty. */
void intern_clear(struct intern *set);
