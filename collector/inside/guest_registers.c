/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/inside/guest_registers.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"

/*
 * Offsets in CPUX86State (target/i386/cpu.h). From 7.2 on the instruction pointer there is that of
 * the translation block in execution; before, chained blocks of a page did not store it. Run with
 * 7.2, 10.0 and 11.1; between them the source's history tells: the patches that give regs[] the 16
 * registers of APX were still under review when 10.2 was out.
 */
#define OLDEST_MAJOR 7
#define OLDEST_MINOR 2

static const struct {
	unsigned from, to; /* major * 100 + minor, inclusive */
	struct guest_tcg_layout layout;
} layouts[] = {
	{702, 1002, {.rip = 128, .eflags = 136, .cs = 208, .fs_base = 288, .cr = 424}},
	{1100, 1101, {.rip = 256, .eflags = 264, .cs = 336, .fs_base = 416, .cr = 552}},
};

/* A processor after its reset, by Intel's manual, volume 3, table 9-1. */
#define RESET_RIP     0xfff0
#define RESET_EFLAGS  2
#define RESET_CS      0xf000
#define RESET_CS_BASE 0xffff0000
#define RESET_LIMIT   0xffff
#define RESET_CR0     0x60000010

#define REGS_MIN 16UL
#define REGS_MAX 64UL
#define REG_RDX  2UL
/* What a segment is to QEMU: its selector in 8 bytes, its base, its limit and flags. */
#define SEGMENT_BYTES 24UL
#define SEG_CS        1
#define SEG_FS        4
#define SEGMENTS      6
#define NEAR_BYTES    1024 /* how far one thing may be behind the other */

struct object {
	const unsigned char *bytes;
	size_t size;
};

static bool holds(const struct object *o, size_t at, size_t size, uint64_t value)
{
	uint64_t word = 0;

	if (at > o->size || size > o->size - at)
		return false;
	memcpy(&word, o->bytes + at, size); /* x86 hosts: little-endian, as the guest */
	return word == value;
}

/* The first word at @from or within NEAR_BYTES behind it that is @value; 0: none. */
static size_t find_near(const struct object *o, size_t from, uint64_t value)
{
	for (size_t at = from; at < from + NEAR_BYTES; at += 8)
		if (holds(o, at, 8, value))
			return at;
	return 0;
}

/* RDX has the processor's signature, and no other register anything. */
static bool find_regs(const struct object *o, size_t rip, uint32_t *ret)
{
	size_t at = rip;

	do {
		if (at < 8 || rip - at >= (REGS_MAX - REG_RDX) * 8)
			return false;
		at -= 8;
	} while (holds(o, at, 8, 0));
	if (at < REG_RDX * 8 || rip - at < (REGS_MIN - REG_RDX) * 8)
		return false;
	*ret = (uint32_t)(at - REG_RDX * 8);
	return holds(o, *ret, 8, 0) && holds(o, *ret + 8, 8, 0) && holds(o, at + 4, 4, 0);
}

static bool segments_fit(const struct object *o, size_t first)
{
	for (size_t i = 0; i < SEGMENTS; i++) {
		size_t at = first + i * SEGMENT_BYTES;

		if (!holds(o, at, 4, i == SEG_CS ? RESET_CS : 0) ||
			!holds(o, at + 8, 8, i == SEG_CS ? RESET_CS_BASE : 0) ||
			!holds(o, at + 16, 4, RESET_LIMIT))
			return false;
	}
	return true;
}

static bool reset_at(const struct object *o, size_t rip, struct guest_tcg_layout *ret)
{
	size_t base, segments, cr;
	uint32_t env;

	if (!holds(o, rip, 8, RESET_RIP) || !holds(o, rip + 8, 8, RESET_EFLAGS) ||
		!find_regs(o, rip, &env))
		return false;
	base = find_near(o, rip + 16, RESET_CS_BASE);
	if (base < SEG_CS * SEGMENT_BYTES + 8)
		return false;
	segments = base - 8 - SEG_CS * SEGMENT_BYTES;
	if (!segments_fit(o, segments))
		return false;
	cr = find_near(o, segments + SEGMENTS * SEGMENT_BYTES, RESET_CR0);
	for (size_t i = 1; i < 5; i++)
		if (!cr || !holds(o, cr + i * 8, 8, 0))
			return false;
	/* The registers come first, and generated code has their address. */
	*ret = (struct guest_tcg_layout){
		.env = env,
		.rip = (uint32_t)rip - env,
		.eflags = (uint32_t)rip + 8 - env,
		.cs = (uint32_t)base - 8 - env,
		.fs_base = (uint32_t)(segments + SEG_FS * SEGMENT_BYTES + 8) - env,
		.cr = (uint32_t)cr - env,
	};
	return env != 0;
}

int guest_registers_by_reset(const void *object, size_t size, struct guest_tcg_layout *ret)
{
	const struct object o = {object, size};
	struct guest_tcg_layout layout, found;
	size_t n = 0;

	for (size_t at = 0; at < size; at += 8)
		if (reset_at(&o, at, &layout)) {
			found = layout;
			n++;
		}
	if (n != 1)
		return -ENODATA;
	*ret = found;
	return 0;
}

int guest_registers_by_version(
	const char *version, struct guest_tcg_layout *ret, struct error *error)
{
	const char *digits = version ? strpbrk(version, "0123456789") : NULL;
	unsigned major = 0, minor = 0, number;

	if (!digits || sscanf(digits, "%u.%u", &major, &minor) != 2)
		return error_set(error, -ENOENT, "this QEMU does not tell its version");
	number = major * 100 + minor;
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++)
		if (number >= layouts[i].from && number <= layouts[i].to) {
			*ret = layouts[i].layout;
			return 0;
		}
	if (number < OLDEST_MAJOR * 100 + OLDEST_MINOR)
		return error_set(error, -EOPNOTSUPP,
			"QEMU %u.%u does not keep its guest's instruction pointer up to date; "
			"QEMU %u.%u and later do",
			major, minor, OLDEST_MAJOR, OLDEST_MINOR);
	return error_set(error, -ENOENT,
		"where QEMU %u.%u keeps the registers of an emulated processor is not known", major,
		minor);
}
