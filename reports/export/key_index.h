/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Numbers things from 0 in the order in which they are first seen. */

#include <stddef.h>
#include <stdint.h>

#include "common/hash_index.h"

struct key_index {
	uint64_t *keys; /**< in that order */
	size_t n_keys;
	struct hash_index index;
};

/** The number of @key, in *ret; a new one if it is new (1), else 0. -ENOMEM. */
int key_index_add(struct key_index *index, uint64_t key, uint32_t *ret);

/** The same of a text that is told by its address: one of the store's. */
static inline int key_index_add_text(struct key_index *index, const char *text, uint32_t *ret)
{
	return key_index_add(index, (uintptr_t)text, ret);
}

void key_index_clear(struct key_index *index);
