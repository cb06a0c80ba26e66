/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/symbols/elf_handle.h"
#include "collector/unwind/unwind_build.h"
#include "collector/unwind/unwind_orc.h"
#include "collector/unwind/unwind_section.h"
#include "collector/unwind/unwind_table.h"
#include "common/array.h"
#include "common/cleanup.h"

#define ENTRY_BYTES 6

/* How many entries in a hundred have to be of a known shape. */
#define KNOWN_PERCENT 75

/* Base registers that rules have, and OTHER for those that they have not: DX, DI, R10, R13, AX. */
enum orc_register {
	ORC_UNDEFINED, /* zero in all numberings */
	ORC_PREV_SP,
	ORC_BP,
	ORC_SP,
	ORC_BP_INDIRECT,
	ORC_SP_INDIRECT,
	ORC_OTHER,
};

enum orc_type {
	ORC_NOTHING,
	ORC_END,
	ORC_CALL,
	ORC_REGS,
	ORC_REGS_PARTIAL,
	ORC_UNKNOWN,
};

/* An entry as all layouts can be read. */
struct entry {
	int16_t sp_offset;
	int16_t bp_offset;
	enum orc_register sp_register;
	enum orc_register bp_register;
	enum orc_type type;
	bool signal;
	bool is_odd; /* bits that cannot be so */
};

/* What a number of the fifth byte means. Those that are not named are others. */
struct numbering {
	uint8_t prev_sp, bp, sp, bp_indirect, sp_indirect;
};

static const struct numbering first_numbering = {1, 4, 5, 8, 9};
static const struct numbering second_numbering = {8, 4, 3, 10, 9};

/* An entry begins with two offsets, always. Then come the base registers, half a byte each, and one
 * byte that this describes. Linux's arch/x86/include/asm/orc_types.h, by its releases. */
struct layout {
	const struct numbering *registers;
	uint8_t type_mask;
	uint8_t signal_bit; /* 0: whatever is no call is a signal's frame */
	uint8_t end_bit;    /* 0: a type says the end, or nothing does */
	enum orc_type types[8];
};

#define FIRST_TYPES                                                                                \
	{                                                                                          \
		ORC_CALL, ORC_REGS, ORC_REGS_PARTIAL, ORC_UNKNOWN                                  \
	}
#define SECOND_TYPES                                                                               \
	{                                                                                          \
		ORC_NOTHING, ORC_END, ORC_CALL, ORC_REGS, ORC_REGS_PARTIAL, ORC_UNKNOWN,           \
			ORC_UNKNOWN, ORC_UNKNOWN                                                   \
	}

static const struct layout layouts[] = {
	/* 4.14 */
	{&first_numbering, 0x03, 0, 0, FIRST_TYPES},
	/* 4.18: the end of a kernel thread's stack is told from what is not known */
	{&first_numbering, 0x03, 0, 0x04, FIRST_TYPES},
	/* 6.3: what was interrupted is told from what only has registers */
	{&first_numbering, 0x03, 0x04, 0x08, FIRST_TYPES},
	/* 6.4: other types, of which the end is one */
	{&first_numbering, 0x07, 0x08, 0, SECOND_TYPES},
	/* 7.2, or before: other numbers of registers */
	{&second_numbering, 0x07, 0x08, 0, SECOND_TYPES},
};

/* Offsets in struct pt_regs, and behind its ip in what the processor pushes for an interrupt. */
#define REGS_BP     32
#define REGS_IP     128
#define REGS_SP     152
#define PARTIAL_SP  24
#define RETURN_WORD (-8)

static enum orc_register register_of(const struct numbering *n, unsigned number)
{
	if (number == 0)
		return ORC_UNDEFINED;
	if (number == n->sp)
		return ORC_SP;
	if (number == n->bp)
		return ORC_BP;
	if (number == n->prev_sp)
		return ORC_PREV_SP;
	if (number == n->sp_indirect)
		return ORC_SP_INDIRECT;
	return number == n->bp_indirect ? ORC_BP_INDIRECT : ORC_OTHER;
}

static struct entry read_entry(const struct layout *l, const uint8_t *bytes)
{
	const uint8_t last = bytes[5];
	const bool is_end = last & l->end_bit;
	struct entry e = {
		.sp_register = register_of(l->registers, bytes[4] & 0x0f),
		.bp_register = register_of(l->registers, bytes[4] >> 4),
		.type = l->types[last & l->type_mask],
	};

