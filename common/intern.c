/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/intern.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"

#define CHUNK_BYTES 32768

struct intern_chunk {
	struct intern_chunk *next;
	size_t used;
	size_t room;
	char bytes[];
};

struct key {
	const char *text;
	size_t length;
};

static bool is_text(const void *texts, size_t i, const void *key)
{
	const char *text = ((const char *const *)texts)[i];
	const struct key *k = key;

	return strncmp(text, k->text, k->length) == 0 && text[k->length] == '\0';
}

static char *store(struct intern *set, const char *text, size_t length)
{
	struct intern_chunk *c = set->chunks;
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
	struct key key = {text, strnlen(text, length)};
	uint64_t hash = hash_number(hash_bytes(HASH_FIRST, text, key.length), key.length);
	size_t i = hash_index_find(&set->index, hash, is_text, set->texts, &key);
	const char *copy;

	if (i != HASH_NONE)
		return set->texts[i];
	if (ARRAY_MORE(set->texts, set->n, 1) < 0)
		return NULL;
	copy = store(set, text, key.length);
	if (!copy || hash_index_add(&set->index, hash, set->n) < 0)
		return NULL;
	return set->texts[set->n++] = copy;
}

const char *intern_string(struct intern *set, const char *text)
{
	return intern_bytes(set, text, strlen(text));
}

void intern_clear(struct intern *set)
{
	while (set->chunks) {
		struct intern_chunk *next = set->chunks->next;

		free(set->chunks);
		set->chunks = next;
	}
	free(set->texts);
	hash_index_clear(&set->index);
	*set = (struct intern){0};
}
