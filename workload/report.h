/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * What each task (row) did, as `rows` markers: made by the workload, read by the host.
 *
 *	rows worker=K t=N n=COUNT data=DIGITS
 *
 * A line reports COUNT tasks that worker K did, in order of their start; t is the start of the
 * first of them on the guest's CLOCK_MONOTONIC in ns. A line needs no other to be understood.
 * Serial consoles are slow, so DIGITS is a sequence of numbers, most of them one to four characters
 * long:
 *
 *	data   = task { task }
 *	task   = step [ gap ] duration
 *	number = { more } last			5 bits each, the least significant first
 *	more   = one of ABCDEFGHIJKLMNOPQRSTUVWXYZ+/-_.:	(0 to 31; another digit follows)
 *	last   = one of 0123456789abcdefghijklmnopqrstuv	(0 to 31)
 *
 * step is 2·z(d) + g: d = the task's number minus (that of the one before in the line plus 1; for
 * the first: minus 0); g = 1 if gap follows. gap is z(the time from the end of the task before, or
 * from t, to the start of this one): below zero where tasks of one worker overlap (row threads).
 * duration is the time from start to end. Both in µs; starts and ends are rounded down to whole µs
 * after t, so that errors do not add up. z(i) = 2i for i >= 0 and -2i - 1 for i < 0.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/marker.h"

/** One task as reported. */
struct row_report {
	uint32_t task;
	uint64_t start_ns, end_ns; /**< guest CLOCK_MONOTONIC; exact to 1 µs */
};

/** No line can report more tasks than this (two characters each at least). */
#define ROW_REPORT_MAX (MARKER_LINE_MAX / 2)

/** A worker number above this in a line is not believed. */
#define ROW_REPORT_WORKER_MAX 65535

/**
 * Put as many of the @n rows (by start) as fit into the body of one marker, with a
 * NUL, to be handed to marker_format(). Returns how many went in (at least 1 if n > 0), the rest is
 * for the next line.
 */
size_t row_report_encode(
	char ret_body[MARKER_LINE_MAX], uint32_t worker, const struct row_report *rows, size_t n);

/**
 * Read a `rows` marker; the text is not trusted. Writes at most ROW_REPORT_MAX rows to @ret_rows
 * and sets *ret_n, *ret_worker. 0; -ENODATA: it is no `rows` marker or lacks a field; -EBADMSG: it
 * is malformed, or a number is out of range. Nothing in ret_rows is valid then.
 */
int row_report_decode(
	const struct marker *m, uint32_t *ret_worker, struct row_report *ret_rows, size_t *ret_n);
