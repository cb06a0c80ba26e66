/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/symbols/intern.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

#define CHUNK_BYTES 32768

struct chunk {
	struct chunk *next;
	size_t used;
	size_t room;
	char bytes[];
};

struct intern {
	struct chunk *chunks;
	const char **slots; /* open addressing; NULL: free */
	size_t n_slots;     /* a power of two */
	size_t used;
};

struct intern *intern_new(void)
{
	struct intern *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->n_slots = 256;
	set->slots = calloc(set->n_slots, sizeof(*set->slots));
	if (!set->slots) {
		free(set);
		return NULL;
	}
	return set;
}

void intern_free(struct intern *set)
{
	if (!set)
		return;
	while (set->chunks) {
		struct chunk *next = set->chunks->next;

		free(set->chunks);
		set->chunks = next;
	}
	free(set->slots);
	free(set);
}

/* FNV-1a, 64 bits. */
static uint64_t hash_bytes(const char *text, size_t length)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < length; i++)
		h = (h ^ (unsigned char)text[i]) * 0x100000001b3ULL;
	return h ^ (h >> 32);
}

/* Where @text is, or where it would go. */
static size_t find_slot(const char *const *slots, size_t n_slots, const char *text, size_t length)
{
	size_t i = hash_bytes(text, length) & (n_slots - 1);

	while (slots[i] && (strncmp(slots[i], text, length) != 0 || slots[i][length] != '\0'))
		i = (i + 1) & (n_slots - 1);
	return i;
}

static int grow(struct intern *set)
{
	size_t n = set->n_slots * 2;
	const char **slots = calloc(n, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < set->n_slots; i++) {
		const char *s = set->slots[i];

		if (s)
			slots[find_slot(slots, n, s, strlen(s))] = s;
	}
	free(set->slots);
	set->slots = slots;
	set->n_slots = n;
	return 0;
}

static char *store(struct intern *set, const char *text, size_t length)
{
	struct chunk *c = set->chunks;
	char *copy;

	if (!c || c->room - c->used < length + 1) {
		size_t room = length + 1 > CHUNK_BYTES ? length + 1 : CHUNK_BYTES;

		c = malloc(sizeof(*c) + room);
		if (!c)
			return NULL;
		c->next = set->chunks;
		c->used = 0;
		c->room = room;
		set->chunks = c;
	}
	copy = c->bytes + c->used;
	memcpy(copy, text, length);
	copy[length] = '\0';
	c->used += length + 1;
	return copy;
}

const char *intern_bytes(struct intern *set, const char *text, size_t length)
{
	size_t i;

	length = strnlen(text, length);
	i = find_slot(set->slots, set->n_slots, text, length);
	if (set->slots[i])
		return set->slots[i];
	if (set->used * 2 >= set->n_slots) {
		if (grow(set) < 0)
			return NULL;
		i = find_slot(set->slots, set->n_slots, text, length);
	}
	set->slots[i] = store(set, text, length);
	if (set->slots[i])
		set->used++;
	return set->slots[i];
}

const char *intern_string(struct intern *set, const char *text)
{
	return intern_bytes(set, text, strlen(text));
}
