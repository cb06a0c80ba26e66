/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Frame pointers of Go's functions, and where its runtime changes from a goroutine's stack to the system's. */

#include "collector/unwind/unwind_text.h"

/** Does @elf have Go's runtime in it? */
bool unwind_go_is(Elf *elf);

/** @rule is one of a function of Go's: add what Go's call frame information leaves out, the caller's RBP. */
void unwind_go_add_rbp(struct unwind_rule *rule);

/** Add what is found of it in @bytes, code at @address, to @t's known code. */
void unwind_go_find(struct unwind_text *t, uint64_t address, const uint8_t *bytes, size_t n);
