/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Memory of a guest that is made here: page tables of four levels, and what they map. */

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "collector/inside/guest_memory.h"

#define GUEST_PAGE       4096
#define GUEST_PAGES_ROOT 0x1000 /* CR3: physical address of the first table */
#define GUEST_PAGES_FROM 0x5000 /* physical address of what is mapped */
#define GUEST_PAGES_MAX  512

static inline void guest_pages_entry(unsigned char *table, uint64_t index, uint64_t physical)
{
	uint64_t entry = physical | 3; /* present, writable */

	memcpy(table + (index & 511) * sizeof(entry), &entry, sizeof(entry));
}

/**
 * Write tables into the physical memory @memory: its @n pages from GUEST_PAGES_FROM on, not more
 * than GUEST_PAGES_MAX, are at @address, a multiple of 2 MiB.
 */
static inline void guest_pages_map(unsigned char *memory, uint64_t address, size_t n)
{
	uint64_t table = GUEST_PAGES_ROOT;

	memset(memory, 0, GUEST_PAGES_FROM);
	for (unsigned shift = 39; shift > 12; shift -= 9, table += GUEST_PAGE)
		guest_pages_entry(memory + table, address >> shift, table + GUEST_PAGE);
	for (size_t i = 0; i < n && i < GUEST_PAGES_MAX; i++)
		guest_pages_entry(memory + table, i, GUEST_PAGES_FROM + i * GUEST_PAGE);
}

/** The guest that has the @size bytes of the file @fd as its memory. NULL: failed. */
static inline struct guest_memory *guest_pages_memory(int fd, size_t size)
{
	struct guest_inside inside = {
		.ranges = {{.physical = 0, .size = size}}, .n_ranges = 1, .ram_bytes = size};
	struct guest_memory *m = NULL;

	return guest_memory_map(fd, &inside, &m, NULL) == 0 ? m : NULL;
}

/**
 * The same of @size bytes of new memory, all 0, which are at *ret_memory for the test to write: munmap() them after
 * guest_memory_close(). NULL: failed.
 */
static inline struct guest_memory *guest_pages_new(size_t size, unsigned char **ret_memory)
{
	int fd = memfd_create("guest", MFD_CLOEXEC);
	struct guest_memory *m = NULL;
	void *memory = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, (off_t)size) == 0)
		memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory != MAP_FAILED) {
		*ret_memory = memory;
		m = guest_pages_memory(fd, size);
	}
	if (fd >= 0)
		close(fd);
	return m;
}
