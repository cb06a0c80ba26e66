/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The vDSO of a Linux guest: code that its kernel lends to each program, at another address in each.
 * There is no file of it, so it is copied out of the guest's memory.
 */

#include <stdint.h>

#include "collector/inside/guest_memory.h"

/**
 * Look for it in the address space @cr3, and write it to the file @path, unless that is there already.
 * *ret_bias: it lies at its linked addresses + that. 0, -ENOENT (none is seen), -ENOMEM, or what
 * writing says.
 */
int guest_vdso_find(
	const struct guest_memory *m, uint64_t cr3, const char *path, uint64_t *ret_bias);
