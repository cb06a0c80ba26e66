/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Is what was read as a vCPU's registers what it seems? Where QEMU keeps them differs by its
 * version, so it is held against what is known otherwise: the address that generated code uses, and
 * the guest's own page tables.
 */

#include <stdint.h>

#include "common/error.h"
#include "probes/records.h"

/** Samples of vCPUs under emulation that have frames of the guest. */
struct guest_check {
	uint64_t user;         /**< that hit QEMU in user mode, where RBP is known */
	uint64_t at_env;       /**< of these: RBP was the address that was read */
	uint64_t paged;        /**< taken while the guest translated addresses */
	uint64_t text_mapped;  /**< of these: RIP is an address of code */
	uint64_t stack_mapped; /**< of these: RSP is an address of memory */
};

void guest_check_add(struct guest_check *c, const struct record_sample *s);

/** 0 if there is nothing against them; else -EBADMSG with the user's sentence. */
int guest_check_judge(const struct guest_check *c, struct error *error);
