/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The functions of an ELF file that have call frame information, by libdw. */

#include <elfutils/libdw.h>
#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNWIND_CFI_SOURCES 3 /* .eh_frame, .debug_frame, and a debug file's */

/** A section of call frame information. */
struct unwind_cfi_source {
	Dwarf_CFI *cfi;
	Elf_Data *data;
	uint64_t address; /* of the section, as linked */
	bool is_eh_frame;
};

/** What an entry of it covers. */
struct unwind_cfi_extent {
	uint64_t begin; /* linked */
	uint64_t end;
	uint32_t bytes;  /* of its instructions */
	uint32_t source; /* index */
};

/**
 * Add the extents of @source, number @number of its file, to @extents, an array of @n that grows by
 * array.h. What is broken in it, or empty, is left out, and all of it where libdw must not execute it
 * (unwind_cfa.h). 0 or -ENOMEM.
 */
int unwind_cfi_read(const struct unwind_cfi_source *source, uint32_t number,
	struct unwind_cfi_extent **extents, size_t *n);
