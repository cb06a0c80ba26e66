/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Call stacks of a guest, from outside: its page tables are walked, and its stack by unwind tables, or
 * by its chain of frame pointers where it has none, through QEMU's own mapping of the guest's memory. The guest is neither stopped nor
 * asked, and nothing of it is trusted: a walk reads at most four table entries, a chain has at most
 * PROBE_STACK_DEPTH frames, and an address that does not exist only ends it.
 *
 * Where the registers come from is the business of guest_tcg.bpf.h and guest_kvm.bpf.h.
 */

#include "probes/guest_task.bpf.h"

#define CR4_PAE  (1ULL << 5)
#define CR4_LA57 (1ULL << 12)
#define REG_RSP  4
#define REG_RBP  5

#define GUEST_NEAR_ROWS 8 /* a block of emulated code is mostly shorter */
#define GUEST_STEPS_ON  2 /* callers that tell whether a rule is the right one */

struct guest_registers {
	__u64 rip;
	__u64 rsp; /* 0: not known */
	__u64 rbp;
	__u64 cr3; /* 0: not known */
	__u64 cr4;
	__u64 fs_base;
	__u32 privilege;
	__u32 kernel_tables; /* CR3 is not the vCPU's, but the root of its kernel's own tables */
};

/* Set by user space before loading. */
const volatile __u32 guest_source = GUEST_NONE;
/* All of the guest runs in ring 0, in the kernel's address space. */
const volatile __u32 guest_one_ring = 0;

static __always_inline int guest_memory_read(void *memory, __u64 address, __u64 *ret)
{
	return guest_word(memory, address, ret);
}

static __always_inline const struct unwind_space *guest_space(
	const struct guest_chain *c, __u64 address)
{
	return guest_one_ring || (__s64)address < 0 ? &c->kernel : &c->user;
}

static __always_inline bool guest_has_text(const struct guest_chain *c, __u64 address)
{
	const struct unwind_space *space = guest_space(c, address);

	return unwind_mapping_of(space->first, space->n, address) != 0;
}

/* By the rule of row @index, or why not: enum unwind_end. */
__noinline int guest_by_row(struct guest_chain *c, __u32 index)
{
	const struct unwind_rule *rule = unwind_rule_of(index);

	if (!c)
		return UNWIND_END_REGISTERS;
	return rule ? unwind_by_rule(rule, &c->r, 0, guest_memory_read, c) : UNWIND_END_NO_RULE;
}

/* Does the walk go on in known text from @c's registers, those of a caller? Where no table tells, it may. */
__noinline int guest_leads_on(struct guest_chain *c)
{
	int leads = 1;

	if (!c)
		return 0;
	c->caller = c->r;
	for (__u32 i = 0; i < GUEST_STEPS_ON && leads; i++) {
		const struct unwind_space *space = guest_space(c, c->r.rip);
		const struct unwind_rule *rule;
		__u32 index = 0;

		if (unwind_find(space, &c->r, &index))
			break;
		rule = unwind_rule_of(index);
		if (!rule || rule->flags & UNWIND_ROOT || rule->cfa_base == UNWIND_NONE)
			break;
		leads = !guest_by_row(c, index) && guest_has_text(c, c->r.rip - !c->r.exact);
	}
	c->r = c->caller;
	return leads;
}

static __always_inline bool guest_is_caller(struct guest_chain *c)
{
	return guest_has_text(c, c->r.rip - !c->r.exact) && guest_leads_on(c);
}

/*
 * A function that is executed, or was interrupted, has no caller, by its table. But that is what Linux's says of
 * the thunks by which it calls through a register (retpolines), too: they are where they are entered,
 * with their caller on top of the stack.
 */
static __always_inline __u32 guest_by_thunk(struct guest_chain *c)
{
	const struct unwind_rule entered = {
		.cfa_base = UNWIND_RSP, .cfa_offset = sizeof(__u64), .rip_offset = -8};

	c->innermost = c->r;
	if (!unwind_by_rule(&entered, &c->r, 0, guest_memory_read, c) && guest_is_caller(c))
		return UNWIND_END_NONE;
	c->r = c->innermost;
	return UNWIND_END_ROOT;
}

