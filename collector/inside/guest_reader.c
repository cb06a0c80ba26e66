/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/inside/guest_reader.h"

#include <string.h>

#define PAGE_BYTES    4096ULL
#define ENTRY_PRESENT 1ULL
#define ENTRY_LARGE   (1ULL << 7)
#define ENTRY_FRAME   0x000ffffffffff000ULL

static bool read_physical(const struct guest_memory *m, uint64_t at, void *ret, size_t size)
{
	const void *bytes = guest_memory_at(m, at, size);

	if (bytes)
		memcpy(ret, bytes, size);
	return bytes != NULL;
}

static bool walk(const struct guest_reader *r, uint64_t address, uint64_t *ret)
{
	uint64_t entry = r->cr3;

	for (unsigned shift = 39; shift >= 12; shift -= 9) {
		uint64_t within = ((uint64_t)1 << shift) - 1;

		if (!read_physical(r->memory,
			    (entry & ENTRY_FRAME) + ((address >> shift) & 511) * sizeof(entry),
			    &entry, sizeof(entry)) ||
			!(entry & ENTRY_PRESENT))
			return false;
		if (shift == 12 || ((shift == 30 || shift == 21) && (entry & ENTRY_LARGE))) {
			*ret = (entry & ENTRY_FRAME & ~within) | (address & within);
			return true;
		}
	}
	return false;
}

bool guest_reader_physical(struct guest_reader *r, uint64_t address, uint64_t *ret)
{
	uint64_t number = address / PAGE_BYTES, frame;
	size_t i = number % GUEST_READER_PAGES;

	/* The two halves of the address space: the upper bits repeat the 47th. */
	if ((uint64_t)((int64_t)(address << 16) >> 16) != address)
		return false;
	if (r->numbers[i] != number + 1) {
		if (!walk(r, address, &frame))
			return false;
		r->numbers[i] = number + 1;
		r->frames[i] = frame & ~(PAGE_BYTES - 1);
	}
	*ret = r->frames[i] + address % PAGE_BYTES;
	return true;
}

bool guest_reader_copy(struct guest_reader *r, uint64_t address, void *ret, size_t size)
{
	unsigned char *to = ret;

	for (size_t done = 0; done < size;) {
		uint64_t physical;
		size_t part = PAGE_BYTES - (address + done) % PAGE_BYTES;

		if (part > size - done)
			part = size - done;
		if (!guest_reader_physical(r, address + done, &physical) ||
			!read_physical(r->memory, physical, to + done, part)) {
			memset(ret, 0, size);
			return false;
		}
		done += part;
	}
	return true;
}

bool guest_reader_number(struct guest_reader *r, uint64_t address, size_t size, uint64_t *ret)
{
	*ret = 0;
	return size <= sizeof(*ret) && guest_reader_copy(r, address, ret, size);
}
