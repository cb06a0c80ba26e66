/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Many small pieces of a running guest's memory, by their addresses in one address space: translations
 * are kept, so that hundreds of pieces take microseconds. What is read is copied, and is not to be
 * trusted.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/inside/guest_memory.h"

#define GUEST_READER_PAGES 256

struct guest_reader {
	const struct guest_memory *memory;    /**< borrowed */
	uint64_t cr3;                         /**< root of the page tables, four levels */
	uint64_t numbers[GUEST_READER_PAGES]; /**< of pages, plus 1; 0: none */
	uint64_t frames[GUEST_READER_PAGES];
};

/** Copy @size bytes at @address. False: not all of it is there; then @ret is zeroed. */
bool guest_reader_copy(struct guest_reader *r, uint64_t address, void *ret, size_t size);

/** A number of @size bytes (1, 2, 4 or 8), little-endian. False: it is not there; *ret is 0. */
bool guest_reader_number(struct guest_reader *r, uint64_t address, size_t size, uint64_t *ret);

/** Where @address is in the guest's physical memory. False: nowhere. */
bool guest_reader_physical(struct guest_reader *r, uint64_t address, uint64_t *ret);
