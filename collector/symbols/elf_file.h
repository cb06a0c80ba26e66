/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * What guestscope reads from ELF files: segments, build-id, the link to a separate debug file, and
 * the functions. Files are untrusted: everything goes through libelf's checked access, sizes are
 * limited, and a broken part only means that its symbols are missing.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/symbols/symbol_table.h"

#define ELF_BUILD_ID_MAX 32
#define ELF_SEGMENTS_MAX 64

/** A loadable segment. */
struct elf_segment {
	uint64_t offset;       /**< in the file */
	uint64_t file_bytes;   /**< of it, how much is in the file */
	uint64_t address;      /**< as linked */
	uint64_t memory_bytes; /**< its size in memory */
	bool executable;
};

struct elf_file {
	uint8_t build_id[ELF_BUILD_ID_MAX];
	size_t build_id_bytes; /**< 0: none */
	char soname[128];      /**< a library's own name (DT_SONAME); "": none */
	char debug_link[256];  /**< a file name without folder; "": none */
	uint32_t debug_link_crc;
	struct elf_segment segments[ELF_SEGMENTS_MAX];
	size_t n_segments;
	uint64_t entry;  /**< linked address of its first instruction; 0: none */
	bool has_symtab; /**< the full symbol table, not only the dynamic one */
	bool has_lines;  /**< DWARF line numbers */
};

/** Are both of one build? False also where one has no build-id. */
bool elf_same_build_id(const struct elf_file *a, const struct elf_file *b);

/** How much code it has: the bytes of its executable segments. */
uint64_t elf_code_bytes(const struct elf_file *file);

/** Which functions elf_functions_read() takes. */
enum elf_parts {
	ELF_SYMTAB = 1 << 0,
	ELF_DYNSYM = 1 << 1,
	ELF_PLT = 1 << 2,     /**< "name@plt" for the jump slots (x86-64) */
	ELF_EXTENTS = 1 << 3, /**< where functions begin, by the unwind table: without names */
	ELF_ALL_PARTS = ELF_SYMTAB | ELF_DYNSYM | ELF_PLT | ELF_EXTENTS,
};

/** Read the headers of the regular file @fd. 0, -ENOEXEC (no ELF file), -ENOMEM. */
int elf_file_read(int fd, struct elf_file *ret);

/** The same for an ELF file of @size bytes in memory (the vDSO). */
int elf_image_read(const void *image, size_t size, struct elf_file *ret);

/**
 * Add the functions of @fd to @t, at their linked addresses. symbol_table_finish() is left to the
 * caller. A broken file gives fewer functions, not an error. 0, -ENOEXEC, -ENOMEM.
 */
int elf_functions_read(int fd, enum elf_parts parts, struct symbol_table *t);

/** The same for an image in memory. */
int elf_image_functions_read(
	const void *image, size_t size, enum elf_parts parts, struct symbol_table *t);

/**
 * The linked address at the begin of a mapping of @bytes of the file from @offset on, which is
 * executable. Kernels map whole pages: @offset may lie before the segment that is meant, in the end
 * of another one. 0 or -ENOENT (no segment lies in it).
 */
int elf_mapping_to_address(
	const struct elf_file *file, uint64_t offset, uint64_t bytes, uint64_t *ret);

/** The file offset of linked address @address. 0 or -ENOENT (in no segment, or not in the file). */
int elf_address_to_offset(const struct elf_file *file, uint64_t address, uint64_t *ret);
