/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Source lines and inlined functions of the addresses of a guest's stacks: asked for all at once,
 * since to open debug information is what costs. */

#include "collector/books/profile.h"
#include "collector/symbols/symbols.h"

struct guest_lines;

/**
 * Look up what @profile has of the guest in @space; the addresses of at most GUEST_LINES_MAX
 * places. -ENOMEM. The texts are the struct symbols'.
 */
int guest_lines_find(
	struct symbol_space *space, const struct profile *profile, struct guest_lines **ret);

/** Set file, line and inlined functions of @symbol, which is at @address, where they are known.
 * @lines may be NULL. */
void guest_lines_set(const struct guest_lines *lines, uint64_t address, struct symbol *symbol);

/** NULL is fine. */
void guest_lines_free(struct guest_lines *lines);

#define GUEST_LINES_MAX 20000
