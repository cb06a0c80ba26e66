/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Marker lines (common/marker.h) on standard output, and the clock that they carry. */

#include <stdint.h>

/** CLOCK_MONOTONIC in ns. */
uint64_t emit_now_ns(void);

/**
 * Write one marker with the body "KIND key=value ..." at once, by one write(2), so that lines of
 * several writers do not mix. 0, -ENOBUFS (too long) or the negative errno of write.
 */
int emit_marker(const char *format, ...) __attribute__((format(printf, 1, 2)));
