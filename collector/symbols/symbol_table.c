/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/symbols/symbol_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"

/* How many entries before the nearest one are tried: functions that lie inside a larger one. */
#define LOOK_BACK 16

struct symbol_table *symbol_table_new(uint32_t size_max)
{
	struct symbol_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->size_max = size_max;
	if (ARRAY_ADD(t->names, t->names_used, '\0') < 0) { /* name 0 is "" */
		free(t);
		return NULL;
	}
	return t;
}

void symbol_table_free(struct symbol_table *t)
{
	if (!t)
		return;
	free(t->entries);
	free(t->names);
	free(t);
}

static int add_name(struct symbol_table *t, const char *name, uint32_t *ret)
{
	size_t size;

	if (!name || !*name) {
		*ret = 0;
		return 0;
	}
	size = strlen(name) + 1;
	if (size > SYMBOL_TABLE_NAMES_MAX - t->names_used)
		return -E2BIG;
	if (ARRAY_MORE(t->names, t->names_used, size) < 0)
		return -ENOMEM;
	memcpy(t->names + t->names_used, name, size);
	*ret = (uint32_t)t->names_used;
	t->names_used += size;
	return 0;
}

int symbol_table_add(struct symbol_table *t, uint64_t address, uint64_t size, const char *name,
	uint8_t rank, uint16_t group)
{
	uint32_t offset;
	int r;

	if (t->n >= SYMBOL_TABLE_ENTRIES_MAX)
		return -E2BIG;
	r = add_name(t, name, &offset);
	if (r < 0)
		return r;
	return ARRAY_ADD(t->entries, t->n,
		(struct symbol_entry){
			.address = address,
			.size = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size,
			.name = offset,
			.group = group,
			.rank = offset ? rank : UINT8_MAX,
		});
}

const char *symbol_table_name(const struct symbol_table *t, const struct symbol_entry *e)
{
	return t->names + e->name;
}

static int compare(const void *pa, const void *pb, void *data)
{
	const struct symbol_entry *a = pa, *b = pb;
	const struct symbol_table *t = data;
	const char *name_a, *name_b;
	size_t length_a, length_b;

	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	name_a = symbol_table_name(t, a);
	name_b = symbol_table_name(t, b);
	length_a = strlen(name_a);
	length_b = strlen(name_b);
	if (length_a != length_b)
		return length_a < length_b ? -1 : 1;
	return strcmp(name_a, name_b);
}

static void drop_aliases(struct symbol_table *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (n > 0 && t->entries[n - 1].address == t->entries[i].address) {
			if (t->entries[n - 1].size == 0)
				t->entries[n - 1].size = t->entries[i].size;
			continue;
		}
		t->entries[n++] = t->entries[i];
	}
	t->n = n;
}

static void give_sizes(struct symbol_table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		struct symbol_entry *e = &t->entries[i];
		uint64_t gap = i + 1 < t->n ? t->entries[i + 1].address - e->address : t->size_max;

		if (e->size == 0)
			e->size = gap < t->size_max ? (uint32_t)gap : t->size_max;
	}
}

void symbol_table_finish(struct symbol_table *t)
{
	if (t->n > 0)
		qsort_r(t->entries, t->n, sizeof(*t->entries), compare, t);
	drop_aliases(t);
	give_sizes(t);
}

struct symbol_entry *symbol_table_find(const struct symbol_table *t, uint64_t address)
{
	size_t low = ARRAY_BISECT(t->entries, t->n, e, e->address <= address);

	for (size_t i = 0; i < LOOK_BACK && i < low; i++) {
		struct symbol_entry *e = &t->entries[low - 1 - i];

		if (address - e->address < e->size)
			return e;
	}
	return NULL;
}

int symbol_table_rename(struct symbol_table *t, struct symbol_entry *e, const char *name)
{
	uint32_t offset;
	int r = add_name(t, name, &offset);

	if (r < 0)
		return r;
	e->name = offset;
	e->demangled = true;
	return 0;
}

uint8_t symbol_name_rank(const char *name)
{
	size_t n = strspn(name, "_");

	return n > 7 ? 7 : (uint8_t)n;
}
