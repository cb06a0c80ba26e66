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

/* What every workload says. 0, or as emit_marker(). */

/** Where the program lies: its first byte, and one of its functions. */
int emit_maps(uintptr_t base, uintptr_t text);

/** A phase begins. */
int emit_phase(const char *name, uint64_t now_ns);

/** The last phase ends, and the program will exit with @status. */
int emit_end(uint64_t now_ns, int status, uint64_t runtime_ns);
