/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Address spaces: which ELF file or list of symbols covers which addresses. Those of processes are made
 * by symbol_process.h; the others, for guests, by whoever knows what is where in them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/symbols/symbols.h"
#include "common/error.h"

/** A new address space, for a guest's kernel or program. It belongs to @s. -ENOMEM. */
int symbol_space_new(struct symbols *s, struct symbol_space **ret);

/** Take a space away before its struct symbols ends. NULL is fine. */
void symbol_space_free(struct symbol_space *space);

/**
 * Add the executable segments of the ELF file @path: linked address + @bias = address in the space.
 * @module_name is what lookups say, NULL for the file's name. Newer additions win over older ones.
 * Returns 0, -ENOENT ..., -ENOEXEC (no ELF file), -ENODATA (nothing executable), -ENOMEM, with a
 * message.
 */
int symbol_space_add_elf(struct symbol_space *space, const char *path, uint64_t bias,
	const char *module_name, struct error *error);

/**
 * Add functions from a text like /proc/kallsyms or System.map (a guest Linux kernel), each moved by
 * @bias. Used where no ELF file covers the address. Once for each space (-EEXIST). -ENODATA, -EPERM
 * (all addresses hidden), -ENOENT ..., -ENOMEM, with a message.
 */
int symbol_space_add_kallsyms(
	struct symbol_space *space, const char *path, uint64_t bias, struct error *error);

struct elf_file;

/** A piece of an address space that holds code. */
struct symbol_text {
	uint64_t start, end; /**< addresses */
	uint64_t address;    /**< linked address of start, where there is a module */
	const char *name;    /**< what lookups call the module */
	const void *module;  /**< tells modules apart; NULL: no ELF file */
	const struct elf_file *file;
	int fd; /**< of its file, which is open until its functions are looked up; negative: none */
	bool vdso;      /**< it is the kernel's, as in our own memory */
	bool anonymous; /**< code made at run time */
};

/** The space's piece @i, by address. False: it has no more. */
bool symbol_space_text(struct symbol_space *space, size_t i, struct symbol_text *ret);

/** An address of the space. 0 or -ENOMEM; whatever is not known is told by @ret. */
int symbol_space_lookup(struct symbol_space *space, uint64_t address, struct symbol *ret);

/** Does some module of the space cover @address? (To tell text from data: cut stacks.) */
bool symbol_space_covers(const struct symbol_space *space, uint64_t address);

/**
 * Find source file and line of the @n @addresses of @space, and the functions that are inlined
 * there, from DWARF, where the module or its separate debug file has it: from then on, lookups of
 * these very addresses tell them. Where functions are inlined, file and line are those of the call
 * to the first of them. To open debug information is what costs, so ask for all at once; what was
 * found before is forgotten.
 *
 * The reading is done in a child process with limits on time and memory, as debug information is
 * large and libdw is no match for a file made to break it; a file that breaks the child gives no
 * lines. Returns of how many addresses something was found, or -ENOMEM.
 */
int symbol_space_find_lines(struct symbol_space *space, const uint64_t *addresses, size_t n);
