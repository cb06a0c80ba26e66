/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Functions of a kernel from text in the form of /proc/kallsyms or System.map:
 * "ADDRESS TYPE NAME [\t[MODULE]]", one a line.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "collector/symbols/symbol_table.h"
#include "common/intern.h"

/** What a file said. modules[group] is the module of an entry; group 0 is the kernel itself. */
struct kallsyms {
	struct symbol_table *table;
	const char **modules; /**< interned texts such as "[kernel]", "[kvm]" */
	size_t n_modules;
};

/**
 * Read @f to its end. Lines that make no sense are passed over.
 * Returns 0, -EPERM (all addresses are zero: kernel.kptr_restrict hides them), -ENODATA (no
 * function in it), -ENOMEM, -EIO. On success release with kallsyms_done().
 */
int kallsyms_read(FILE *f, struct intern *names, struct kallsyms *ret);

void kallsyms_done(struct kallsyms *k);
