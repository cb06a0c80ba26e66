/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Unwind tables, as the eBPF programs walk them and user space makes them. A table says of each
 * instruction of a module how the registers of its caller are found: the x86-64 psABI calls that a
 * call frame's information (DWARF 5, 6.4), Linux's kernel ORC. All tables lie one behind the other in
 * one array of rows; a row begins at an address and holds up to the next one's.
 *
 * Rules are few: modules share them, and a row has only the number of one.
 */

#ifndef __bpf__
#include <linux/types.h>
#endif

#define UNWIND_RULES_MAX     65536
#define UNWIND_MAPPINGS_MAX  65536 /* of all address spaces */
#define UNWIND_SPACES_MAX    4096
#define UNWIND_ROW_STEPS     24 /* of a bisection: a table has at most 2^24 - 1 rows */
#define UNWIND_MAPPING_STEPS 16

/** Where an address is computed from. */
enum unwind_base {
	UNWIND_NONE, /* no rule: the stack cannot be walked beyond */
	UNWIND_RSP,
	UNWIND_RBP,
	UNWIND_CFA,
	UNWIND_OTHER, /* unwind_rule.other, a register that is known near the innermost frame only */
};

/** General registers other than RSP, in the order of the kernel's struct pt_regs: up to RBX those that
 * calls preserve. */
enum unwind_other {
	UNWIND_R15,
	UNWIND_R14,
	UNWIND_R13,
	UNWIND_R12,
	UNWIND_BP, /* has a base of its own */
	UNWIND_RBX,
	UNWIND_R11,
	UNWIND_R10,
	UNWIND_R9,
	UNWIND_R8,
	UNWIND_RAX,
	UNWIND_RCX,
	UNWIND_RDX,
	UNWIND_RSI,
	UNWIND_RDI,
	UNWIND_OTHERS,
};

/** What kind of frame it is, besides. */
enum unwind_flag {
	UNWIND_ROOT = 1 << 0,      /* there is no caller */
	UNWIND_CFA_DEREF = 1 << 1, /* the word at base + offset, plus cfa_add, is the CFA */
	UNWIND_CFA_PLT = 1 << 2,   /* plus 8 from the 11th byte of a slot of 16 bytes on */
	UNWIND_RSP_SAVED =
		1 << 3,        /* the caller's RSP is the word at CFA + rsp_offset, not the CFA */
	UNWIND_EXACT = 1 << 4, /* the caller was interrupted there (a signal, an interrupt): its
				      address is not one that a call returns to */
	UNWIND_OTHER_STACK = 1 << 5, /* the caller's frame is on another stack */
};

/**
 * How the caller's registers are found. CFA = cfa_base's value + cfa_offset, and more by the flags.
 * Its RIP is the word at CFA + rip_offset; its RBP the word at rbp_base's value + rbp_offset, or
 * unchanged where rbp_base is UNWIND_NONE; its RSP the CFA.
 */
struct unwind_rule {
	__u8 cfa_base; /* enum unwind_base, never UNWIND_CFA; UNWIND_NONE: no rule */
	__u8 rbp_base; /* enum unwind_base, never UNWIND_OTHER */
	__u8 flags;    /* enum unwind_flag */
	__u8 other;    /* enum unwind_other, where the CFA's base is UNWIND_OTHER; else 0 */
	__s32 cfa_offset;
	__s32 cfa_add;
	__s32 rip_offset;
	__s32 rbp_offset;
	__s32 rsp_offset;
};

/** Rule 0 is no rule. A row with it begins a gap between functions. */
struct unwind_row {
	__u32 pc;   /* offset in the table's module */
	__u32 rule; /* index */
};

/** A piece of an address space: rows are looked up by address - begin + pc. */
struct unwind_mapping {
	__u64 begin;
	__u64 end;
	__u64 pc;    /* offset in its table of what lies at begin */
	__u32 first; /* index of the table's first row */
	__u32 n;     /* rows; 0: this code has no table */
};

/** An address space: its mappings, sorted. Key: see below. */
struct unwind_space {
	__u32 first;
	__u32 n;
};

/** Keys of spaces: a process of the host by its number, the guest's kernel, a process of it. */
#define UNWIND_KEY_PROCESS(tgid) ((__u64)(tgid))
#define UNWIND_KEY_KERNEL        (1ULL << 62)
#define UNWIND_KEY_GUEST(cr3)    (1ULL << 63 | ((cr3)&0x000ffffffffff000ULL) >> 12)

/** Why a walk by tables ended. */
enum unwind_end {
	UNWIND_END_NONE,      /* no walk by tables */
	UNWIND_END_ROOT,      /* a frame that has no caller */
	UNWIND_END_LIMIT,     /* PROBE_STACK_DEPTH frames */
	UNWIND_END_NO_MODULE, /* an address outside of all known mappings */
	UNWIND_END_NO_TABLE,  /* its module has no table: code made at run time */
	UNWIND_END_NO_RULE,   /* or has none for it */
	UNWIND_END_MEMORY,    /* a word of the stack that cannot be read */
	UNWIND_END_STUCK,     /* the stack pointer does not go up */
	UNWIND_END_REGISTERS, /* the rule asks for a register that is not known */
	UNWIND_END_COUNT
};
