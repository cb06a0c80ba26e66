/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** SHA-256 (FIPS 180-4), so that the workload needs no cryptography library in its guests. */

#include <stddef.h>
#include <stdint.h>

#define SHA256_HEX_SIZE 65

/** What comes in pieces: begin, add each, end. */
struct sha256 {
	uint32_t state[8];
	uint8_t block[64]; /**< not whole yet */
	uint64_t length;   /**< of all pieces, in bytes */
};

void sha256_begin(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t length);

/** As sha256_hex(). No more can be added. */
void sha256_end(struct sha256 *s, char ret_hex[SHA256_HEX_SIZE]);

/** The SHA-256 of @length bytes as 64 lower-case hex digits and a NUL. */
void sha256_hex(const void *data, size_t length, char ret_hex[SHA256_HEX_SIZE]);
