/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Where a QEMU that runs already has its guest's memory, by its own word: the flat view of the machine's
 * address space, which QEMU itself executes by, read from its memory. So machine types, NUMA nodes, kinds
 * of backends and modules that were plugged in make no difference. QEMU's global variable
 * address_space_memory has to be among its symbols, as it is in every build with modules. Around it nothing
 * is taken for granted that is not checked: the ranges have to be in order, and each block of memory has
 * to name the region that it was found by.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"
#include "guests/inside.h"

struct guest_layout;

/** Find the map of the QEMU @pid. -ENOENT (its symbols do not tell), -EACCES, -ESRCH ... with a message. */
int guest_layout_open(pid_t pid, struct guest_layout **ret, struct error *error);

/**
 * The largest ranges, in order of their addresses, with the places that QEMU has them at; offsets are
 * those in a memory of *ret_bytes without holes. *ret_left: bytes of others. -EBADMSG (what is
 * found there is no such thing), -EIO ... with a message.
 */
int guest_layout_read(struct guest_layout *l, struct guest_range ret[static GUEST_RANGES_MAX],
	size_t *ret_n, uint64_t *ret_bytes, uint64_t *ret_left, struct error *error);

/** Has QEMU another map than at the last reading? It makes a new one for each change. One word of its memory is read. */
bool guest_layout_changed(const struct guest_layout *l);

/** NULL is fine. */
void guest_layout_close(struct guest_layout *l);