/*
 * Under emulation RIP is that of the block of code in execution, and RSP that of an instruction in
 * it. The rule is then the one of RIP or one that follows soon: the first by which the caller is
 * known text, and two callers behind it, too. By a wrong rule a register that was saved is taken for
 * the return address, or what an earlier call left where nothing has been written since. Many of
 * these are 0: only where no rule leads to text is that a root.
 */
static __always_inline __u32 guest_by_near_row(struct guest_chain *c, __u32 index)
{
	__u32 found = UNWIND_END_NO_RULE;
	bool has_first = false;

	c->innermost = c->r;
	for (__u32 i = 0; i < GUEST_NEAR_ROWS; i++) {
		__u32 end = guest_by_row(c, index + i);

		if (!end && guest_has_text(c, c->r.rip - !c->r.exact)) {
			if (guest_leads_on(c))
				return end;
			if (!has_first)
				c->first = c->r;
			has_first = true;
		}
		if (end && found != UNWIND_END_ROOT)
			found = end;
		c->r = c->innermost;
	}
	if (!has_first)
		return found;
	c->r = c->first;
	return UNWIND_END_NONE;
}

static __always_inline __u32 guest_by_table(struct guest_chain *c)
{
	const struct unwind_space *space = guest_space(c, c->r.rip);
	const struct unwind_rule *rule;
	__u32 index = 0, end;

	if (!space->n)
		return UNWIND_END_NO_MODULE;
	end = unwind_find(space, &c->r, &index);
	if (end)
		return end;
	rule = unwind_rule_of(index);
	if (rule && rule->flags & UNWIND_ROOT && c->r.exact)
		return guest_by_thunk(c);
	/* A function may end in a system call: it goes on behind its last instruction, in nothing. */
	if (rule && rule->cfa_base == UNWIND_NONE && c->r.exact && c->n) {
		c->r.exact = 0;
		end = unwind_find(space, &c->r, &index);
		if (end)
			return end;
	}
	return c->inexact && !c->n ? guest_by_near_row(c, index) : guest_by_row(c, index);
}

/* By the frame pointer: the caller's, and above it the return address. 0, or enum guest_end. */
static __always_inline __u32 guest_by_pointer(struct guest_chain *c)
{
	struct unwind_registers caller = {.rsp = c->r.rbp + 2 * sizeof(__u64)};
	int end;

	if (!c->r.rbp)
		return GUEST_END_ROOT;
	end = guest_word(c, c->r.rbp, &caller.rbp);
	if (!end)
		end = guest_word(c, c->r.rbp + sizeof(__u64), &caller.rip);
	if (end)
		return end;
	if (!caller.rip)
		return GUEST_END_ROOT;
	if (!is_canonical(caller.rip) || caller.rbp == c->r.rbp)
		return GUEST_END_ADDRESS;
	c->r = caller;
	return GUEST_END_UNKNOWN;
}

static long guest_step(__u32 i, void *context)
{
	const __u32 *which = context;
	struct guest_chain *c = bpf_map_lookup_elem(&guest_chains, which);
	struct sample_scratch *s = bpf_map_lookup_elem(&scratch, which);
	__u32 end;

	(void)i;
	if (!c || !s)
		return 1;
	end = guest_by_table(c);
	if (!end) {
		c->by_table |= !c->n;
	} else if (end == UNWIND_END_ROOT || (end == UNWIND_END_MEMORY && c->n)) {
		c->end = end == UNWIND_END_ROOT ? GUEST_END_ROOT : c->read_end;
		return 1;
	} else { /* assembly has no rules, but keeps the frame pointer, which is 0 at the root */
		c->end = guest_by_pointer(c);
		if (c->end)
			return 1;
	}
	s->frames[(c->at + c->n) & (4 * PROBE_STACK_DEPTH - 1)] = unwind_address(&c->r);
	c->n++;
	if (c->n >= PROBE_STACK_DEPTH - 1) {
		c->end = GUEST_END_LIMIT;
		return 1;
	}
	return 0;
}

