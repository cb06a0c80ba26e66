/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/unwind/unwind_cfi.h"

#include <dwarf.h>
#include <errno.h>
#include <string.h>

#include "collector/unwind/unwind_cfa.h"
#include "common/array.h"

#define NO_CIE UINT64_MAX

/* What is kept of the last CIE read: neighbours mostly have the same. */
struct cie {
	uint64_t offset;
	uint8_t encoding; /* of its entries' addresses; DW_EH_PE_omit: not understood */
	bool sized;       /* its entries tell how many bytes of augmentation they have */
	bool is_plain;
};

/* How many bytes a number of @encoding has; 0: none that is known. */
static size_t encoded_bytes(uint8_t encoding)
{
	switch (encoding & 0x07) {
	case DW_EH_PE_udata2:
		return 2;
	case DW_EH_PE_udata4:
		return 4;
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
		return 8;
	default:
		return 0;
	}
}

/* The number of @encoding at @at, which it is moved behind. */
static bool read_encoded(uint8_t encoding, const uint8_t **at, const uint8_t *end, uint64_t *ret)
{
	const size_t bytes = encoded_bytes(encoding);
	uint64_t value = 0;

	if (bytes == 0 || (size_t)(end - *at) < bytes)
		return false;
	memcpy(&value, *at, bytes);
	if (encoding & DW_EH_PE_signed && bytes < sizeof(value)) {
		const unsigned unused = 64 - 8 * (unsigned)bytes;

		value = (uint64_t)((int64_t)(value << unused) >> unused);
	}
	*at += bytes;
	*ret = value;
	return true;
}

/* The letter R of an augmentation says it (LSB, "The Common Information Entry Format"). */
static uint8_t encoding_of(const Dwarf_CIE *cie)
{
	const uint8_t *at = cie->augmentation_data, *end;
	uint64_t ignored;

	if (cie->augmentation[0] != 'z' || !at)
		return DW_EH_PE_absptr;
	end = at + cie->augmentation_data_size;
	for (const char *letter = cie->augmentation + 1; *letter; letter++) {
		if (*letter == 'S' || *letter == 'B')
			continue;
		if (at == end)
			return DW_EH_PE_omit;
		if (*letter == 'R')
			return *at;
		if (*letter == 'L') {
			at++;
		} else if (*letter == 'P') {
			const uint8_t encoding = *at++;

			if (!read_encoded(encoding, &at, end, &ignored))
				return DW_EH_PE_omit;
		} else {
			return DW_EH_PE_omit;
		}
	}
	return DW_EH_PE_absptr;
}

static int next_entry(const struct unwind_cfi_source *source, Dwarf_Off offset, Dwarf_Off *next,
	Dwarf_CFI_Entry *entry)
{
	static const unsigned char ident[EI_NIDENT] = {
		[EI_CLASS] = ELFCLASS64, [EI_DATA] = ELFDATA2LSB, [EI_VERSION] = EV_CURRENT};

	return dwarf_next_cfi(ident, source->data, source->is_eh_frame, offset, next, entry);
}

static void read_cie(const struct unwind_cfi_source *source, uint64_t offset, struct cie *ret)
{
	Dwarf_CFI_Entry entry;
	Dwarf_Off next;

	*ret = (struct cie){.offset = offset, .encoding = DW_EH_PE_omit};
	if (next_entry(source, offset, &next, &entry) != 0 || !dwarf_cfi_cie_p(&entry))
		return;
	ret->encoding = source->is_eh_frame ? encoding_of(&entry.cie) : DW_EH_PE_absptr;
	ret->sized = entry.cie.augmentation[0] == 'z';
	ret->is_plain = entry.cie.return_address_register < UNWIND_CFA_REGISTERS &&
			unwind_cfa_is_plain(
				entry.cie.initial_instructions, entry.cie.initial_instructions_end);
}

/* Of an entry of @cie, whose addresses end at @at. */
static bool is_plain(const struct cie *cie, const uint8_t *at, const uint8_t *end)
{
	return cie->is_plain && (!cie->sized || unwind_cfa_skip_block(&at, end)) &&
	       unwind_cfa_is_plain(at, end);
}

/* -ENODATA: it covers nothing that is understood; -EBADMSG: libdw must not execute it. */
static int read_extent(const struct unwind_cfi_source *source, const Dwarf_FDE *fde,
	struct cie *cie, struct unwind_cfi_extent *ret)
{
	const uint8_t *at = fde->start;
	uint64_t begin, bytes;

	if (fde->CIE_pointer != cie->offset)
		read_cie(source, fde->CIE_pointer, cie);
	if (cie->encoding == DW_EH_PE_omit ||
		((cie->encoding & 0x70) != DW_EH_PE_absptr &&
			(cie->encoding & 0x70) != DW_EH_PE_pcrel) ||
		!read_encoded(cie->encoding, &at, fde->end, &begin) ||
		!read_encoded(cie->encoding & 0x07, &at, fde->end, &bytes))
		return -ENODATA;
	if (!is_plain(cie, at, fde->end))
		return -EBADMSG;
	if ((cie->encoding & 0x70) == DW_EH_PE_pcrel)
		begin += source->address +
			 (uint64_t)(fde->start - (const uint8_t *)source->data->d_buf);
	if (bytes == 0 || __builtin_add_overflow(begin, bytes, &ret->end))
		return -ENODATA;
	ret->begin = begin;
	ret->bytes = (uint32_t)(fde->end - at);
	return 0;
}

int unwind_cfi_read(const struct unwind_cfi_source *source, uint32_t number,
	struct unwind_cfi_extent **extents, size_t *n)
{
	struct cie cie = {.offset = NO_CIE};
	const size_t before = *n;
	Dwarf_Off offset = 0, next;

	for (;;) {
		struct unwind_cfi_extent extent = {.source = number};
		Dwarf_CFI_Entry entry;
		int r;

		next = offset;
		r = next_entry(source, offset, &next, &entry);
		if (r > 0 || next <= offset || next == (Dwarf_Off)-1)
			return 0;
		offset = next;
		if (r < 0 || dwarf_cfi_cie_p(&entry))
			continue;
		r = read_extent(source, &entry.fde, &cie, &extent);
		if (r == -EBADMSG) { /* by another entry for the same code libdw might get there */
			*n = before;
			return 0;
		}
		if (r == 0 && ARRAY_ADD(*extents, *n, extent) < 0)
			return -ENOMEM;
	}
}
