/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Tables that were made before, in files named by the module's build-id, below
 * $XDG_CACHE_HOME/guestscope (else ~/.cache/guestscope). What is read back is as untrusted as any file:
 * a broken one is as none.
 */

#include <stddef.h>
#include <stdint.h>

#include "collector/unwind/unwind_table.h"

/** -ENOENT: none, or none that can be used; -ENOMEM. */
int unwind_cache_get(const uint8_t *build_id, size_t bytes, struct unwind_table *ret);

/** The same of the open file @fd alone. */
int unwind_cache_read(int fd, const uint8_t *build_id, size_t bytes, struct unwind_table *ret);

/** Keep it, if that is possible: who cannot write there makes it again the next time. */
void unwind_cache_put(const uint8_t *build_id, size_t bytes, const struct unwind_table *t);
