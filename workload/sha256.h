/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** SHA-256 (FIPS 180-4), so that the workload needs no cryptography library in its guests. */

#include <stddef.h>
#include <stdint.h>

#define SHA256_HEX_SIZE 65

/** The SHA-256 of @length bytes as 64 lower-case hex digits and a NUL. */
void sha256_hex(const void *data, size_t length, char ret_hex[SHA256_HEX_SIZE]);
