/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The flame graphs of an experiment: which there are, what they are called. */

#include <stdbool.h>
#include <stddef.h>

#include "reports/flames/flamegraph.h"
#include "reports/summary/summary.h"

struct flame_kind {
	const char *prefix; /**< of file names: "<prefix>-<guest>-<cores>.svg" and .folded */
	const char *kind;   /**< sample.kind */
	bool boot;          /**< samples of the boot, not of the window */
	bool guest_threads; /**< by thread of the guest, of one run */
	const char *title;
	const char *meaning;
	const char *count_of;
};

#define FLAME_KINDS 4

extern const struct flame_kind flame_table[FLAME_KINDS];

/** The first kind once more, by thread of the guest: for a look, since it adds nothing. */
extern const struct flame_kind flame_guest_threads;

/** "<prefix>-<cell's file name>-<cores>". Malloced; NULL: out of memory. */
char *flame_name(const struct flame_kind *kind, const struct cell *cell);

/** The samples of that kind and cell, as they were read; kept with @s. */
int flame_pile(const struct summary *s, const struct flame_kind *kind, const struct cell *cell,
	const struct pile **ret);

/** The samples of that kind and cell, as a tree of the caller's. 0 with *ret NULL: there are none.
 */
int flame_tree(const struct summary *s, const struct flame_kind *kind, const struct cell *cell,
	struct stack_tree **ret);

/** The same with one thread for all lanes; empty (n_nodes 1) where there are none. */
int flame_tree_of_lanes(const struct summary *s, const struct flame_kind *kind,
	const struct cell *cell, struct stack_tree **ret);

/** As flame_tree(), kept for all who ask for it again. It goes with @s. */
int flame_tree_kept(const struct summary *s, const struct flame_kind *kind, const struct cell *cell,
	const struct stack_tree **ret);

/** Where trees, and the piles that they are made from, are kept: a summary's own. */
int flame_cache_make(struct flame_cache **ret);

/** NULL is fine. */
void flame_cache_free(struct flame_cache *cache);

/** Draw it, with title and subtitle. @index makes the id unique in a page; @narrowest_px: see
 * flamegraph.h. */
int flame_draw(const struct summary *s, const struct flame_kind *kind, const struct cell *cell,
	const struct stack_tree *tree, bool standalone, double narrowest_px, size_t index,
	FILE *out);
