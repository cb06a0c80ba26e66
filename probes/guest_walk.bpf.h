/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Call stacks of a guest, from outside: its page tables are walked, and its chain of frame pointers
 * followed, through QEMU's own mapping of the guest's memory. The guest is neither stopped nor
 * asked, and nothing of it is trusted: a walk reads at most four table entries, a chain has at most
 * PROBE_STACK_DEPTH frames, and an address that does not exist only ends it.
 *
 * Where the registers come from is the business of guest_tcg.bpf.h and guest_kvm.bpf.h.
 */

#include "probes/stacks.bpf.h"

#define PAGE_PRESENT 1ULL
#define PAGE_LARGE   (1ULL << 7)
#define PAGE_FRAME   0x000ffffffffff000ULL
#define PAGE_NX      (1ULL << 63)
#define CR4_PAE      (1ULL << 5)
#define CR4_LA57     (1ULL << 12)
#define TABLE_INDEX  511ULL
#define REG_RSP      4
#define REG_RBP      5

struct guest_registers {
	__u64 rip;
	__u64 rsp; /* 0: not known */
	__u64 rbp;
	__u64 cr3; /* 0: not known */
	__u64 cr4;
	__u64 fs_base;
	__u32 privilege;
};

/* Set by user space: before loading ... */
const volatile __u32 guest_source = GUEST_NONE;

/* ... and once QEMU has made its memory. The number is written last. */
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

struct guest_chain {
	__u64 cr3;
	__u64 rbp;
	struct guest_page page;
	__u32 at; /* index into the frames of the record */
	__u32 n;
	__u32 end;
};

/* One frame: the caller's frame pointer, and above it the return address. */
static long guest_step(__u32 i, void *context)
{
	struct guest_chain *c = context;
	__u32 which = SCRATCH_SAMPLE;
	struct sample_scratch *s = bpf_map_lookup_elem(&scratch, &which);
	__u64 next, ret;

	(void)i;
	if (!s)
		return 1;
	if (!c->rbp) {
		c->end = GUEST_END_ROOT;
		return 1;
	}
	c->end = guest_read(c->cr3, c->rbp, &c->page, &next);
	if (!c->end)
		c->end = guest_read(c->cr3, c->rbp + 8, &c->page, &ret);
	if (c->end)
		return 1;
	if (!ret)
		c->end = GUEST_END_ROOT;
	else if (!is_canonical(ret) || next == c->rbp)
		c->end = GUEST_END_ADDRESS;
	if (c->end)
		return 1;
	s->frames[(c->at + c->n) & (4 * PROBE_STACK_DEPTH - 1)] = ret;
	c->n++;
	c->rbp = next;
	if (c->n >= PROBE_STACK_DEPTH - 1) {
		c->end = GUEST_END_LIMIT;
		return 1;
	}
	return 0;
}

/** Put the guest's stack into the record, behind the host's frames. */
static __always_inline void guest_take(struct sample_scratch *s, const struct guest_registers *r)
{
	struct guest_sample *g = &s->head.guest;
	struct guest_chain c = {.cr3 = r->cr3, .rbp = r->rbp};

	g->fs_base = r->fs_base;
	g->cr3 = r->cr3;
	g->privilege = r->privilege;
	c.at = (__u32)s->head.n_kernel + s->head.n_user;
	s->frames[c.at & (4 * PROBE_STACK_DEPTH - 1)] = r->rip;
	c.at++;
	g->n_frames = 1;
	if (!(r->cr4 & CR4_PAE)) {
		g->end = GUEST_END_PAGING_OFF;
		return;
	}
	if (r->cr4 & CR4_LA57) {
		g->end = GUEST_END_FIVE_LEVEL;
		return;
	}
	if (!r->cr3) {
		g->end = GUEST_END_NO_TABLES;
		return;
	}
	g->text_mapped = !guest_translate(c.cr3, r->rip, &c.page) && !c.page.no_execute;
	/* At its entry a function has no frame yet: its caller is where the stack pointer points
	 * to, or one word above once the caller's frame pointer is saved. */
	g->stack_mapped = r->rsp && !guest_read(c.cr3, r->rsp, &c.page, &g->caller);
	if (!g->stack_mapped)
		g->caller = 0;
	g->pushed = g->caller && g->caller == r->rbp;
	if (g->pushed && guest_read(c.cr3, r->rsp + 8, &c.page, &g->caller))
		g->caller = 0;
	bpf_loop(PROBE_STACK_DEPTH, guest_step, &c, 0);
	g->n_frames = c.n + 1;
	g->end = c.end;
}
