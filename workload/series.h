/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Values in order of time, as marker lines: made by the workload, read by the host.
 *
 *	series kernel=NAME worker=K t=NS step=NS n=N total=N [tick=NS]	one for each worker, followed by
 *	values kernel=NAME worker=K from=I data=DIGITS	as many lines as it takes
 *
 * Value I began at t + I * step (guest CLOCK_MONOTONIC). Of @total values the first n are reported. DIGITS
 * are numbers as in digits.h, one for each value from the I-th on. tick: how long it is from one timer tick of
 * the kernel below the program to the next.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/marker.h"
#include "workload/distribution.h"

/** Values of a worker that are reported at most: a minute of quanta of a millisecond. */
#define SERIES_MAX 65536

struct series_head {
	char kernel[DISTRIBUTION_NAME];
	uint64_t worker;
	uint64_t begin_ns, step_ns;
	uint64_t n, total;
	uint64_t tick_ns; /**< 0: not known */
};

/** The body of the marker `series`. */
void series_encode_head(char ret_body[MARKER_LINE_MAX], const struct series_head *h);

/** The body of a marker `values`, from value *@from on, which is moved on. Returns 0 if there was
 * nothing left, and ret_body is not set. */
int series_encode_values(char ret_body[MARKER_LINE_MAX], const struct series_head *h,
	const uint32_t *values, size_t *from);

/** Read them. 0; -ENODATA: another marker, or a field lacks; -EBADMSG: malformed. What is read is not
 * trusted: n is at most SERIES_MAX and total, step not 0, no number above INT64_MAX, no instant either. */
int series_decode_head(const struct marker *m, struct series_head *ret);

/** Writes into @values, which has room for @n; *ret_n is how many there were, from *ret_from on. Of
 * @values nothing is valid after -EBADMSG. */
int series_decode_values(
	const struct marker *m, uint32_t *values, size_t n, size_t *ret_from, size_t *ret_n);
