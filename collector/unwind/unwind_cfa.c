/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/unwind/unwind_cfa.h"

#include <dwarf.h>
#include <stddef.h>

#include "common/cleanup.h"

#define HIGH_BITS 0xc0
#define LEB_MORE  0x80
#define LEB_BITS  7

/* What follows an instruction's byte: 'r' a register, 'n' a LEB128 number, signed or not, 'b' a block with its
 * length, a digit so many bytes. NULL: no compiler writes it. */
static const char *const operands[] = {
	[DW_CFA_nop] = "",
	[DW_CFA_advance_loc1] = "1",
	[DW_CFA_advance_loc2] = "2",
	[DW_CFA_advance_loc4] = "4",
	[DW_CFA_offset_extended] = "rn",
	[DW_CFA_restore_extended] = "r",
	[DW_CFA_undefined] = "r",
	[DW_CFA_same_value] = "r",
	[DW_CFA_register] = "rr",
	[DW_CFA_remember_state] = "",
	[DW_CFA_restore_state] = "",
	[DW_CFA_def_cfa] = "rn",
	[DW_CFA_def_cfa_register] = "r",
	[DW_CFA_def_cfa_offset] = "n",
	[DW_CFA_def_cfa_expression] = "b",
	[DW_CFA_expression] = "rb",
	[DW_CFA_offset_extended_sf] = "rn",
	[DW_CFA_def_cfa_sf] = "rn",
	[DW_CFA_def_cfa_offset_sf] = "n",
	[DW_CFA_val_offset] = "rn",
	[DW_CFA_val_offset_sf] = "rn",
	[DW_CFA_val_expression] = "rb",
	[DW_CFA_GNU_args_size] = "n",
	[DW_CFA_GNU_negative_offset_extended] = "rn",
};

/* A LEB128 number; what does not fit is UINT64_MAX. False: it has no end. */
static bool take_number(const uint8_t **at, const uint8_t *end, uint64_t *ret)
{
	unsigned shift = 0;

	for (*ret = 0; *at < end; shift += LEB_BITS) {
		const uint8_t byte = *(*at)++, bits = byte & (LEB_MORE - 1);

		if (bits && (shift >= 64 || (uint64_t)bits << shift >> shift != bits))
			*ret = UINT64_MAX;
		else if (bits && *ret != UINT64_MAX)
			*ret |= (uint64_t)bits << shift;
		if (!(byte & LEB_MORE))
			return true;
	}
	return false;
}

static bool take_bytes(const uint8_t **at, const uint8_t *end, uint64_t n)
{
	if (n > (uint64_t)(end - *at))
		return false;
	*at += n;
	return true;
}

static bool take_operand(char kind, const uint8_t **at, const uint8_t *end)
{
	uint64_t number;

	if (kind >= '1' && kind <= '9')
		return take_bytes(at, end, (uint64_t)(kind - '0'));
	if (!take_number(at, end, &number))
		return false;
	if (kind == 'r')
		return number < UNWIND_CFA_REGISTERS;
	return kind != 'b' || take_bytes(at, end, number);
}

bool unwind_cfa_skip_block(const uint8_t **at, const uint8_t *end)
{
	return take_operand('b', at, end);
}

static const char *operands_of(uint8_t instruction)
{
	const uint8_t high = instruction & HIGH_BITS;

	if (high)
		return high == DW_CFA_offset ? "n" : "";
	return instruction < ARRAY_SIZE(operands) ? operands[instruction] : NULL;
}

bool unwind_cfa_is_plain(const uint8_t *at, const uint8_t *end)
{
	while (at < end) {
		const char *list = operands_of(*at++);

		if (!list)
			return false;
		for (; *list; list++)
			if (!take_operand(*list, &at, end))
				return false;
	}
	return true;
}
