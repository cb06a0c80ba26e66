/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The end of a program by its stack's own word (guest_ops.end_words), in place of a marker. */

#include "collector/run/run_internal.h"

/** Output of the stack. Where it has that word, of a program of the user's own, the run ends as by the
 * marker "end". */
void run_end_words(struct run *run, const char *data, size_t n);
