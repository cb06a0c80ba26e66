/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Where the guest's page tables are, by a symbol of its kernel: for processors whose CR3 cannot be
 * read from outside.
 */

#include "guests/inside.h"
#include "probes/records.h"

/**
 * Look for the symbol @wanted in the file @path: an ELF file, or a text like System.map. 0, -ENOENT
 * (no such symbol, or no such file), -errno.
 */
int guest_root_find(
	const char *path, const struct guest_root_symbol *wanted, struct guest_root *ret);
