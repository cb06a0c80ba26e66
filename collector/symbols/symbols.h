/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Addresses to names.
 *
 * A `struct symbols` holds everything that was learnt: modules (ELF files, each read once, however
 * many processes map it), the kernel's functions, and address spaces. There is a space for the
 * host's kernel, one for each process that was added, and as many as the caller makes for guests.
 *
 * Nothing is read before the first lookup needs it, but for the mappings of a process: these, and
 * the files behind them, are taken hold of when the process is added, while it lives; lookups work
 * after it has ended, and find the files of a container although their names mean nothing outside.
 *
 * Return addresses should be looked up at address - 1, so that a call at the very end of a function
 * is not taken for the next one.
 *
 * Not for use from several threads at once.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"

struct symbols;
struct symbol_space;

/** A function that the compiler put into another one, there at the address. */
struct symbol_inlined {
	const char *name;
	const char *file; /**< where it was when it called the next, or was hit; NULL: not known */
	unsigned line;
};

/**
 * What an address is. The texts belong to the struct symbols and live as long as it; equal texts
 * have equal pointers.
 */
struct symbol {
	const char *
		module; /**< file name of the ELF, "[kernel]", "[kvm]", "[vdso]", "[anon]", or "" */
	const char *name; /**< function; "module+0xOFFSET" where it has none that is known */
	uint64_t offset;  /**< from the start of the function */
	bool resolved;    /**< name is a function's */
	const char *file; /**< source file; NULL: not known, or not asked for */
	unsigned line;    /**< 0: not known */
	const struct symbol_inlined
		*inlined;   /**< the functions put into this one, outermost first */
	unsigned n_inlined; /**< 0: none, or not asked for */
};

/**
 * -ENOMEM. One is enough for all runs of an experiment: forget the processes of a run when its
 * names have been taken, and the files and the kernel need not be read again.
 */
int symbols_new(struct symbols **ret, struct error *error);
void symbols_free(struct symbols *s);

/** Where separate debug files are looked for; default /usr/lib/debug. -ENOMEM. */
int symbols_set_debug_dir(struct symbols *s, const char *path);

/**
 * Can kernel addresses be resolved? Reads /proc/kallsyms. 0, or -EPERM with a message that says how
 * to fix it (kernel.kptr_restrict), -ENOENT, -ENODATA.
 */
int symbols_kernel_status(struct symbols *s, struct error *error);

/** An address of the host's kernel. 0 or -ENOMEM; whatever is not known is told by @ret. */
int symbols_lookup_kernel(struct symbols *s, uint64_t address, struct symbol *ret);

/**
 * Take the executable mappings of process @pid as they are now. May be called again, when the
 * process has loaded more or has called exec: new mappings win over old ones at the same place.
 * 0, -ESRCH (it has ended; what was known before stays), -EACCES, -ENOMEM.
 */
int symbols_process_add_maps(struct symbols *s, pid_t pid);

/** Forget process @pid, so that the number can be used again. Names that were given stay valid. */
void symbols_process_forget(struct symbols *s, pid_t pid);

/** Forget all processes. */
void symbols_forget_processes(struct symbols *s);

/**
 * Process @to, of which nothing is known and which may be gone, has the mappings of @from, of which
 * it is a copy. -ESRCH (nothing is known of @from), -EEXIST, -ENOMEM.
 */
int symbols_process_copy(struct symbols *s, pid_t from, pid_t to);

/** A user address of process @pid. 0 or -ENOMEM; whatever is not known is told by @ret. */
int symbols_lookup_user(struct symbols *s, pid_t pid, uint64_t address, struct symbol *ret);

/**
 * Write the name of the function at @address of process @pid, cut to @size - 1 bytes; for what is
 * not known as in struct symbol, "" if out of memory.
 */
void symbols_function(struct symbols *s, pid_t pid, uint64_t address, char *ret_name, size_t size);

/** Is @address in memory without a file that process @pid could execute: code made at run time? */
bool symbols_is_generated(const struct symbols *s, pid_t pid, uint64_t address);

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

/** An address of the space. 0 or -ENOMEM; whatever is not known is told by @ret. */
int symbol_space_lookup(struct symbol_space *space, uint64_t address, struct symbol *ret);

/** Does some module of the space cover @address? (To tell text from data: cut stacks.) */
bool symbol_space_covers(const struct symbol_space *space, uint64_t address);

/** The space of process @pid, or NULL if it was never added. */
struct symbol_space *symbols_process_space(struct symbols *s, pid_t pid);

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
