/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A console: bytes that come in pieces (the first byte tells of what size), markers among them, and
 * what rows they report. */

#include <stdlib.h>
#include <string.h>

#include "common/marker.h"
#include "tests/fuzz/fuzz.h"
#include "workload/distribution.h"
#include "workload/report.h"
#include "workload/series.h"

static void read_distribution(const struct marker *m)
{
	static uint64_t buckets[DISTRIBUTION_BUCKETS];
	struct distribution_value largest[DISTRIBUTION_LARGEST];
	struct distribution_head head;
	uint64_t counted, sum = 0;
	size_t n;

	if (distribution_decode_head(m, &head) == 0 && head.min > head.max)
		abort();
	if (distribution_decode_largest(m, largest, &n) == 0 && n > DISTRIBUTION_LARGEST)
		abort();
	memset(buckets, 0, sizeof(buckets));
	if (distribution_decode_buckets(m, buckets, &counted) < 0)
		return;
	for (size_t i = 0; i < DISTRIBUTION_BUCKETS; i++)
		sum += buckets[i];
	if (sum != counted)
		abort();
}

static void read_series(const struct marker *m)
{
	uint32_t values[7];
	struct series_head head;
	size_t from, n;

	if (series_decode_head(m, &head) == 0 && (head.n > SERIES_MAX || !head.step_ns))
		abort();
	if (series_decode_values(m, values, 7, &from, &n) == 0 && from + n > 7)
		abort();
}

static void on_marker(const struct marker *m, void *userdata)
{
	static struct row_report rows[ROW_REPORT_MAX];
	uint32_t worker;
	uint64_t t;
	size_t n;

	(void)userdata;
	marker_get_u64(m, "t", &t);
	read_distribution(m);
	read_series(m);
	if (row_report_decode(m, &worker, rows, &n) < 0)
		return;
	if (n > ROW_REPORT_MAX || worker > ROW_REPORT_WORKER_MAX)
		abort();
	for (size_t i = 0; i < n; i++)
		if (rows[i].end_ns < rows[i].start_ns)
			abort();
}

/* A fuzzer hardly ever guesses a checksum: the same bytes again, as the body of a marker. */
static void push_as_body(const char *bytes, size_t size)
{
	char body[MARKER_LINE_MAX], line[MARKER_LINE_MAX + 1];
	struct marker_stream stream = {0};
	int n;

	if (size >= sizeof(body))
		return;
	memcpy(body, bytes, size);
	body[size] = '\0';
	n = marker_format(line, sizeof(line), body);
	if (n > 0)
		marker_stream_push(&stream, line, (size_t)n, on_marker, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct marker_stream stream = {0};
	const char *bytes = (const char *)data + 1;
	size_t piece, left = size - 1;

	if (size < 1)
		return 0;
	push_as_body(bytes, left);
	piece = data[0] ? data[0] : size;
	while (left > 0) {
		size_t n = left < piece ? left : piece;

		marker_stream_push(&stream, bytes, n, on_marker, NULL);
		bytes += n;
		left -= n;
	}
	return 0;
}
