/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** An unwind table while it is made: rows in the order of their addresses, each rule kept once. */

#include <stdbool.h>

#include "collector/unwind/unwind_table.h"
#include "common/hash_index.h"

#define UNWIND_ROWS_MAX ((1U << UNWIND_ROW_STEPS) - 1)

/** Zero: empty. */
struct unwind_build {
	struct unwind_table table;
	struct hash_index index; /* of its rules */
	bool has_base;
};

/** No row will lie below @address. Else that is so of the first one. */
void unwind_build_begin(struct unwind_build *b, uint64_t address);

/**
 * From @address on @rule holds (NULL: none). Not below the row before; one at the same address takes
 * its place. -E2BIG: too far from the first one, or too many rows or rules; -ENOMEM.
 */
int unwind_build_row(struct unwind_build *b, uint64_t address, const struct unwind_rule *rule);

/** In [@begin, @end) @rule holds, whatever was said of it; after unwind_build_begin(). The same errors. */
int unwind_build_replace(
	struct unwind_build *b, uint64_t begin, uint64_t end, const struct unwind_rule *rule);

/** The table, which is the caller's from then on; @b is empty. -ENODATA: it has no row. */
int unwind_build_finish(struct unwind_build *b, struct unwind_table *ret);

/** Release what there is; for _cleanup_(). */
void unwind_build_done(struct unwind_build *b);
