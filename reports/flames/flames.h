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

#define FLAME_KINDS 6

extern const struct flame_kind flame_table[FLAME_KINDS];

/** The first kind once more, by thread of the guest: for a look, since it adds nothing. */
extern const struct flame_kind flame_guest_threads;

/** "<prefix>-<configuration's file name>-<cores>". Malloced; NULL: out of memory. */
char *flame_name(const struct flame_kind *kind, const struct configuration *configuration);

/** The flame graphs of a summary, which must outlive them: samples and trees, kept once read. */
struct flames;

/** -ENOMEM. Nothing is read yet. */
int flames_make(const struct summary *s, struct flames **ret);

/** NULL is fine. */
void flames_free(struct flames *f);

/** The samples of that kind and configuration, as they were read; they go with @f. */
int flame_group(struct flames *f, const struct flame_kind *kind,
	const struct configuration *configuration, const struct sample_group **ret);

/** The samples of that kind and configuration, as a tree of the caller's. 0 with *ret NULL: there
 * are none. */
int flame_tree(struct flames *f, const struct flame_kind *kind,
	const struct configuration *configuration, struct stack_tree **ret);

/** The same with one thread for all lanes; empty (n_nodes 1) where there are none. */
int flame_tree_of_lanes(struct flames *f, const struct flame_kind *kind,
	const struct configuration *configuration, struct stack_tree **ret);

/** As flame_tree(), kept for all who ask for it again. It goes with @f. */
int flame_tree_kept(struct flames *f, const struct flame_kind *kind,
	const struct configuration *configuration, const struct stack_tree **ret);

/** Draw it, with title and subtitle. @index makes the id unique in a page; @narrowest_px: see
 * flamegraph.h. */
int flame_draw(const struct flames *f, const struct flame_kind *kind,
	const struct configuration *configuration, const struct stack_tree *tree, bool standalone,
	double narrowest_px, size_t index, FILE *out);

/**
 * In which function are most of the on-CPU samples of the configuration's lanes, of all calls of it together, and how many
 * of all? *ret_symbol is the store's string; NULL: there are no samples. -ENOMEM, -EBADMSG.
 */
int flame_top_function(struct flames *f, const struct configuration *configuration,
	const char **ret_symbol, double *ret_share);
