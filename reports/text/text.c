/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/text/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"

static size_t hash(const char *text)
{
	uint64_t h = 0xcbf29ce484222325;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3;
	return h;
}

static char **find_slot(char **slots, size_t n_slots, const char *text)
{
	size_t i = hash(text) & (n_slots - 1);

	while (slots[i] && strcmp(slots[i], text) != 0)
		i = (i + 1) & (n_slots - 1);
	return &slots[i];
}

static bool grow(struct string_set *set)
{
	size_t n = set->n_slots ? set->n_slots * 2 : 256;
	char **slots = calloc(n, sizeof(*slots));

	if (!slots)
		return false;
	for (size_t i = 0; i < set->n_slots; i++)
		if (set->slots[i])
			*find_slot(slots, n, set->slots[i]) = set->slots[i];
	free(set->slots);
	set->slots = slots;
	set->n_slots = n;
	return true;
}

const char *string_set_add(struct string_set *set, const char *text, size_t length, bool lines)
{
	char *copy, **slot;

	if (set->n_used * 2 >= set->n_slots && !grow(set))
		return NULL;
	copy = utf8_clean(text, length, lines);
	if (!copy)
		return NULL;
	slot = find_slot(set->slots, set->n_slots, copy);
	if (*slot) {
		free(copy);
		return *slot;
	}
	*slot = copy;
	set->n_used++;
	return copy;
}

void string_set_clear(struct string_set *set)
{
	for (size_t i = 0; i < set->n_slots; i++)
		free(set->slots[i]);
	free(set->slots);
	*set = (struct string_set){};
}

size_t text_width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

void text_clean_file_name(char *name)
{
	static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				   "-_.@#+~";

	for (; *name; name++)
		if (!strchr(fine, *name))
			*name = '_';
}
