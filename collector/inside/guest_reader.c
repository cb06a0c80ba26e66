/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/inside/guest_reader.h"

#include <string.h>

#define PAGE_BYTES 4096ULL
static bool read_physical(const struct guest_memory *m, uint64_t at, void *ret, size_t size)
{
	const void *bytes = guest_memory_at(m, at, size);

	if (bytes)
		memcpy(ret, bytes, size);
	return bytes != NULL;
}

struct frame {
	uint64_t address, physical; /* of the page that is asked for */
};

static bool take_frame(uint64_t address, uint64_t physical, uint64_t size, void *userdata)
{
	struct frame *f = userdata;

	(void)size;
	f->physical = physical + (f->address - address);
	return false;
}

bool guest_reader_physical(struct guest_reader *r, uint64_t address, uint64_t *ret)
{
	uint64_t number = address / PAGE_BYTES;
	struct frame frame = {.address = address & ~(PAGE_BYTES - 1)};
	size_t i = number % GUEST_READER_PAGES;

	/* The two halves of the address space: the upper bits repeat the 47th. */
	if ((uint64_t)((int64_t)(address << 16) >> 16) != address)
		return false;
	if (r->numbers[i] != number + 1) {
		if (!guest_memory_pages(r->memory, r->cr3, frame.address, frame.address + 1, 0, 1,
			    take_frame, &frame))
			return false;
		r->numbers[i] = number + 1;
		r->frames[i] = frame.physical;
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
