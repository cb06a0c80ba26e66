/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workload/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "workload/digits.h"

/* "guestscope ", the checksum and what is around them: see marker.h. */
#define FRAME_BYTES 32
/* The longest task: three numbers. */
#define TASK_MAX (3UL * DIGITS_MAX)

/* Signed numbers as unsigned ones, small ones small: 0, -1, 1, -2, 2 ... */
static uint64_t fold(int64_t i)
{
	return i >= 0 ? 2 * (uint64_t)i : 2 * -(uint64_t)i - 1;
}

static int64_t unfold(uint64_t z)
{
	return z & 1 ? -(int64_t)(z / 2) - 1 : (int64_t)(z / 2);
}

size_t row_report_encode(
	char ret_body[MARKER_LINE_MAX], uint32_t worker, const struct row_report *rows, size_t n)
{
	char data[MARKER_LINE_MAX], *to = data;
	uint64_t base, last_us = 0;
	int64_t expected = 0;
	size_t done, room;

	ret_body[0] = '\0';
	if (n == 0)
		return 0;
	base = rows[0].start_ns;
	/* Room for the rest of the line at its longest: three numbers in decimal. */
	room = MARKER_LINE_MAX - FRAME_BYTES - sizeof("rows worker= t= n= data=") - 10 - 20 - 20;
	for (done = 0; done < n && (size_t)(to - data) + TASK_MAX <= room; done++) {
		uint64_t start_us = (rows[done].start_ns - base) / 1000;
		uint64_t end_us = (rows[done].end_ns - base) / 1000;
		int64_t gap = (int64_t)(start_us - last_us);

		to = digits_put(to, 2 * fold((int64_t)rows[done].task - expected) + (gap != 0));
		if (gap)
			to = digits_put(to, fold(gap));
		to = digits_put(to, end_us - start_us);
		expected = (int64_t)rows[done].task + 1;
		last_us = end_us;
	}
	snprintf(ret_body, MARKER_LINE_MAX, "rows worker=%" PRIu32 " t=%" PRIu64 " n=%zu data=%.*s",
		worker, base, done, (int)(to - data), data);
	return done;
}

/** Where the reader of a line stands. */
struct reader {
	const char *text;
	int64_t base_ns, max_us; /* no time after base + max_us is believed: sums cannot overflow */
	int64_t clock_us;        /* end of the row before */
	int64_t expected;        /* its number plus 1 */
};

static int get_row(struct reader *in, struct row_report *ret)
{
	uint64_t step, gap = 0, duration;
	int64_t task, start_us;

	if (digits_get(&in->text, &step) < 0 || ((step & 1) && digits_get(&in->text, &gap) < 0) ||
		digits_get(&in->text, &duration) < 0)
		return -EBADMSG;

	/* All numbers have at most 63 bits and unfold to 62: these sums fit. */
	task = in->expected + unfold(step >> 1);
	start_us = in->clock_us + unfold(gap);
	if (task < 0 || task > UINT32_MAX || start_us < 0 || start_us > in->max_us ||
		duration > (uint64_t)(in->max_us - start_us))
		return -EBADMSG;

	in->clock_us = start_us + (int64_t)duration;
	in->expected = task + 1;
	ret->task = (uint32_t)task;
	ret->start_ns = (uint64_t)(in->base_ns + start_us * 1000);
	ret->end_ns = (uint64_t)(in->base_ns + in->clock_us * 1000);
	return 0;
}

int row_report_decode(
	const struct marker *m, uint32_t *ret_worker, struct row_report *ret_rows, size_t *ret_n)
{
	struct reader in = {.text = marker_get(m, "data")};
	uint64_t worker, base, n;

	if (strcmp(m->kind, "rows") != 0 || !in.text)
		return -ENODATA;
	if (marker_get_u64(m, "worker", &worker) < 0 || marker_get_u64(m, "t", &base) < 0 ||
		marker_get_u64(m, "n", &n) < 0)
		return -ENODATA;
	if (worker > ROW_REPORT_WORKER_MAX || base > INT64_MAX || n > ROW_REPORT_MAX)
		return -EBADMSG;
	in.base_ns = (int64_t)base;
	in.max_us = (INT64_MAX - in.base_ns) / 1000;
	for (uint64_t i = 0; i < n; i++)
		if (get_row(&in, &ret_rows[i]) < 0)
			return -EBADMSG;
	if (*in.text)
		return -EBADMSG;
	*ret_worker = (uint32_t)worker;
	*ret_n = n;
	return 0;
}
