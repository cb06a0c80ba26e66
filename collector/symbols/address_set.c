/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/symbols/address_set.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define ROOM_MIN 1024

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Each once. */
static void drop_twins(struct address_set *set)
{
	size_t n = 0;

	if (set->n)
		qsort(set->addresses, set->n, sizeof(*set->addresses), by_value);
	for (size_t i = 0; i < set->n; i++)
		if (!n || set->addresses[n - 1] != set->addresses[i])
			set->addresses[n++] = set->addresses[i];
	set->n = n;
}

int address_set_add(struct address_set *set, uint64_t address)
{
	bool full = set->n == set->room;

	if (full)
		drop_twins(set);
	if (full && 2 * set->n >= set->room) {
		size_t room = set->room ? 2 * set->room : ROOM_MIN;
		uint64_t *grown = reallocarray(set->addresses, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		set->addresses = grown;
		set->room = room;
	}
	set->addresses[set->n++] = address;
	return 0;
}

void address_set_done(struct address_set *set)
{
	free(set->addresses);
	*set = (struct address_set){0};
}
