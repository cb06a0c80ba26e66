/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** Write @bytes of @data in base 64 (RFC 4648). */
void base64_put(FILE *out, const uint8_t *data, size_t bytes);
