/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What a shadow call stack has to know of an instruction of x86-64. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/counts/shadow_stack.h"

#define SHADOW_CODE_MAX 15 /* bytes of an instruction */

struct shadow_code {
	enum shadow_end how; /* if it is the last of its block */
	bool is_call, sets_rsp, sets_slot;
	uint64_t target;
};

/** Of the instruction of @n bytes that ends before the address @next. */
struct shadow_code shadow_code_of(const unsigned char *bytes, size_t n, uint64_t next);
