/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Many addresses, each once: what is to be looked up all together. */

#include <stddef.h>
#include <stdint.h>

struct address_set {
	uint64_t *addresses; /**< sorted and each once after address_set_sort() */
	size_t n, room;
};

/** -ENOMEM. Sorts by itself where there are many, so that repetitions take no room. */
int address_set_add(struct address_set *set, uint64_t address);

/** To be called when all were added. */
void address_set_sort(struct address_set *set);

void address_set_done(struct address_set *set);

#define _cleanup_address_set_ __attribute__((cleanup(address_set_done)))
