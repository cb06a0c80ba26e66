/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Numbers in base 128, the low digit first; all digits but the last have their high bit set (LEB128). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Bytes of the longest. */
#define LEB128_MAX 10

/** Write @n. Returns its bytes. */
static inline size_t leb128_put(uint8_t *at, uint64_t n)
{
	size_t bytes = 0;

	for (; n >= 0x80; n >>= 7)
		at[bytes++] = (uint8_t)(n | 0x80);
	at[bytes++] = (uint8_t)n;
	return bytes;
}

/** Read one from *@at, of which *@left bytes are left, and move on. False: there is none, or it is larger
 * than 64 bits. */
static inline bool leb128_get(const uint8_t **at, size_t *left, uint64_t *ret)
{
	uint64_t n = 0;

	for (unsigned shift = 0; *left && shift < 64; shift += 7) {
		uint8_t byte = *(*at)++;

		(*left)--;
		if (shift == 63 && byte > 1)
			return false;
		n |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		*ret = n;
		return true;
	}
	return false;
}
