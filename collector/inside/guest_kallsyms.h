/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The table of symbols that a Linux kernel carries, read out of a guest's memory. */

#include "collector/inside/guest_memory.h"

/**
 * Find the table in the kernel that the address space @cr3 maps (0: not known; the
 * kernel is then where one without address randomisation is loaded), and write it to the new file
 * @path in the form of /proc/kallsyms. -ENODATA: no table, or one that is not understood; -EEXIST,
 * -ENOMEM ..., with a message.
 */
int guest_kallsyms_write(
	const struct guest_memory *m, uint64_t cr3, const char *path, struct error *error);
