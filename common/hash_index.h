/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Hashes of bytes and numbers, and an index that finds an element of the caller's array by its hash.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Where a hash begins. */
#define HASH_FIRST 0xcbf29ce484222325ULL

/** @hash with @n bytes more in it: FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/ . Secrecy is
 * not asked for. For an index hash_number() has to come last, as the high bits hardly know the last
 * byte. */
static inline uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t n)
{
	const unsigned char *p = (const unsigned char *)bytes;

	for (size_t i = 0; i < n; i++)
		/* NOLINTNEXTLINE(clang-analyzer-core.*): it loses sight of numbers read as bytes */
		hash = (hash ^ p[i]) * 0x100000001b3ULL;
	return hash;
}

/** @hash with a number more in it: times 2^64 over the golden ratio (Knuth, The Art of Computer
 * Programming, 6.4). A product's low bits know nothing of the high ones that went into it: they are
 * folded in. */
static inline uint64_t hash_number(uint64_t hash, uint64_t number)
{
	hash = (hash ^ number) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 32;
}

/** Open addressing, at most half full. Zero: empty. */
struct hash_index {
	/** The high half of an element's hash, which tells most of them apart by itself, then its
	 * index + 1; 0: free. */
	uint64_t *slots;
	size_t n_slots; /**< a power of two, or 0 */
	size_t n;
};

#define HASH_NONE SIZE_MAX

/** Whether element @i of @array is what @key describes. */
typedef bool (*hash_same_t)(const void *array, size_t i, const void *key);

/** The index of the element with @hash for which @same holds, or HASH_NONE. Here, so that @same can
 * be inlined. */
static inline size_t hash_index_find(const struct hash_index *index, uint64_t hash,
	hash_same_t same, const void *array, const void *key)
{
	const size_t mask = index->n_slots - 1;
	uint64_t slot;

	if (!index->n_slots)
		return HASH_NONE;
	for (size_t at = hash >> 32 & mask; (slot = index->slots[at]) != 0; at = (at + 1) & mask)
		if (slot >> 32 == hash >> 32 && same(array, (uint32_t)slot - 1, key))
			return (uint32_t)slot - 1;
	return HASH_NONE;
}

/** Element @i, which is not in the index, has @hash. 0, or -ENOMEM: no memory, or an index of more
 * than 32 bits; the index is as it was. */
int hash_index_add(struct hash_index *index, uint64_t hash, size_t i);

/** Release it: it is empty. */
void hash_index_clear(struct hash_index *index);
