/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The samples of two configurations as one tree of two sides (stack_tree.h), in which every frame
 * that either has is a node: what is gone in one stays visible.
 *
 * *Aligned*, the program's frames are aligned in two different stacks: the host's frames that lie
 * below a virtual machine's boundary go (those that stand on the guest's stay), frames outside of the
 * outermost function of the program that both sides have go, too, and frames of the same name are one,
 * whatever module or side they are of (OSv's kernel has what a C library has elsewhere). Time in the
 * hypervisor that is for no code of the guest, as far as is known, stands beside the program, in
 * "[hypervisor]".
 */

#include "reports/flames/stack_tree.h"

/**
 * Unite two trees of one side. Build them with `merge_lanes`, or threads of different stacks do not
 * meet. -ENOMEM.
 */
int diff_tree_build(
	const struct stack_tree *const sides[TREE_SIDES], bool aligned, struct stack_tree **ret);
