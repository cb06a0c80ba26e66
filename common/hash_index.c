/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/hash_index.h"

#include <errno.h>
#include <stdlib.h>

#define SLOTS_FIRST 64

static void put(uint64_t *slots, size_t n_slots, uint64_t slot)
{
	size_t at = slot >> 32 & (n_slots - 1);

	while (slots[at])
		at = (at + 1) & (n_slots - 1);
	slots[at] = slot;
}

static int grow(struct hash_index *index)
{
	size_t n_slots = index->n_slots ? 2 * index->n_slots : SLOTS_FIRST;
	uint64_t *slots = calloc(n_slots, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < index->n_slots; i++)
		if (index->slots[i])
			put(slots, n_slots, index->slots[i]);
	free(index->slots);
	index->slots = slots;
	index->n_slots = n_slots;
	return 0;
}

int hash_index_add(struct hash_index *index, uint64_t hash, size_t i)
{
	if (i >= UINT32_MAX || (index->n >= index->n_slots / 2 && grow(index) < 0))
		return -ENOMEM;
	put(index->slots, index->n_slots, (hash >> 32) << 32 | (i + 1));
	index->n++;
	return 0;
}

void hash_index_clear(struct hash_index *index)
{
	free(index->slots);
	*index = (struct hash_index){0};
}
