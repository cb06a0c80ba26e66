/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The address spaces of processes of the host, from their maps in /proc. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "collector/symbols/symbol_space.h"
#include "collector/symbols/symbols.h"

/**
 * Take the executable mappings of process @pid as they are now. May be called again, when the
 * process has loaded more or has called exec: new mappings win over old ones at the same place.
 * 0, -ESRCH (it has ended; what was known before stays), -EACCES, -ENOMEM.
 */
int symbols_process_add_maps(struct symbols *s, pid_t pid);

/**
 * Process @to, of which nothing is known and which may be gone, has the mappings of @from, of which
 * it is a copy. -ESRCH (nothing is known of @from), -EEXIST, -ENOMEM.
 */
int symbols_process_copy(struct symbols *s, pid_t from, pid_t to);

/**
 * The names of files, "a, b", that were deleted or replaced while they were mapped, and that we had no right
 * to open then: nothing is known of them. Each is told once. False: there are none.
 */
bool symbols_process_take_replaced(struct symbols *s, char *ret, size_t size);

/** A user address of process @pid. 0 or -ENOMEM; whatever is not known is told by @ret. */
int symbols_lookup_user(struct symbols *s, pid_t pid, uint64_t address, struct symbol *ret);

/** The space of process @pid, or NULL if it was never added. */
struct symbol_space *symbols_process_space(struct symbols *s, pid_t pid);
