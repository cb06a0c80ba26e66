/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The look-up in unwind tables, and a step of a walk by them: global functions, which the verifier looks at once. */

#include "probes/unwind.bpf.h"

/*
 * A step of a bisection, of which the verifier sees one way only: the elements in question are the @n
 * from @first on, and @distance (a signed number) says how far what is looked for lies beyond the one
 * in the middle. All steps are done: past the last, nothing changes any more.
 */
#define UNWIND_BISECT(first, n, distance)                                                          \
	({                                                                                         \
		__s64 _distance = (distance);                                                      \
		__u32 _half = (n) / 2, _beyond;                                                    \
                                                                                                   \
		barrier_var(_distance);                                                            \
		_beyond = ~(__u32)(_distance >> 63);                                               \
		barrier_var(_beyond);                                                              \
		(first) += _half & _beyond;                                                        \
		(n) = (((n)-_half) & _beyond) | (_half & ~_beyond);                                \
	})

__noinline __u32 unwind_mapping_of(__u32 first, __u32 n, __u64 address)
{
	struct unwind_mapping *m;
	__u32 left = n;

	for (int i = 0; i < UNWIND_MAPPING_STEPS; i++) {
		__u32 middle = first + left / 2;

		m = bpf_map_lookup_elem(&unwind_mappings, &middle);
		if (!m)
			return 0;
		/* Halves: of two addresses far apart the difference has a sign, too. */
		UNWIND_BISECT(first, left, (__s64)(address >> 1) - (__s64)(m->begin >> 1));
	}
	m = bpf_map_lookup_elem(&unwind_mappings, &first);
	return n && m && address >= m->begin && address < m->end ? first + 1 : 0;
}

__noinline __u32 unwind_row_of(__u32 first, __u32 n, __u32 pc)
{
	struct unwind_row *row;
	__u32 left = n;

	for (int i = 0; i < UNWIND_ROW_STEPS; i++) {
		__u32 middle = first + left / 2;

		row = bpf_map_lookup_elem(&unwind_rows, &middle);
		if (!row)
			return 0;
		UNWIND_BISECT(first, left, (__s64)pc - (__s64)row->pc);
	}
	row = bpf_map_lookup_elem(&unwind_rows, &first);
	return n && row && row->pc <= pc ? first + 1 : 0;
}

static __always_inline int read_user(void *memory, __u64 address, __u64 *ret)
{
	(void)memory;
	return bpf_probe_read_user(ret, sizeof(*ret), (const void *)address);
}

/* By a frame pointer, where no table tells. What it finds has to be in a known mapping. */
static __always_inline __u32 by_pointer(
	const struct unwind_space *space, struct unwind_registers *r)
{
	struct unwind_registers caller = {.rsp = r->rbp + 2 * sizeof(__u64)};

	if (r->rbp < r->rsp || r->rbp - r->rsp > UNWIND_FRAME_MAX || r->rbp & 7)
		return UNWIND_END_NO_TABLE;
	if (read_user(NULL, r->rbp, &caller.rbp) ||
		read_user(NULL, r->rbp + sizeof(__u64), &caller.rip))
		return UNWIND_END_NO_TABLE;
	if (!unwind_mapping_of(space->first, space->n, caller.rip - 1))
		return UNWIND_END_NO_TABLE;
	*r = caller;
	return UNWIND_END_NONE;
}

/* Of code that keeps its frame in a register of its own, as hand-written assembly does. */
static __always_inline __u64 other_register(
	const struct unwind_rule *rule, const struct unwind_registers *r)
{
	const void *registers;
	__u64 value;

	if (rule->cfa_base != UNWIND_OTHER || rule->other >= UNWIND_OTHERS ||
		r->others < (rule->other < UNWIND_R11 ? UNWIND_OTHERS_ALL
						      : UNWIND_OTHERS_CHANGED_BY_CALLS))
		return 0;
	registers = (const void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	if (bpf_probe_read_kernel(&value, sizeof(value), registers + rule->other * sizeof(value)))
		return 0;
	return value;
}

__noinline __u32 unwind_user_caller(struct unwind_registers *r, __u32 first, __u32 n)
{
	const struct unwind_space space = {.first = first, .n = n};
	const struct unwind_rule *rule;
	__u32 index = 0, end;

	if (!r)
		return UNWIND_END_REGISTERS;
	end = unwind_find(&space, r, &index);
	if (end == UNWIND_END_NO_TABLE)
		return by_pointer(&space, r);
	if (end)
		return end;
	rule = unwind_rule_of(index);
	if (!rule)
		return UNWIND_END_NO_RULE;
	return unwind_by_rule(rule, r, other_register(rule, r), read_user, NULL);
}
