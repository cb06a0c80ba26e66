/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Call frame instructions (DWARF 5, 6.4.2), as far as has to be known before libdw executes them. */

#include <stdbool.h>
#include <stdint.h>

/** x86-64 has fewer (psABI, figure 3.36). */
#define UNWIND_CFA_REGISTERS 256

/**
 * Are the instructions from @at up to @end ones that a compiler for x86-64 writes? libdw makes room for all registers
 * up to the largest number that it meets: a few bytes of a damaged file would cost gigabytes.
 */
bool unwind_cfa_is_plain(const uint8_t *at, const uint8_t *end);

/** Skip a block that begins with its length. False: it ends beyond @end. */
bool unwind_cfa_skip_block(const uint8_t **at, const uint8_t *end);
