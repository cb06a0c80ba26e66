/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * What a lookup says of an address, once it is known where that is: the function of a table, or what
 * stands for one. The functions fill @ret; 0 or -ENOMEM.
 */

#include <stdint.h>

#include "collector/symbols/symbols_internal.h"

/** Only @module ("": not even that) is known, and the address in it: "module+0xOFFSET". */
int symbol_set_unresolved(
	struct symbols *s, const char *module, uint64_t offset, struct symbol *ret);

/** The number would say nothing to anyone: @label. */
int symbol_set_label(struct symbols *s, const char *module, const char *label, struct symbol *ret);

/** From @table (NULL: there is none), in which the address is @address. */
int symbol_set_from_table(struct symbols *s, struct symbol_table *table, const char *module,
	uint64_t address, struct symbol *ret);

/** From a kernel's list of symbols. */
int symbol_set_from_kallsyms(
	struct symbols *s, struct kallsyms *k, uint64_t address, struct symbol *ret);
