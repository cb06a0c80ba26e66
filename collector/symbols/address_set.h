/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Addresses that are to be looked up all together, in no order. Some may be there twice, but a
 * million samples of the same place take no more room than a few. */

#include <stddef.h>
#include <stdint.h>

struct address_set {
	uint64_t *addresses;
	size_t n, room;
};

/** -ENOMEM. */
int address_set_add(struct address_set *set, uint64_t address);

void address_set_done(struct address_set *set);

#define _cleanup_address_set_ __attribute__((cleanup(address_set_done)))
