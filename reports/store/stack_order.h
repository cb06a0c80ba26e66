/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The frames of a stack in the order in which they are shown. The store has those of the host first,
 * and on them those of the guest that the host works for. Readers ask what the guest's code causes:
 * for them the guest's frames come first, and on them what the hypervisor does for the guest.
 */

#include <stddef.h>

#include "reports/store/store_reader.h"

/** Deeper stacks are cut there (and a damaged store's circle of parents ends). */
#define STACK_DEPTH_MAX 512

/** What a frame of the side "boundary" is called above which the host works for the guest. */
#define STACK_HYPERVISOR "[hypervisor]"

/**
 * The frames of stack @id, or of STORE_NULL, in the store's order, the innermost first. Returns how
 * many: at least one.
 */
size_t stack_order_frames(const struct store_stacks *stacks, int64_t id,
	const struct store_frame *ret[static STACK_DEPTH_MAX]);

/** "guest" or "host". -EINVAL. */
int stack_order_parse(const char *word, enum stack_order *ret);