	memcpy(&e.sp_offset, bytes, sizeof(e.sp_offset));
	memcpy(&e.bp_offset, bytes + 2, sizeof(e.bp_offset));
	e.signal = l->signal_bit ? last & l->signal_bit : e.type != ORC_CALL;
	e.is_odd = last & ~(l->type_mask | l->signal_bit | l->end_bit);
	if (l->types[0] == ORC_CALL && e.sp_register == ORC_UNDEFINED) {
		e.is_odd |= e.type != ORC_CALL || (l->signal_bit && e.signal);
		e.type = is_end ? ORC_END : ORC_NOTHING;
	} else {
		e.is_odd |= is_end;
	}
	return e;
}

/* 1: as any kernel has most; -1: as none has. Calls are most of a kernel's entries, and other layouts
 * read them as something else, or from another register; ends and gaps tell the older layouts
 * apart. Frames with registers are few, and a wrong layout would find many: they do not count. */
static int shape_of(const struct entry *e)
{
	if (e->is_odd || e->type == ORC_UNKNOWN)
		return -1;
	switch (e->type) {
	case ORC_NOTHING:
	case ORC_END:
		return e->sp_register == ORC_UNDEFINED && e->bp_register == ORC_UNDEFINED &&
				       e->sp_offset == 0 && e->bp_offset == 0
			       ? 1
			       : -1;
	case ORC_CALL:
		return (e->sp_register == ORC_SP || e->sp_register == ORC_BP) &&
				       e->sp_offset % 8 == 0 && e->sp_offset > 0 &&
				       (e->bp_register == ORC_UNDEFINED
						       ? e->bp_offset == 0
						       : e->bp_register == ORC_PREV_SP &&
								 e->bp_offset % 8 == 0 &&
								 e->bp_offset < 0)
			       ? 1
			       : 0;
	default:
		return 0;
	}
}

/* The layout in which most entries, fewer those that cannot be, have a known shape. Layouts that
 * read all the same count the same: the first is as good. */
static const struct layout *find_layout(const struct unwind_orc *orc)
{
	const uint8_t *entries = orc->entries;
	const struct layout *best = NULL;
	int64_t most = 0;

	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		int64_t known = 0;

		for (size_t i = 0; i < orc->n; i++) {
			struct entry e = read_entry(&layouts[l], entries + i * ENTRY_BYTES);

			known += shape_of(&e);
		}
		if (known > most) {
			most = known;
			best = &layouts[l];
		}
	}
	return best && most >= (int64_t)(orc->n / 100 * KNOWN_PERCENT) ? best : NULL;
}

static bool set_cfa(const struct entry *e, struct unwind_rule *rule)
{
	switch (e->sp_register) {
	case ORC_SP:
	case ORC_BP:
		rule->cfa_base = e->sp_register == ORC_SP ? UNWIND_RSP : UNWIND_RBP;
		rule->cfa_offset = e->sp_offset;
		return true;
	case ORC_BP_INDIRECT:
		rule->cfa_base = UNWIND_RBP;
		rule->cfa_offset = e->sp_offset;
		rule->flags |= UNWIND_CFA_DEREF;
		return true;
	case ORC_SP_INDIRECT:
		/* Before Linux 5.12 the offset came before the dereference, and was 0. */
		rule->cfa_base = UNWIND_RSP;
		rule->cfa_add = e->sp_offset;
		rule->flags |= UNWIND_CFA_DEREF;
		return true;
	default:
		return false;
	}
}

static bool set_rbp(const struct entry *e, struct unwind_rule *rule)
{
	switch (e->bp_register) {
	case ORC_UNDEFINED:
		if (e->type == ORC_REGS) {
			rule->rbp_base = UNWIND_CFA;
			rule->rbp_offset = REGS_BP;
		}
		return true;
	case ORC_PREV_SP:
		rule->rbp_base = UNWIND_CFA;
		rule->rbp_offset = e->bp_offset;
		return true;
	case ORC_BP:
		rule->rbp_base = UNWIND_RBP;
		rule->rbp_offset = e->bp_offset;
		return true;
	default:
		return false;
	}
}

static struct unwind_rule rule_of(const struct entry *e)
{
	const struct unwind_rule none = {.cfa_base = UNWIND_NONE};
	struct unwind_rule rule = {.flags = e->signal ? UNWIND_EXACT : 0};

	if (e->is_odd)
		return none;
	switch (e->type) {
	case ORC_END:
		return (struct unwind_rule){.cfa_base = UNWIND_RSP, .flags = UNWIND_ROOT};
	case ORC_CALL:
		rule.rip_offset = RETURN_WORD;
		break;
	case ORC_REGS:
		rule.flags |= UNWIND_RSP_SAVED;
		rule.rip_offset = REGS_IP;
		rule.rsp_offset = REGS_SP;
		break;
	case ORC_REGS_PARTIAL:
		rule.flags |= UNWIND_RSP_SAVED;
		rule.rsp_offset = PARTIAL_SP;
		break;
	default:
		return none;
	}
	return set_cfa(e, &rule) && set_rbp(e, &rule) ? rule : none;
}

