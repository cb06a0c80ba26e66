/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of workload/report.h: rows survive the way through a marker, and hostile text does no
 * harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/common/ranges.h"
#include "workload/report.h"

/** Through marker_format() and marker_parse(), as in life. */
static void to_marker(const char *body, struct marker *ret)
{
	char line[MARKER_LINE_MAX + 1];
	int n = marker_format(line, sizeof(line), body);

	assert_true(n > 0);
	assert_int_equal(marker_parse(line, (size_t)n - 1, ret), 0);
}

static void check_round_trip(uint32_t worker, const struct row_report *rows, size_t n)
{
	static struct row_report got[ROW_REPORT_MAX];
	char body[MARKER_LINE_MAX];
	size_t at = 0;

	while (at < n) {
		size_t done = row_report_encode(body, worker, rows + at, n - at), n_got = 0;
		uint32_t who = ~worker;
		struct marker m;

		assert_between(done, 1, ROW_REPORT_MAX);
		to_marker(body, &m);
		assert_int_equal(row_report_decode(&m, &who, got, &n_got), 0);
		assert_int_equal(who, worker);
		assert_int_equal(n_got, done);
		for (size_t i = 0; i < done; i++) {
			assert_int_equal(got[i].task, rows[at + i].task);
			assert_between(rows[at + i].start_ns - got[i].start_ns, 0, 999);
			assert_between(rows[at + i].end_ns - got[i].end_ns, 0, 999);
		}
		at += done;
	}
}

static void rows_survive(void **state)
{
	enum { N = 5000 };
	struct row_report *rows = calloc(N, sizeof(*rows));

	(void)state;
	assert_non_null(rows);
	srand(3);
	for (int kind = 0; kind < 4; kind++) {
		uint64_t clock = kind == 3 ? INT64_MAX - UINT64_C(4000000000000000) : 123456789;

		for (size_t i = 0; i < N; i++) {
			rows[i].task = kind == 0 ? (uint32_t)i : (uint32_t)rand();
			rows[i].start_ns = clock;
			clock += (uint64_t)rand() % (kind == 2 ? 100000000000 : 100000);
			rows[i].end_ns = clock;
			/* Row threads of one lane overlap: kind 1. */
			clock = kind == 1 ? rows[i].start_ns + 10 : clock + (kind ? 777 : 0);
		}
		check_round_trip((uint32_t)kind * 1000, rows, N);
	}
	free(rows);
}

static void the_extremes_survive(void **state)
{
	static const struct row_report rows[] = {
		{UINT32_MAX, 5, 5},
		{0, 5, INT64_MAX - 1000},
		{UINT32_MAX, 6, INT64_MAX - 1000},
		{7, INT64_MAX - 1000, INT64_MAX - 1000},
	};
	char body[MARKER_LINE_MAX];

	(void)state;
	check_round_trip(ROW_REPORT_WORKER_MAX, rows, 4);
	assert_int_equal(row_report_encode(body, 0, rows, 0), 0);
}

static void lines_are_well_filled(void **state)
{
	struct row_report rows[ROW_REPORT_MAX];
	char body[MARKER_LINE_MAX];

	(void)state;
	for (uint32_t i = 0; i < ROW_REPORT_MAX; i++)
		rows[i] = (struct row_report){
			i, i * UINT64_C(10000000), (i + 1) * UINT64_C(10000000)};
	/* 10 ms each, one after the other: four characters a row. */
	assert_between(row_report_encode(body, 0, rows, ROW_REPORT_MAX), 200, ROW_REPORT_MAX);
}

static void hostile_lines_are_refused(void **state)
{
	static const char *const bad[] = {
		"rows worker=0 t=1 n=1 data=", "rows worker=0 t=1 n=1 data=0",
		"rows worker=0 t=1 n=1 data=1",   /* a gap is promised */
		"rows worker=0 t=1 n=1 data=00x", /* too much */
		"rows worker=0 t=1 n=2 data=00", "rows worker=0 t=1 n=0 data=0",
		"rows worker=0 t=1 n=1 data=0w",             /* no digit */
		"rows worker=0 t=1 n=1 data=A",              /* more never comes */
		"rows worker=0 t=1 n=1 data=20",             /* task -1 */
		"rows worker=0 t=1 n=1 data=110",            /* before t */
		"rows worker=0 t=1 n=1 data=0::::::::::::v", /* 65 bits */
		"rows worker=0 t=1 n=1 data=0:::::::::::::::::::::::1",
		"rows worker=0 t=1 n=1 data=0::::::::::::7", /* no clock gets there */
		"rows worker=0 t=9223372036854775807 n=1 data=01",
		"rows worker=0 t=9223372036854775808 n=1 data=00",
		"rows worker=65536 t=1 n=1 data=00", "rows worker=0 t=1 n=99999 data=00",
		"rows worker=0 t=1 n=1 data=::::::v0", /* task beyond 32 bits */
	};
	static const char *const none[] = {"row worker=0 t=1 n=1 data=00", "rows t=1 n=1 data=00",
		"rows worker=0 n=1 data=00", "rows worker=0 t=1 data=00", "rows worker=0 t=1 n=1",
		"rows worker=x t=1 n=1 data=00"};
	static struct row_report rows[ROW_REPORT_MAX];
	struct marker m;
	uint32_t worker;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		to_marker(bad[i], &m);
		if (row_report_decode(&m, &worker, rows, &n) != -EBADMSG)
			fail_msg("believed: %s", bad[i]);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		to_marker(none[i], &m);
		if (row_report_decode(&m, &worker, rows, &n) != -ENODATA)
			fail_msg("taken for rows: %s", none[i]);
	}
}

static void any_text_is_either_refused_or_sane(void **state)
{
	static const char digits[] =
		"0123456789abcdefghijklmnopqrstuvABCDEFGHIJKLMNOPQRSTUVWXYZ+/-_.:w!";
	static struct row_report rows[ROW_REPORT_MAX];

	(void)state;
	srand(5);
	for (int round = 0; round < 200000; round++) {
		char data[64] = "", body[200];
		int length = rand() % 60, digit_max = round % 2 ? 32 : (int)sizeof(digits) - 1;
		struct marker m;
		uint32_t worker;
		size_t n;

		for (int i = 0; i < length; i++)
			data[i] = digits[rand() % digit_max];
		snprintf(body, sizeof(body), "rows worker=1 t=%d n=%d data=%s", rand(), rand() % 30,
			data);
		to_marker(body, &m);
		if (row_report_decode(&m, &worker, rows, &n) < 0)
			continue;
		for (size_t i = 0; i < n; i++) {
			assert_true(rows[i].start_ns <= rows[i].end_ns);
			assert_true(rows[i].end_ns <= INT64_MAX);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_survive),
		cmocka_unit_test(the_extremes_survive),
		cmocka_unit_test(lines_are_well_filled),
		cmocka_unit_test(hostile_lines_are_refused),
		cmocka_unit_test(any_text_is_either_refused_or_sane),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
