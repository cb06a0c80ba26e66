/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * A guest's memory, through QEMU's own mapping of it: a word at an address of the guest is found by its
 * page tables, at most four entries of which are read. Nothing of it is trusted: an address that does not exist yields
 * no word, and that is all.
 */

#include "probes/stacks.bpf.h"

#define PAGE_PRESENT 1ULL
#define PAGE_LARGE   (1ULL << 7)
#define PAGE_FRAME   0x000ffffffffff000ULL
#define PAGE_NX      (1ULL << 63)
#define TABLE_INDEX  511ULL

/* Set by user space once QEMU has made its memory. The number is written last. */
volatile struct guest_ram_block guest_ram[GUEST_RAM_BLOCKS] = {0};
volatile __u32 guest_ram_count = 0;

/** The word at guest-physical @physical. 0, or enum guest_end. */
static __always_inline int guest_read_physical(__u64 physical, __u64 *ret)
{
	for (__u32 i = 0; i < GUEST_RAM_BLOCKS; i++) {
		__u64 offset = physical - guest_ram[i].physical;

		if (i >= guest_ram_count)
			break;
		if (physical < guest_ram[i].physical || guest_ram[i].size < sizeof(*ret) ||
			offset > guest_ram[i].size - sizeof(*ret))
			continue;
		return bpf_probe_read_user(
			       ret, sizeof(*ret), (const void *)(guest_ram[i].host + offset))
			       ? GUEST_END_HOST
			       : 0;
	}
	return GUEST_END_TABLE;
}

static __always_inline bool is_canonical(__u64 address)
{
	return (__u64)((__s64)(address << 16) >> 16) == address;
}

/** The last page that was translated: a stack's frames lie close together. */
struct guest_page {
	__u64 number; /* guest-virtual address >> 12, plus 1; 0: none */
	__u64 physical;
	__u64 no_execute;
};

/** Translate @address (canonical) through the tables at @cr3. 0, or enum guest_end. */
static __noinline int guest_translate(__u64 cr3, __u64 address, struct guest_page *page)
{
	__u64 entry = cr3;

	if (!page)
		return GUEST_END_TABLE;
	page->no_execute = 0;
	for (int shift = 39; shift >= 12; shift -= 9) {
		__u64 table = entry & PAGE_FRAME;
		int end = guest_read_physical(
			table + ((address >> shift) & TABLE_INDEX) * sizeof(__u64), &entry);

		if (end)
			return end;
		if (!(entry & PAGE_PRESENT))
			return GUEST_END_UNMAPPED;
		page->no_execute |= entry & PAGE_NX;
		/* A page of 1 GiB or 2 MiB: the rest of the address is within it. */
		if ((shift == 30 || shift == 21) && (entry & PAGE_LARGE)) {
			__u64 within = (1ULL << shift) - 1;

			page->physical = (entry & PAGE_FRAME & ~within) | (address & within);
			page->physical &= PAGE_FRAME;
			page->number = (address >> 12) + 1;
			return 0;
		}
	}
	page->physical = entry & PAGE_FRAME;
	page->number = (address >> 12) + 1;
	return 0;
}

/** The word at guest-virtual @address. 0, or enum guest_end. */
static __always_inline int guest_read(__u64 cr3, __u64 address, struct guest_page *page, __u64 *ret)
{
	/* Aligned: a word does not cross a page. */
	if (!is_canonical(address) || (address & 7))
		return GUEST_END_ADDRESS;
	if (page->number != (address >> 12) + 1) {
		int end = guest_translate(cr3, address, page);

		if (end)
			return end;
	}
	return guest_read_physical(page->physical + (address & 0xfff), ret);
}

/** A walk through a guest's stack, or its memory alone. Not on a program's own stack: Linux 6.1 allows all
 * functions of a program 512 bytes of that. */
struct guest_chain {
	__u64 cr3;
	struct guest_page page;
	struct unwind_registers r;
	struct unwind_space kernel; /* of tables; n is 0: none */
	struct unwind_space user;
	struct unwind_registers innermost, first, caller; /* that are needed again */
	__u32 at;                                         /* where in the record the frames go to */
	__u32 n;
	__u32 end;      /* enum guest_end */
	__u32 read_end; /* of the last word that could not be read */
	__u32 inexact;  /* the innermost registers may be a few instructions younger than RIP */
	__u32 by_table; /* the innermost frame's caller was found by a table */
};

struct guest_chain_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCH_COUNT);
	__type(key, __u32);
	__type(value, struct guest_chain);
};

extern struct guest_chain_map guest_chains SEC(".maps"); /* by the record that is made */

__noinline int guest_word(struct guest_chain *c, __u64 address, __u64 *ret)
{
	int end;

	if (!c || !ret)
		return GUEST_END_TABLE;
	end = guest_read(c->cr3, address, &c->page, ret);
	if (end)
		c->read_end = end;
	return end;
}
