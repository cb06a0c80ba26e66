/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/unwind/unwind_frame.h"

#include <dwarf.h>

/* Registers' numbers: x86-64 psABI, figure 3.36. */
#define DWARF_RBP 6
#define DWARF_RSP 7
#define DWARF_RIP 16

/* Where a register's value is found, or what it is. */
struct place {
	enum {
		SAME,    /* unchanged */
		UNKNOWN, /* no form that a rule has */
		LOST,    /* it has no value: the outermost frame's RIP */
		VALUE,   /* base's value + offset */
		WORD,    /* the word there, + add */
	} kind;
	enum unwind_base base;
	enum unwind_other other;
	int64_t offset;
	int64_t add;
};

/* Operands are small in any real program; sums of such do not overflow. */
static bool is_small(Dwarf_Word number)
{
	return (int64_t)number >= INT32_MIN / 2 && (int64_t)number <= INT32_MAX / 2;
}

static void set_base(struct place *p, Dwarf_Word number)
{
	static const enum unwind_other others[] = {UNWIND_RAX, UNWIND_RDX, UNWIND_RCX, UNWIND_RBX,
		UNWIND_RSI, UNWIND_RDI, UNWIND_BP, UNWIND_OTHERS, UNWIND_R8, UNWIND_R9, UNWIND_R10,
		UNWIND_R11, UNWIND_R12, UNWIND_R13, UNWIND_R14, UNWIND_R15};

	p->base = UNWIND_NONE;
	if (number == DWARF_RSP)
		p->base = UNWIND_RSP;
	else if (number == DWARF_RBP)
		p->base = UNWIND_RBP;
	else if (number < DWARF_RIP)
		p->base = UNWIND_OTHER;
	if (p->base == UNWIND_OTHER)
		p->other = others[number];
}

/* An operation that pushes register + offset. False: it is another one. */
static bool read_base(const Dwarf_Op *op, struct place *p)
{
	Dwarf_Word offset = op->number;

	if (op->atom == DW_OP_call_frame_cfa) {
		p->base = UNWIND_CFA;
		offset = 0;
	} else if (op->atom == DW_OP_bregx) {
		set_base(p, op->number);
		offset = op->number2;
	} else if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31) {
		set_base(p, op->atom - DW_OP_breg0);
	} else {
		return false;
	}
	p->offset = (int64_t)offset;
	return p->base != UNWIND_NONE && is_small(offset);
}

/* An expression: a register + offset, which may be dereferenced once, and something added to
 * that. */
static struct place read_expression(const Dwarf_Op *ops, size_t n)
{
	struct place p = {.kind = VALUE};
	const struct place unknown = {.kind = UNKNOWN};

	/* A register's expression begins with the CFA on the stack, which it need not use. */
	if (n > 1 && ops[0].atom == DW_OP_call_frame_cfa && read_base(&ops[1], &p)) {
		ops++;
		n--;
	}
	if (n == 0 || !read_base(&ops[0], &p))
		return unknown;
	for (size_t i = 1; i < n; i++) {
		int64_t *sum = p.kind == WORD ? &p.add : &p.offset;

		if (ops[i].atom == DW_OP_deref && p.kind == VALUE)
			p.kind = WORD;
		else if (ops[i].atom == DW_OP_plus_uconst && is_small(ops[i].number))
			*sum += (int64_t)ops[i].number;
		else
			return unknown;
		if (!is_small((Dwarf_Word)*sum))
			return unknown;
	}
	return p;
}

static struct place read_register(Dwarf_Frame *frame, int number)
{
	Dwarf_Op memory[3], *ops = NULL;
	size_t n = 0;
	struct place p;
	bool is_value;

	if (dwarf_frame_register(frame, number, memory, &ops, &n) < 0)
		return (struct place){.kind = UNKNOWN};
	if (n == 0)
		return (struct place){.kind = ops ? LOST : SAME};
	is_value = ops[n - 1].atom == DW_OP_stack_value;
	p = read_expression(ops, is_value ? n - 1 : n);
	/* A location says where the word is: one dereference more than its expression has. */
	if (!is_value && p.kind == VALUE)
		p.kind = WORD;
	else if (!is_value)
		p.kind = UNKNOWN;
	return p;
}

