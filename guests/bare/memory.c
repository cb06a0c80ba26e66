/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/bare/memory.h"

#include "guests/bare/machine.h"
#include "guests/bare/trap.h"

#include <string.h>

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

#define REGIONS_MAX 32
#define LOW_END     (4 * GIB) /* mapped as a whole: devices are there */

#define ENTRIES       512
#define ENTRY_PRESENT 0x1
#define ENTRY_WRITE   0x2
#define ENTRY_LARGE   0x80
#define ENTRY_ADDRESS UINT64_C(0x000ffffffffff000)

/* Four levels reach this far. */
#define ADDRESS_END (UINT64_C(1) << 47)

struct region {
	uint64_t begin, end; /* RAM */
	uint64_t next;       /* not handed out from here on */
};

extern char __image_end[];

static struct region regions[REGIONS_MAX]; /* in the order of their addresses */
static size_t n_regions;
static uint64_t memory_root_table[ENTRIES] __attribute__((aligned(PAGE_BYTES)));
static int has_gib_pages;

static uint64_t round_up(uint64_t value, uint64_t to)
{
	return (value + to - 1) & ~(to - 1);
}

static void add_region(uint64_t begin, uint64_t end)
{
	uint64_t image_end = round_up((uint64_t)__image_end, PAGE_BYTES);
	size_t i;

	if (end > ADDRESS_END)
		end = ADDRESS_END;
	if (begin >= end || n_regions == REGIONS_MAX)
		return;
	for (i = n_regions; i > 0 && regions[i - 1].begin > begin; i--)
		regions[i] = regions[i - 1];
	regions[i] = (struct region){.begin = begin, .end = end, .next = begin};
	/* What lies below the image (the firmware's, the start of further vCPUs) is left alone. */
	if (regions[i].next < image_end)
		regions[i].next = image_end < end ? image_end : end;
	n_regions++;
}

void *memory_take(uint64_t bytes, uint64_t alignment, int high)
{
	for (size_t i = 0; i < n_regions; i++) {
		struct region *r = &regions[high ? n_regions - 1 - i : i];
		uint64_t at = round_up(r->next, alignment);

		if (at < r->next || at > r->end || bytes > r->end - at)
			continue;
		r->next = at + bytes;
		return (void *)at;
	}
	return NULL;
}

static uint64_t *new_table(void)
{
	/* Below 4 GiB, which is mapped from the start. */
	uint64_t *table = memory_take(PAGE_BYTES, PAGE_BYTES, 0);

	if (!table || (uint64_t)table >= LOW_END)
		panic("no memory for page tables");
	memset(table, 0, PAGE_BYTES);
	return table;
}

/* The entry for @address in the table of the page size @size (its level), tables made on the way.
 */
static uint64_t *entry_for(uint64_t address, uint64_t size)
{
	uint64_t *table = memory_root_table;
	uint64_t span = 512 * GIB;

	for (;; span /= ENTRIES) {
		uint64_t *entry = &table[address / span % ENTRIES];

		if (span == size)
			return entry;
		if (!(*entry & ENTRY_PRESENT))
			*entry = (uint64_t)new_table() | ENTRY_WRITE | ENTRY_PRESENT;
		table = (uint64_t *)(*entry & ENTRY_ADDRESS);
	}
}

/* Map [@begin, @end) by pages of at most @largest. */
static void map(uint64_t begin, uint64_t end, uint64_t largest)
{
	static const uint64_t sizes[] = {GIB, 2 * MIB, PAGE_BYTES};

	while (begin < end) {
		size_t i = 0;

		while (sizes[i] > largest || begin % sizes[i] || end - begin < sizes[i])
			i++;
		*entry_for(begin, sizes[i]) = begin | ENTRY_WRITE | ENTRY_PRESENT |
					      (sizes[i] == PAGE_BYTES ? 0 : ENTRY_LARGE);
		begin += sizes[i];
	}
}

void memory_init(const struct pvh_start *start)
{
	const struct pvh_memory *entries = (const void *)start->memory_map;
	struct cpuid extended = read_cpuid(0x80000000);

	if (start->version < 1 || start->n_memory_map == 0)
		panic("the hypervisor gives no memory map");
	for (uint32_t i = 0; i < start->n_memory_map; i++)
		if (entries[i].type == PVH_MEMORY_RAM && entries[i].address >= MIB)
			add_region(round_up(entries[i].address, PAGE_BYTES),
				(entries[i].address + entries[i].bytes) &
					~(PAGE_BYTES - UINT64_C(1)));
	if (n_regions == 0)
		panic("the memory map has no RAM");

	has_gib_pages =
		extended.eax >= 0x80000001 && (read_cpuid(0x80000001).edx & UINT32_C(1) << 26);
	map(PAGE_BYTES, 2 * MIB, PAGE_BYTES);
	map(2 * MIB, LOW_END, has_gib_pages ? GIB : 2 * MIB);
	for (size_t i = 0; i < n_regions; i++)
		if (regions[i].end > LOW_END)
			map(regions[i].begin < LOW_END ? LOW_END : regions[i].begin, regions[i].end,
				has_gib_pages ? GIB : 2 * MIB);
	write_cr3((uint64_t)memory_root_table);
}

uint64_t memory_end(void)
{
	return regions[n_regions - 1].end;
}

uint64_t *memory_root(void)
{
	return memory_root_table;
}

int memory_is_ram(uint64_t address, uint64_t bytes)
{
	for (size_t i = 0; i < n_regions; i++)
		if (address >= regions[i].begin && address <= regions[i].end &&
			bytes <= regions[i].end - address)
			return 1;
	return 0;
}
