/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/counts/shadow_code.h"

#include <string.h>

#define RSP 4

/* Opcodes by ranges; those behind 0x0f are written as 0x0f00 + n. */
static const struct {
	unsigned first, last;
	enum shadow_end how;
	bool is_call;
	unsigned target_bytes;
} ends[] = {
	{0x70, 0x7f, SHADOW_BRANCH, false, 1},
	{0x0f80, 0x0f8f, SHADOW_BRANCH, false, 4},
	{0xe0, 0xe3, SHADOW_BRANCH, false, 1}, /* LOOP, JRCXZ */
	{0xeb, 0xeb, SHADOW_JUMP, false, 1},
	{0xe9, 0xe9, SHADOW_JUMP, false, 4},
	{0xe8, 0xe8, SHADOW_JUMP, true, 4},
	{0xc2, 0xc3, SHADOW_RETURN, false, 0},
	{0xca, 0xcb, SHADOW_ANYWHERE, false, 0}, /* far returns */
	{0xea, 0xea, SHADOW_ANYWHERE, false, 0}, /* a far jump, before 64-bit mode */
	{0xcf, 0xcf, SHADOW_LEAVE, false, 0},
	{0x0f07, 0x0f07, SHADOW_LEAVE, false, 0},
	{0x0f35, 0x0f35, SHADOW_LEAVE, false, 0},
	{0x0f05, 0x0f05, SHADOW_SYSCALL, false, 0},
	{0x0f34, 0x0f34, SHADOW_SYSCALL, false, 0},
};

static bool is_prefix(unsigned char byte)
{
	static const unsigned char prefixes[] = {
		0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3};

	return memchr(prefixes, byte, sizeof(prefixes));
}

static uint64_t signed_number(const unsigned char *p, unsigned bytes)
{
	int32_t four;

	if (bytes == 1)
		return (uint64_t)(int64_t)(signed char)*p;
	memcpy(&four, p, sizeof(four));
	return (uint64_t)(int64_t)four;
}

/* Group 5: calls and jumps by a register or by memory. */
static void take_indirect(unsigned char modrm, struct shadow_code *ret)
{
	unsigned which = modrm >> 3 & 7;

	if (which < 2 || which > 5)
		return;
	ret->how = SHADOW_ANYWHERE;
	ret->is_call = which == 2;
}

struct shadow_code shadow_code_of(const unsigned char *bytes, size_t n, uint64_t next)
{
	struct shadow_code code = {.how = SHADOW_FALL};
	unsigned char rex = 0, modrm;
	unsigned opcode;
	size_t i = 0;

	while (i + 1 < n && is_prefix(bytes[i]))
		i++;
	if (i + 1 < n && (bytes[i] & 0xf0) == 0x40)
		rex = bytes[i++];
	opcode = bytes[i++];
	if (opcode == 0x0f && i < n)
		opcode = 0x0f00 | bytes[i++];
	modrm = i < n ? bytes[i] : 0;
	for (size_t k = 0; k < sizeof(ends) / sizeof(ends[0]); k++) {
		if (opcode < ends[k].first || opcode > ends[k].last)
			continue;
		code.how = ends[k].how;
		code.is_call = ends[k].is_call;
		if (ends[k].target_bytes && n - i >= ends[k].target_bytes)
			code.target = next + signed_number(bytes + n - ends[k].target_bytes,
						     ends[k].target_bytes);
	}
	if (opcode == 0xff)
		take_indirect(modrm, &code);
	/* MOV to RSP, from memory or from a register in either way of writing it; XCHG with it; POP RSP */
	code.sets_rsp = (opcode == 0x8b && (modrm >> 3 & 7) == RSP && !(rex & 4)) ||
			((opcode == 0x89 || opcode == 0x87) && modrm >> 6 == 3 &&
				(modrm & 7) == RSP && !(rex & 1)) ||
			(opcode == 0x94 && rex & 8 && !(rex & 1)) || (opcode == 0x5c && !(rex & 1));
	/* MOV of a register to (%rsp) */
	code.sets_slot =
		opcode == 0x89 && (modrm & 0xc7) == RSP && i + 1 < n && bytes[i + 1] == 0x24;
	return code;
}