/* rsp + 8 + ((rip & 15) >= N) * 8: the byte of a slot from which on it has pushed its number. */
static unsigned plt_byte(const Dwarf_Op *ops, size_t n)
{
	if (n != 9 || ops[0].atom != DW_OP_breg0 + DWARF_RSP || ops[0].number != 8 ||
		ops[1].atom != DW_OP_breg0 + DWARF_RIP || ops[1].number != 0 ||
		ops[2].atom != DW_OP_lit15 || ops[3].atom != DW_OP_and ||
		ops[4].atom <= DW_OP_lit0 || ops[4].atom > DW_OP_lit15 || ops[5].atom != DW_OP_ge ||
		ops[6].atom != DW_OP_lit3 || ops[7].atom != DW_OP_shl || ops[8].atom != DW_OP_plus)
		return 0;
	return ops[4].atom - DW_OP_lit0;
}

static struct place read_cfa(Dwarf_Frame *frame, unsigned *ret_plt_byte)
{
	Dwarf_Op *ops;
	size_t n;

	if (dwarf_frame_cfa(frame, &ops, &n) < 0 || n == 0)
		return (struct place){.kind = UNKNOWN};
	*ret_plt_byte = plt_byte(ops, n);
	return *ret_plt_byte ? (struct place){.kind = VALUE, .base = UNWIND_RSP, .offset = 8}
			     : read_expression(ops, n);
}

/**
 * Signal trampolines tell all registers' places by RSP, and the CFA is the word where the
 * interrupted one is: then RSP takes the CFA's part. All is as it was, the places are only said
 * otherwise. False: that cannot be.
 */
static bool use_register_as_cfa(
	struct place *cfa, struct place *rip, struct place *rsp, const struct place *rbp)
{
	const enum unwind_base base = rip->base;

	if (cfa->base != base || rsp->kind == VALUE || (rbp->kind == WORD && rbp->base != base))
		return false;
	if (rsp->kind == SAME) {
		*rsp = *cfa;
		if (rsp->kind == VALUE) /* that is a number, not a place */
			return false;
	} else if (rsp->base != base) {
		return false;
	}
	*cfa = (struct place){.kind = VALUE, .base = base};
	rip->base = UNWIND_CFA;
	rsp->base = UNWIND_CFA;
	return rsp->add == 0;
}

static bool make_rule(struct place cfa, struct place rip, struct place rsp, struct place rbp,
	struct unwind_rule *ret)
{
	/* That the caller's RSP is the CFA is what is understood where nothing is said. */
	if (rsp.kind == VALUE && rsp.base == UNWIND_CFA && rsp.offset == 0)
		rsp.kind = SAME;
	if ((cfa.kind != VALUE && cfa.kind != WORD) || cfa.base == UNWIND_CFA || rip.kind != WORD ||
		rip.add || (rsp.kind != SAME && rsp.kind != WORD) || rsp.add ||
		(rbp.kind != SAME && rbp.kind != LOST && rbp.kind != WORD) || rbp.add ||
		rip.base == UNWIND_OTHER || rbp.base == UNWIND_OTHER)
		return false;
	if (rip.base != UNWIND_CFA && !use_register_as_cfa(&cfa, &rip, &rsp, &rbp))
		return false;
	if (rsp.kind == WORD && rsp.base != UNWIND_CFA)
		return false;
	*ret = (struct unwind_rule){
		.cfa_base = (__u8)cfa.base,
		.other = cfa.base == UNWIND_OTHER ? (__u8)cfa.other : 0,
		.cfa_offset = (int32_t)cfa.offset,
		.cfa_add = (int32_t)cfa.add,
		.flags = (cfa.kind == WORD ? UNWIND_CFA_DEREF : 0) |
			 (rsp.kind == WORD ? UNWIND_RSP_SAVED : 0),
		.rip_offset = (int32_t)rip.offset,
		.rsp_offset = rsp.kind == WORD ? (int32_t)rsp.offset : 0,
		.rbp_base = rbp.kind == WORD ? (__u8)rbp.base : UNWIND_NONE,
		.rbp_offset = rbp.kind == WORD ? (int32_t)rbp.offset : 0,
	};
	return true;
}

struct unwind_frame unwind_frame_read(Dwarf_Frame *frame, int return_register, bool signal)
{
	struct unwind_frame ret = {.rule = {.cfa_base = UNWIND_NONE}};
	struct place rip = read_register(frame, return_register), cfa;

	if (rip.kind == LOST) {
		ret.rule = (struct unwind_rule){.cfa_base = UNWIND_RSP, .flags = UNWIND_ROOT};
		return ret;
	}
	cfa = read_cfa(frame, &ret.plt_byte);
	if (!make_rule(cfa, rip, read_register(frame, DWARF_RSP), read_register(frame, DWARF_RBP),
		    &ret.rule)) {
		ret.plt_byte = 0;
		return ret;
	}
	if (signal)
		ret.rule.flags |= UNWIND_EXACT;
	return ret;
}
