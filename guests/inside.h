/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * What a virtual machine's stack knows of its inside, for whoever wants to name the code that runs
 * there: which files may be in the guest's memory, which kernel it is, how its memory is laid out.
 * prepare() makes it (g->inside); it belongs to the guest.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

/** An ELF file that the guest may load. */
struct guest_file {
	char *name; /**< what the guest calls it: the program's or library's file name */
	char *path; /**< on this host */
};

/** A range of guest-physical memory and where it lies in QEMU's memory backend. */
struct guest_range {
	uint64_t physical;
	uint64_t size;
	uint64_t offset;
	uint64_t host; /**< where QEMU has it, of one that ran already; 0: by its memory backend */
};

#define GUEST_RANGES_MAX 8

/** How the root of the page tables is found without CR3: by a symbol of the guest's kernel. */
struct guest_root_symbol {
	const char *name;       /**< NULL: not at all */
	const char *other_name; /**< that other builds give it, or NULL */
	uint64_t offset;        /**< its address - this = where it is in guest-physical memory */
	bool is_pointer; /**< it is a variable that has the table's address, else the table */
};

struct machine_type;

struct guest_inside {
	const char
		*subsystems; /**< name of the table of its kernel's subsystems; NULL: what kind of
				   kernel it is, its symbols have to tell */
	bool fixed;          /**< where @subsystems is NULL: Linux lies where it was linked */
	bool unplaced;       /**< how its memory is laid out is not known before QEMU runs */
	char *kernel;        /**< the file it boots, or NULL: not known */
	char *symbols;       /**< ELF or kallsyms text with the kernel's functions, or NULL */
	bool kallsyms;       /**< the kernel carries its own table of symbols in memory (Linux) */
	bool randomised; /**< the kernel may lie elsewhere in each boot (Linux without nokaslr) */
	bool one_ring;   /**< programs run in the kernel's ring and page tables (OSv) */
	struct guest_root_symbol root;
	struct guest_file *files;
	size_t n_files;
	struct guest_range ranges[GUEST_RANGES_MAX];
	size_t n_ranges;
	uint64_t ram_bytes; /**< size of the memory backend */
};

/** Can the file of --symbols be read? @path may be NULL. 0, or -ENOENT, -EACCES ... with a message.
 */
int guest_symbols_available(const char *path, struct error *error);

/**
 * A description like @like, for @kernel, the symbols @symbols (both may be NULL) and @ram_bytes of
 * memory, as the machine @type lays it out. -ENOMEM.
 */
int guest_inside_new(const struct guest_inside *like, const char *kernel, const char *symbols,
	uint64_t ram_bytes, const struct machine_type *type, struct guest_inside **ret);

/** The guest may load @program and every library it needs, but those for which @skip says so (may
 * be NULL). -ENOMEM, or what elf_needs_find() says. */
int guest_inside_add_program(struct guest_inside *inside, const char *program,
	bool (*skip)(const char *name), struct error *error);

/** NULL is fine. */
void guest_inside_free(struct guest_inside *inside);
