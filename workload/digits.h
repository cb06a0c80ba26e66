/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Numbers as short text, for marker lines over slow consoles:
 *
 *	number = { more } last			5 bits each, the least significant first
 *	more   = one of ABCDEFGHIJKLMNOPQRSTUVWXYZ+/-_.:	(0 to 31; another digit follows)
 *	last   = one of 0123456789abcdefghijklmnopqrstuv	(0 to 31)
 */

#include <stdint.h>

/** The longest number: 64 bits. */
#define DIGITS_MAX 13

/** Write @number to @to, which has room for DIGITS_MAX. Returns where it ends; no NUL. */
char *digits_put(char *to, uint64_t number);

/** Read one number from *@text and move on. -EBADMSG at any other character or beyond 63 bits. */
int digits_get(const char **text, uint64_t *ret);
