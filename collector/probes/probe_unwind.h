/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The unwind tables of the eBPF programs (probes/unwind.h), from user space. What was written once
 * stays as it is; a space gets new mappings as a whole, so that a walk sees the old or the new ones.
 */

#include <stddef.h>
#include <stdint.h>

#include "collector/probes/probe_set.h"
#include "probes/unwind.h"

/** Rules from number @first on. -ENOSPC. */
int probe_set_unwind_rules(
	struct probe_set *p, uint32_t first, const struct unwind_rule *rules, size_t n);

/** Rows of a table. *ret_first: where they are. -ENOSPC. */
int probe_set_unwind_rows(
	struct probe_set *p, const struct unwind_row *rows, size_t n, uint32_t *ret_first);

/** Space @key (UNWIND_KEY_*) has these mappings, which are sorted. -ENOSPC, -E2BIG. */
int probe_set_unwind_space(
	struct probe_set *p, uint64_t key, const struct unwind_mapping *mappings, size_t n);
