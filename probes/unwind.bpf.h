/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Walking a call stack by tables (unwind.h), frame by frame. Nothing of a stack is trusted, nor does
 * anything depend on the tables being right: a walk reads at most PROBE_STACK_DEPTH frames, and each
 * look-up takes a bounded number of steps.
 */

#include "probes/lane.bpf.h"
#include "probes/unwind.h"

#define UNWIND_PLT_SLOT   15 /* mask */
#define UNWIND_PLT_PUSHED 11
#define UNWIND_FRAME_MAX  (1ULL << 20) /* bytes: by a frame pointer, where nothing else tells */

/* User space writes rows, rules and mappings, then the space that has them. It makes the array of
 * rows as large as it needs it. */
struct unwind_row_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct unwind_row);
};

struct unwind_rule_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, UNWIND_RULES_MAX);
	__type(key, __u32);
	__type(value, struct unwind_rule);
};

struct unwind_mapping_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, UNWIND_MAPPINGS_MAX);
	__type(key, __u32);
	__type(value, struct unwind_mapping);
};

struct unwind_space_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, UNWIND_SPACES_MAX);
	__type(key, __u64);
	__type(value, struct unwind_space);
};

/* Defined in lanes.bpf.c. */
extern struct unwind_row_map unwind_rows SEC(".maps");
extern struct unwind_rule_map unwind_rules SEC(".maps");
extern struct unwind_mapping_map unwind_mappings SEC(".maps");
extern struct unwind_space_map unwind_spaces SEC(".maps");
extern volatile __u64 maps_asked_ns; /* when user space was last woken to look for more */

struct unwind_registers {
	__u64 rip;
	__u64 rsp; /* 0: not known */
	__u64 rbp;
	__u32 exact;  /* RIP is where the frame was, not where a call returns to */
	__u32 others; /* enum unwind_others: which other registers are still the thread's own */
};

/** Rules tell nothing of registers that calls may change: code that has its frame in one of these calls
 * only what leaves it alone. So they are believed for one call. */
enum unwind_others {
	UNWIND_OTHERS_NONE,
	UNWIND_OTHERS_CHANGED_BY_CALLS,
	UNWIND_OTHERS_ALL,
};

/** The word at @address, in the memory that the walk is in. 0, or not. */
typedef int (*unwind_read_t)(void *memory, __u64 address, __u64 *ret);

/** Which mapping of the @n from @first on @address is in: its index + 1, or 0. */
__u32 unwind_mapping_of(__u32 first, __u32 n, __u64 address);

/** The last of the @n rows from @first on that begins at @pc or before: its index + 1, or 0. */
__u32 unwind_row_of(__u32 first, __u32 n, __u32 pc);

/**
 * @r, registers of the current thread in user mode, become their caller's, in the space of these
 * mappings. Else why there is none is returned: enum unwind_end.
 */
__u32 unwind_user_caller(struct unwind_registers *r, __u32 first, __u32 n);

/** *ret_row: the row of @r's instruction. Or why there is none. */
static __always_inline __u32 unwind_find(
	const struct unwind_space *space, const struct unwind_registers *r, __u32 *ret_row)
{
	__u64 address = r->exact ? r->rip : r->rip - 1;
	__u32 index = unwind_mapping_of(space->first, space->n, address);
	struct unwind_mapping *m;

	if (!index--)
		return UNWIND_END_NO_MODULE;
	m = bpf_map_lookup_elem(&unwind_mappings, &index);
	if (!m)
		return UNWIND_END_NO_MODULE;
	if (!m->n)
		return UNWIND_END_NO_TABLE;
	index = unwind_row_of(m->first, m->n, (__u32)(address - m->begin + m->pc));
	if (!index)
		return UNWIND_END_NO_RULE;
	*ret_row = index - 1;
	return UNWIND_END_NONE;
}

/** @r becomes its caller's, by @rule; @other: the value of the rule's other register, 0: not known. Else
 * it stays as it is, and why there is none is returned. */
static __always_inline __u32 unwind_by_rule(const struct unwind_rule *rule,
	struct unwind_registers *r, __u64 other, unwind_read_t read, void *memory)
{
	struct unwind_registers caller = {.rbp = r->rbp, .exact = rule->flags & UNWIND_EXACT};
	__u64 cfa = rule->cfa_base == UNWIND_RBP     ? r->rbp
		    : rule->cfa_base == UNWIND_OTHER ? other
						     : r->rsp;
	__u64 at;

	if (rule->flags & UNWIND_ROOT)
		return UNWIND_END_ROOT;
	if (rule->cfa_base == UNWIND_NONE)
		return UNWIND_END_NO_RULE;
	if (!cfa)
		return UNWIND_END_REGISTERS;
	cfa += rule->cfa_offset;
	if (rule->flags & UNWIND_CFA_PLT && (r->rip & UNWIND_PLT_SLOT) >= UNWIND_PLT_PUSHED)
		cfa += sizeof(__u64);
	if (rule->flags & UNWIND_CFA_DEREF) {
		if (read(memory, cfa, &cfa))
			return UNWIND_END_MEMORY;
		cfa += rule->cfa_add;
	}
	if (read(memory, cfa + rule->rip_offset, &caller.rip))
		return UNWIND_END_MEMORY;
	if (rule->rbp_base != UNWIND_NONE) {
		at = rule->rbp_base == UNWIND_CFA   ? cfa
		     : rule->rbp_base == UNWIND_RBP ? r->rbp
						    : r->rsp;
		if (read(memory, at + rule->rbp_offset, &caller.rbp))
			return UNWIND_END_MEMORY;
	}
	caller.rsp = cfa;
	if (r->others && !caller.exact)
		caller.others = r->others - 1;
	if (rule->flags & UNWIND_RSP_SAVED) {
		if (read(memory, cfa + rule->rsp_offset, &caller.rsp))
			return UNWIND_END_MEMORY;
	} else if (cfa <= r->rsp && !(rule->flags & (UNWIND_CFA_DEREF | UNWIND_OTHER_STACK))) {
		return UNWIND_END_STUCK;
	}
	if (!caller.rip)
		return UNWIND_END_ROOT;
	*r = caller;
	return UNWIND_END_NONE;
}

/** The rule of row @index, or NULL. */
static __always_inline const struct unwind_rule *unwind_rule_of(__u32 index)
{
	const struct unwind_row *row = bpf_map_lookup_elem(&unwind_rows, &index);

	if (!row)
		return NULL;
	index = row->rule;
	return bpf_map_lookup_elem(&unwind_rules, &index);
}

/** An address as a record has it: a caller's is looked up by the byte before, and that of one that
 * was interrupted shall be found itself. */
static __always_inline __u64 unwind_address(const struct unwind_registers *r)
{
	return r->exact ? r->rip + 1 : r->rip;
}
