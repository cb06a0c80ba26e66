/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Sections of ELF files that unwind tables are made from. Files are untrusted. */

#include <gelf.h>
#include <stddef.h>
#include <stdint.h>

/** The contents of the section @name, and its linked address; NULL as for elf_section_data(). */
Elf_Data *unwind_section_find(Elf *elf, const char *name, uint64_t *ret_address);

/**
 * An ELF file of @ret_size bytes, malloced, that has one section: @elf's .debug_frame, unpacked
 * where that is compressed. -ENODATA: it has none, or one that is too large; -ENOMEM.
 */
int unwind_debug_frame_read(Elf *elf, void **ret, size_t *ret_size);
