/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Fields of CSV files: RFC 4180 with "\n"; what is not known is empty. */

#include <stdint.h>
#include <stdio.h>

/** A text, quoted where it must be. NULL: empty. */
void csv_text(FILE *out, const char *text);

/** ",seconds" with nanosecond digits; NAN or infinite: empty. */
void csv_seconds(FILE *out, double ns);

/** ",value"; NAN or infinite: empty. */
void csv_real(FILE *out, double value);

/** ",value"; STORE_NULL: empty. */
void csv_number(FILE *out, int64_t value);