static __always_inline void guest_find_spaces(struct guest_chain *c, const struct guest_sample *g)
{
	__u64 key = UNWIND_KEY_KERNEL;
	struct unwind_space *space = bpf_map_lookup_elem(&unwind_spaces, &key);

	if (space)
		c->kernel = *space;
	if (guest_one_ring)
		return;
	key = UNWIND_KEY_GUEST(g->space);
	space = bpf_map_lookup_elem(&unwind_spaces, &key);
	if (!space &&
		g->task.kind ==
			GUEST_TASK_UNKNOWN) { /* the other half of a pair of tables, where the kernel is not in the user's */
		key ^= 1;
		space = bpf_map_lookup_elem(&unwind_spaces, &key);
	}
	if (space)
		c->user = *space;
}

/** What the vCPU is at work for; tables that are only the kernel's become the process's. */
static __always_inline void guest_take_task(
	struct guest_chain *c, struct guest_sample *g, const struct guest_registers *r, __u32 cpu)
{
	__u64 root;

	if (!guest_task_known || !r->cr3)
		return;
	root = guest_find_task(c, &g->task, cpu);
	if (g->task.kind == GUEST_TASK_KERNEL && r->privilege) /* which runs no programs */
		g->task.kind = GUEST_TASK_OTHER;
	if (g->task.kind != GUEST_TASK_PROCESS || !root)
		return;
	if (r->kernel_tables)
		c->cr3 = root;
	else if ((g->space & ~GUEST_USER_TABLES) != root && g->space != root)
		g->task.kind = GUEST_TASK_OTHER;
	if (g->task.kind == GUEST_TASK_PROCESS)
		g->space = root;
}

/** Put the guest's stack into the record, behind the host's frames. */
static __always_inline void guest_take(struct sample_scratch *s, const struct guest_registers *r)
{
	struct guest_sample *g = &s->head.guest;
	__u32 which = s->head.type == RECORD_EXIT ? SCRATCH_EXIT : SCRATCH_SAMPLE;
	struct guest_chain *c = bpf_map_lookup_elem(&guest_chains, &which);

	if (!c)
		return;
	__builtin_memset(c, 0, sizeof(*c));
	c->cr3 = r->cr3;
	c->r.rip = r->rip;
	c->r.rsp = r->rsp;
	c->r.rbp = r->rbp;
	c->r.exact = 1;
	c->inexact = guest_source == GUEST_TCG;
	g->fs_base = r->fs_base;
	g->cr3 = r->cr3;
	g->space = r->cr3 & PAGE_FRAME;
	g->privilege = r->privilege;
	c->at = (__u32)s->head.n_kernel + s->head.n_user;
	s->frames[c->at & (4 * PROBE_STACK_DEPTH - 1)] = r->rip;
	c->at++;
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
	guest_take_task(c, g, r, s->head.lane);
	g->text_mapped = !guest_translate(c->cr3, r->rip, &c->page) && !c->page.no_execute;
	/* At its entry a function has no frame yet: its caller is where the stack pointer points
	 * to, or one word above once the caller's frame pointer is saved. */
	g->stack_mapped = r->rsp && !guest_word(c, r->rsp, &g->caller);
	if (!g->stack_mapped)
		g->caller = 0;
	g->pushed = g->caller && g->caller == r->rbp;
	if (g->pushed && guest_word(c, r->rsp + 8, &g->caller))
		g->caller = 0;
	guest_find_spaces(c, g);
	bpf_loop(PROBE_STACK_DEPTH, guest_step, &which, 0);
	if (c->by_table) /* which tells it better */
		g->caller = g->pushed = 0;
	g->n_frames = c->n + 1;
	g->end = c->end;
}
