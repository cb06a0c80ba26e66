/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Addresses to names. This is what all lookups share, and the kernel; address spaces are in
 * symbol_space.h, those of processes in symbol_process.h.
 *
 * A `struct symbols` holds everything that was learnt: modules (ELF files, each read once, however
 * many processes map it), the kernel's functions, and address spaces. There is a space for the
 * host's kernel, one for each process that was added, and as many as the caller makes for guests.
 *
 * Nothing is read before the first lookup needs it, but for the mappings of a process: these, and
 * the files behind them, are taken hold of when the process is added, while it lives; lookups work
 * after it has ended, and find the files of a container although their names mean nothing outside.
 * A lookup may ask debuginfod servers (debug_server.h): none while something is measured.
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

struct debug_servers;
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

/** Forget all processes, so that their numbers can be used again. Names that were given stay valid. */
void symbols_forget_processes(struct symbols *s);

/** Where separate debug files are looked for; default /usr/lib/debug. -ENOMEM. */
int symbols_set_debug_dir(struct symbols *s, const char *path);

/** Who is asked for debug files that are not there, by lookups. */
struct debug_servers *symbols_servers(struct symbols *s);

/**
 * Can kernel addresses be resolved? Reads /proc/kallsyms. 0, or -EPERM with a message that says how
 * to fix it (kernel.kptr_restrict), -ENOENT, -ENODATA.
 */
int symbols_kernel_status(struct symbols *s, struct error *error);

/** An address of the host's kernel. 0 or -ENOMEM; whatever is not known is told by @ret. */
int symbols_lookup_kernel(struct symbols *s, uint64_t address, struct symbol *ret);
