/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Unwind tables of code that a process makes while it runs, where it tells debuggers of it by GDB's
 * JIT interface ("JIT Compilation Interface" in GDB's manual): QEMU of its translated blocks, LLVM of
 * what it compiles. Read out of the process's memory, which is untrusted.
 */

#include <sys/types.h>

#include "collector/unwind/unwind_table.h"

/** Code of one ELF image. Its table's addresses are those of the process. */
struct unwind_jit_image {
	uint64_t begin;
	uint64_t end;
	struct unwind_table table;
};

/**
 * The linked address of the interface's variable in the ELF file @fd. -ENOENT: it has none, as most
 * programs and libraries; -ENOEXEC.
 */
int unwind_jit_find(int fd, uint64_t *ret);

/**
 * All images that process @pid tells of now, by its variable at @address (of its memory). Images
 * without a table are left out. 0 with an array, malloced, which unwind_jit_done() releases; -ESRCH
 * (the process is gone), -EACCES, -ENOMEM, with a message.
 */
int unwind_jit_read(pid_t pid, uint64_t address, struct unwind_jit_image **ret, size_t *ret_n,
	struct error *error);

void unwind_jit_done(struct unwind_jit_image *images, size_t n);
