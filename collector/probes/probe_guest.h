/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Where the guest of a virtual machine keeps what its call stacks are found by. */

#include <stddef.h>

#include "collector/probes/probe_set.h"
#include "probes/records.h"

/**
 * Where in the stack's process the guest's memory is: @n (at most GUEST_RAM_BLOCKS) blocks. Stacks
 * of the guest are taken from then on.
 */
void probe_set_guest_ram(struct probe_set *p, const struct guest_ram_block *blocks, size_t n);

/** Where the guest's page tables are, for processors whose CR3 cannot be read. */
void probe_set_guest_root(struct probe_set *p, const struct guest_root *root);

/**
 * With GUEST_TCG: QEMU's object of a vCPU, GUEST_OBJECT_BYTES of it, as it was before its first
 * instruction. NULL until it came to that, and where the boot is not watched.
 */
const void *probe_set_guest_object(const struct probe_set *p);

/** With GUEST_TCG: where a vCPU's registers are. No stacks of the guest are taken before. */
void probe_set_guest_layout(struct probe_set *p, const struct guest_tcg_layout *layout);

/** Where the guest's CPUs have their run queues, in order. Samples look at them from then on. */
void probe_set_guest_queues(struct probe_set *p, const struct guest_queue_place *places, size_t n);

/** Time that lane @lane had no CPU of the host's, and so often, while threads of the guest waited for it, by phase. */
void probe_set_guest_stuck(const struct probe_set *p, unsigned lane,
	uint64_t ret_ns[static PROBE_PHASES_MAX], uint64_t ret_count[static PROBE_PHASES_MAX]);

/** Where a guest's kernel has its tasks. Samples tell Linux's processes, and OSv's threads, by name from then on. */
void probe_set_guest_tasks(struct probe_set *p, const struct guest_task_layout *layout);
