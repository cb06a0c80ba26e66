/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * A distribution of many values in little memory, and as marker lines: made by the workload, read
 * by the host.
 *
 * Counts are kept by value in buckets whose width grows with the value, as in HdrHistogram (Gil
 * Tene): values below 256 have one each; above, each power of two is cut into 128. So a value is
 * known to less than 0.8 %. Count, sum, minimum and maximum are exact, and the largest values are
 * kept with their instants.
 *
 *	distribution kernel=NAME worker=K n=N sum=N min=N max=N time=NS [lost=NS] [quantum=NS]
 *			[threshold=NS]		one for each worker, followed by
 *	buckets kernel=NAME worker=K data=DIGITS	counts, as many lines as it takes
 *	largest kernel=NAME worker=K t=NS data=DIGITS	the largest values
 *
 * DIGITS are numbers as in digits.h. In `buckets` there are two for each bucket that is not empty:
 * its index minus that of the one before in the line minus 1 (the first: its index), and its count.
 * In `largest` two for each value: the value, and its instant minus t (guest CLOCK_MONOTONIC). A
 * line of buckets needs no other to be understood; that all came is seen by n.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/marker.h"

#define DISTRIBUTION_BUCKETS 7424
#define DISTRIBUTION_LARGEST 16
#define DISTRIBUTION_NAME    32 /**< of a kernel, with its NUL */

/** Digits in a marker line: beside them are "guestscope ", the checksum and what is around them; kind,
 * kernel, worker, t and their keys. */
#define DISTRIBUTION_DATA_MAX (MARKER_LINE_MAX - 160)

struct distribution_value {
	uint64_t value;
	uint64_t at_ns; /**< when it was over */
};

struct distribution {
	uint64_t n, sum, min, max;
	size_t n_largest;
	struct distribution_value largest[DISTRIBUTION_LARGEST]; /**< the largest first */
	uint64_t buckets[DISTRIBUTION_BUCKETS];
};

/** Which bucket @value is in. */
size_t distribution_bucket(uint64_t value);

/** The least and the greatest value of a bucket. */
uint64_t distribution_low(size_t bucket);
uint64_t distribution_high(size_t bucket);

/** Count @value, which was over at @at_ns. @d begins as zeros. */
void distribution_add(struct distribution *d, uint64_t value, uint64_t at_ns);

/**
 * The value that at least a share @q (0 to 1) of the @n counted values do not exceed: the one of
 * rank ceil(q n), rounded up to the end of its bucket but not beyond @max. 0 where n is 0.
 */
uint64_t distribution_quantile(const uint64_t *buckets, uint64_t n, uint64_t max, double q);

/** Is it a kernel's name: of lower-case letters, digits and '-', and not too long? */
bool distribution_kernel_is_good(const char *kernel);

/** What is said of a distribution beside its values. */
struct distribution_head {
	char kernel[DISTRIBUTION_NAME];
	uint64_t worker, n, sum, min, max;
	uint64_t time_ns;      /**< how long it was measured */
	uint64_t lost_ns;      /**< of that, what noise took; DISTRIBUTION_NONE: cannot be said */
	uint64_t quantum_ns;   /**< of fixed quanta; 0: none */
	uint64_t threshold_ns; /**< above which a gap is a detour; 0: none */
};

#define DISTRIBUTION_NONE UINT64_MAX

/** The body of the marker `distribution`. */
void distribution_encode_head(char ret_body[MARKER_LINE_MAX], const struct distribution_head *h);

/**
 * The body of a marker `buckets` from bucket *@from on, which is moved on. Returns 0 if there was
 * nothing left, and ret_body is not set.
 */
int distribution_encode_buckets(char ret_body[MARKER_LINE_MAX], const struct distribution_head *h,
	const struct distribution *d, size_t *from);

/** The body of the marker `largest`; 0: there is no value. */
int distribution_encode_largest(char ret_body[MARKER_LINE_MAX], const struct distribution_head *h,
	const struct distribution *d);

/** Read them. 0; -ENODATA: another marker, or a field lacks; -EBADMSG: malformed. What is read is
 * not trusted: no number is above INT64_MAX. */
int distribution_decode_head(const struct marker *m, struct distribution_head *ret);

/** Adds to @buckets (DISTRIBUTION_BUCKETS), of which nothing is valid after -EBADMSG; *ret_n is
 * what was added. */
int distribution_decode_buckets(const struct marker *m, uint64_t *buckets, uint64_t *ret_n);

/** Writes at most DISTRIBUTION_LARGEST values. */
int distribution_decode_largest(
	const struct marker *m, struct distribution_value *ret, size_t *ret_n);
