/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Stacks in the store: each frame once, each stack as a path in a tree of frames (table stack: a
 * frame and its caller), so that a million samples stay small. Addresses become symbols here.
 */

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "collector/books/profile.h"
#include "collector/inside/guest_view.h"
#include "collector/symbols/symbols.h"

struct store_stacks;

/** Prepare the statements on @db, which must outlive the result. -ENOMEM, -EIO. */
int store_stacks_new(sqlite3 *db, struct store_stacks **ret);

/** What is known of the guest whose stack the host's frames work for. */
struct store_guest {
	struct guest_view *view; /**< its inside, or NULL */
	bool emulated;           /**< its code is translated: what is made at run time is of it */
};

/**
 * The id of @e's stack, put into the store where it is new; 0 if it has no frame. The guest's frames
 * go above those of the host. -EIO, -ENOMEM.
 */
int store_stacks_put(struct store_stacks *s, struct symbols *symbols,
	const struct store_guest *guest, const struct profile_entry *e, int64_t *ret);

void store_stacks_free(struct store_stacks *s);
