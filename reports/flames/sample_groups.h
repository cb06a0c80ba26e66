/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The samples of a store, read in one pass and summed: for each configuration and kind of flame
 * graph, by thread and stack. Trees are made from these groups, so that a store is not read again
 * for each. The counted runs that ended well are in them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/hash_index.h"

struct summary;

/** All samples of a thread that end in a stack. */
struct group_entry {
	const char *thread; /**< the store's string */
	bool lane;          /**< of a lane, not of a helper */
	int64_t stack;      /**< or STORE_NULL: none could be taken */
	uint64_t ns;
	uint64_t count;
};

struct sample_group {
	struct group_entry *entries; /**< in the order in which they were first met */
	size_t n;
	struct hash_index index; /**< by thread and stack; while they are made */
	size_t n_runs;           /**< of the configuration, with or without samples */
};

struct sample_groups {
	struct sample_group
		*groups; /**< configuration by configuration, and in each by flame_table */
	size_t n;
};

/** Read them. -ENOMEM, -EBADMSG with store_reader_error(). */
int sample_groups_make(const struct summary *s, struct sample_groups **ret);

void sample_groups_free(struct sample_groups *p);