/* An entry's address, and whether it only ends a section: another one of that address holds. */
struct place {
	uint64_t address;
	uint32_t i;
	bool is_gap;
};

static int by_address(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	if (x->is_gap != y->is_gap)
		return x->is_gap ? -1 : 1;
	return x->i < y->i ? -1 : x->i > y->i;
}

/* Kernels before 5.6 sort their entries when they start. */
static struct place *sorted_places(const struct unwind_orc *orc, const struct layout *layout)
{
	struct place *places = calloc(orc->n, sizeof(*places));
	bool is_sorted = true;

	if (!places)
		return NULL;
	for (size_t i = 0; i < orc->n; i++) {
		const struct entry e =
			read_entry(layout, (const uint8_t *)orc->entries + i * ENTRY_BYTES);
		const uint64_t at = i * sizeof(int32_t);
		int32_t offset;

		memcpy(&offset, (const uint8_t *)orc->ips + at, sizeof(offset));
		places[i] = (struct place){
			.address = orc->ips_address + at + (uint64_t)(int64_t)offset,
			.i = (uint32_t)i,
			.is_gap = e.type == ORC_NOTHING,
		};
		is_sorted &= i == 0 || by_address(&places[i - 1], &places[i]) < 0;
	}
	if (!is_sorted)
		qsort(places, orc->n, sizeof(*places), by_address);
	return places;
}

static int add_rows(
	struct unwind_build *b, const struct unwind_orc *orc, const struct layout *layout)
{
	_cleanup_free_ struct place *places = sorted_places(orc, layout);
	int r = places ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < orc->n; i++) {
		const struct entry e = read_entry(
			layout, (const uint8_t *)orc->entries + (size_t)places[i].i * ENTRY_BYTES);
		const struct unwind_rule rule = rule_of(&e);

		r = unwind_build_row(b, places[i].address, &rule);
	}
	/* The last one is a section's end. */
	return r < 0 ? r : unwind_build_row(b, places[orc->n - 1].address + 1, NULL);
}

int unwind_table_of_orc(const struct unwind_orc *orc, struct unwind_table *ret, struct error *error)
{
	_cleanup_(unwind_build_done) struct unwind_build build = {0};
	const struct layout *layout;
	int r;

	if (orc->n > UNWIND_ROWS_MAX)
		return error_set(error, -E2BIG, "the kernel's ORC is too large");
	layout = orc->n ? find_layout(orc) : NULL;
	if (!layout)
		return error_set(error, -EBADMSG, "the kernel's ORC has no known layout");
	build.table.sources = UNWIND_ORC;
	r = add_rows(&build, orc, layout);
	if (r == 0)
		r = unwind_build_finish(&build, ret);
	if (r == -ENOMEM)
		return error_no_memory(error, " for the kernel's unwind table");
	if (r == -E2BIG)
		return error_set(error, r, "the kernel's ORC is too large");
	return r < 0 ? error_set(error, -EBADMSG, "the kernel's ORC has no entry of use") : 0;
}

/* Of the sections of a kernel's @elf, in memory or not. */
static int table_of_kernel(Elf *elf, struct unwind_table *ret, struct error *error)
{
	const Elf_Data *ips, *entries;
	struct unwind_orc orc = {0};
	uint64_t ignored;

	if (!elf || elf_kind(elf) != ELF_K_ELF)
		return error_set(error, -ENOEXEC, "it is no ELF file");
	ips = unwind_section_find(elf, ".orc_unwind_ip", &orc.ips_address);
	entries = unwind_section_find(elf, ".orc_unwind", &ignored);
	if (!ips || !entries)
		return error_set(error, -ENODATA, "the kernel carries no ORC");
	orc.ips = ips->d_buf;
	orc.entries = entries->d_buf;
	orc.n = ips->d_size / sizeof(int32_t);
	if (orc.n != entries->d_size / ENTRY_BYTES)
		return error_set(error, -EBADMSG, "the kernel's ORC is broken");
	return unwind_table_of_orc(&orc, ret, error);
}

int unwind_table_of_vmlinux(int fd, struct unwind_table *ret, struct error *error)
{
	_cleanup_(elf_handle_done) Elf *elf = elf_handle_open(fd);

	return table_of_kernel(elf, ret, error);
}

int unwind_table_of_vmlinux_image(
	const void *image, size_t size, struct unwind_table *ret, struct error *error)
{
	_cleanup_(elf_handle_done) Elf *elf = elf_handle_image(image, size);

	return table_of_kernel(elf, ret, error);
}
