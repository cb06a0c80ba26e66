/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Which subsystem of a guest a function belongs to: a table of name patterns, one file for each
 * kind of guest kernel (guests/subsystems/). A line is `SUBSYSTEM PATTERN`: a glob pattern, as in
 * the shell, on the demangled name; the first line that fits decides. With a `?` before the
 * subsystem the line is a last resort: it counts only if no frame of the stack fits another line.
 * `@root PATTERN` names functions that nothing calls: a stack that ends there is whole. `#` begins
 * a comment.
 */

#include <stdbool.h>

#include "common/detail_words.h"
#include "common/error.h"

#define SUBSYSTEM_OTHER DETAIL_OTHER

struct subsystems;

/**
 * The table @name: the file NAME.txt in $GUESTSCOPE_SUBSYSTEMS or in the installed data folder,
 * else the one that is built in. -ENOENT (no such table), -EINVAL (a line is wrong), -ENOMEM.
 */
int subsystems_load(const char *name, struct subsystems **ret, struct error *error);

/**
 * The subsystem of function @name, or NULL. @name must be interned: equal texts, equal pointers,
 * valid as long as the table. *ret_weak: a last resort.
 */
const char *subsystems_find(struct subsystems *t, const char *name, bool *ret_weak);

/** Does a stack begin with @name? */
bool subsystems_is_root(const struct subsystems *t, const char *name);

/** NULL is fine. */
void subsystems_free(struct subsystems *t);
