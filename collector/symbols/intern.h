/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** A set of strings, each kept once: equal texts get the same pointer, which lives as long as the
 * set. */

#include <stddef.h>

struct intern;

struct intern *intern_new(void);
void intern_free(struct intern *set);

/** The one copy of the @length bytes at @text (a NUL is added); NULL if out of memory. */
const char *intern_bytes(struct intern *set, const char *text, size_t length);

/** The same for a NUL-terminated text. */
const char *intern_string(struct intern *set, const char *text);
