/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/export/key_index.h"

#include <stdlib.h>

#include "common/array.h"

static bool is_key(const void *keys, size_t i, const void *key)
{
	return ((const uint64_t *)keys)[i] == *(const uint64_t *)key;
}

int key_index_add(struct key_index *index, uint64_t key, uint32_t *ret)
{
	uint64_t hash = hash_number(HASH_FIRST, key);
	size_t i = hash_index_find(&index->index, hash, is_key, index->keys, &key);
	bool new = i == HASH_NONE;

	if (new) {
		i = index->n_keys;
		if (ARRAY_MORE(index->keys, i, 1) < 0 || hash_index_add(&index->index, hash, i) < 0)
			return -ENOMEM;
		index->keys[index->n_keys++] = key;
	}
	*ret = (uint32_t)i;
	return new;
}

void key_index_clear(struct key_index *index)
{
	free(index->keys);
	hash_index_clear(&index->index);
	*index = (struct key_index){};
}
