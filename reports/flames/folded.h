/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Folded stacks: one line "thread;outermost;...;leaf value" for each stack that was seen, the
 * format that the usual flame graph tools read. The value is nanoseconds (sampled time on the CPU,
 * or measured time off it), so that lines add up exactly to what the store holds.
 */

#include <stdio.h>

#include "reports/flames/stack_tree.h"

/** Write @tree, in drawing order. A ';' within a name becomes ':'. 0, -EIO or -ENOMEM. */
int folded_write(const struct stack_tree *tree, FILE *out);
