/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The unwind table of a Linux guest's kernel, out of the ORC that it carries in its memory: right wherever
 * the kernel lies. The guest may write anything there; see unwind_table.h.
 */

#include "collector/inside/guest_memory.h"
#include "collector/unwind/unwind_table.h"

/** Where the kernel's symbols say that its ORC is. 0: there is no such symbol. */
struct guest_orc {
	uint64_t ips;
	uint64_t ips_end;
	uint64_t entries;
	uint64_t entries_end;
};

/**
 * The table, of addresses as they are in the address space @cr3. -ENODATA: it is not there, not there yet,
 * or not understood; -ENOMEM.
 */
int guest_orc_read(const struct guest_memory *m, uint64_t cr3, const struct guest_orc *at,
	struct unwind_table *ret);
