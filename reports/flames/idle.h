/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Call stacks of threads that have nothing to do. Off the CPU they are most of a virtual machine's time, and say nothing:
 * helpers stand under IDLE_HELPERS, a halted vCPU's stack is IDLE_VCPU alone.
 */

#include <stdbool.h>
#include <stddef.h>

#include "reports/flames/stack_tree.h"

#define IDLE_HELPERS "[idle helpers]"
#define IDLE_VCPU    "[halted vCPU]"

/** Does a thread beside the lanes wait for something to do? @parts: from the innermost outwards. */
bool idle_is_helper(const struct stack_frame *parts, size_t n);

/** Is that a lane's vCPU, whose guest has nothing to do? */
bool idle_is_halted(const struct stack_frame *parts, size_t n);
