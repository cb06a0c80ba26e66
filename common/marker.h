/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Marker lines: how a program inside a stack tells the host what it does.
 *
 * A marker is one line on standard output that nothing else can be mistaken for:
 *
 *	RS "guestscope " KIND { " " KEY "=" VALUE } " ;" CRC "\n"
 *
 * RS is the ASCII record separator (0x1e), KIND and KEY are [a-z][a-z0-9_-]*, VALUE has no control
 * character (it may have spaces: a word that does not begin with KEY= continues it), CRC is the
 *CRC-32 (ISO-HDLC, as zlib's crc32()) of the bytes from "guestscope" up to, not including, " ;", as
 *eight lower-case hex digits. The whole line has at most MARKER_LINE_MAX bytes. A reader looks for
 *RS anywhere in a stream, drops carriage returns (a guest's terminal adds them), and believes a
 *line only if its CRC is right: guest output is untrusted, and a console may lose or mix bytes.
 *
 * Kinds that guestscope's own workload writes, in this order; t is the guest's CLOCK_MONOTONIC in
 * ns:
 *
 *	maps base=HEX ...		where the program was loaded, for symbols
 *	phase name=setup t=N		a phase begins and the one before it ends; the first ends
 *	phase name=render t=N		the boot. Names are free, in UTF-8; these are mandelbrot's
 *	phase name=encode t=N
 *	end t=N status=0 runtime=N	the last phase ends; runtime: ns since the first began
 *	worker id=0 cpu=3 busy=N tasks=N steals=N parks=N
 *					one for each worker
 *	rows worker=0 t=N data=...	what each task did (see workload/report.h)
 *	raster sha256=HEX		where asked for
 *	metric name=NAME value=N better=higher|lower
 *					a number that the program found; kept as --metric's are
 *	result sha256=HEX		of what kernels computed
 *	bye				nothing follows
 *
 * Of a program that writes none, our own programs in a guest say so in its place:
 *
 *	phase name=run by=init t=N	it is about to be executed
 *	end by=init status=0 t=N runtime=N	it has ended; a signal N is status 128 + N
 */

#include <stddef.h>
#include <stdint.h>

#define MARKER_LINE_MAX   1024
#define MARKER_FIELDS_MAX 16
#define MARKER_RS         '\x1e'

struct marker_field {
	const char *key;
	const char *value;
};

struct marker {
	const char *kind;
	size_t n_fields;
	struct marker_field fields[MARKER_FIELDS_MAX];
	char text[MARKER_LINE_MAX + 1]; /**< what the pointers above point into */
};

/**
 * Make a marker line. @body is "KIND key=value ..." and is not checked.
 * Returns its length in bytes, newline included (no NUL counted), or -ENOBUFS.
 */
int marker_format(char *ret_line, size_t size, const char *body);

/**
 * Parse one line (from RS to before the newline; a trailing '\r' is ignored).
 * Returns 0, -EBADMSG if it is no valid marker (form or CRC), -E2BIG if it has too many fields.
 */
int marker_parse(const char *line, size_t length, struct marker *ret);

/** The value of @key, or NULL. */
const char *marker_get(const struct marker *m, const char *key);

/** The value of @key as an unsigned decimal number. 0, -ENODATA (no such key) or -EINVAL. */
int marker_get_u64(const struct marker *m, const char *key, uint64_t *ret);

/**
 * Finds marker lines in a stream of bytes that comes in pieces.
 * Call marker_stream_push() with each piece; it calls @found for every valid marker. Lines that
 * begin like a marker and are not valid are counted in @garbled.
 */
struct marker_stream {
	size_t used;      /**< bytes of an unfinished line; 0 = looking for RS */
	uint64_t garbled; /**< lines with RS that were not valid */
	char line[MARKER_LINE_MAX];
};

typedef void (*marker_found_t)(const struct marker *m, void *userdata);

void marker_stream_push(struct marker_stream *s, const char *data, size_t length,
	marker_found_t found, void *userdata);
