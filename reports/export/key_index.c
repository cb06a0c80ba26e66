/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/export/key_index.h"

#include <errno.h>
#include <stdlib.h>

static size_t slot_of(const struct key_index *index, uint64_t key)
{
	uint64_t h = key * 0x9e3779b97f4a7c15;
	size_t at = (h ^ (h >> 32)) & (index->n_slots - 1);

	while (index->slots[at] && index->keys[index->slots[at] - 1] != key)
		at = (at + 1) & (index->n_slots - 1);
	return at;
}

static int grow(struct key_index *index)
{
	size_t room = index->room ? index->room * 2 : 512;
	uint64_t *keys = reallocarray(index->keys, room, sizeof(*keys));
	uint32_t *slots;

	if (!keys)
		return -ENOMEM;
	index->keys = keys;
	slots = calloc(room * 2, sizeof(*slots));
	if (!slots || room >= UINT32_MAX) {
		free(slots);
		return -ENOMEM;
	}
	free(index->slots);
	index->slots = slots;
	index->n_slots = room * 2;
	index->room = room;
	for (size_t i = 0; i < index->n_keys; i++)
		slots[slot_of(index, keys[i])] = (uint32_t)i + 1;
	return 0;
}

int key_index_add(struct key_index *index, uint64_t key, uint32_t *ret)
{
	size_t at;

	if (index->n_keys == index->room && grow(index) < 0)
		return -ENOMEM;
	at = slot_of(index, key);
	if (index->slots[at]) {
		*ret = index->slots[at] - 1;
		return 0;
	}
	*ret = (uint32_t)index->n_keys;
	index->keys[index->n_keys++] = key;
	index->slots[at] = *ret + 1;
	return 1;
}

void key_index_clear(struct key_index *index)
{
	free(index->keys);
	free(index->slots);
	*index = (struct key_index){};
}
