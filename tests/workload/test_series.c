/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of workload/series.h: values survive the way through markers in their order, and hostile text is
 * refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workload/series.h"

static void to_marker(const char *body, struct marker *ret)
{
	char line[MARKER_LINE_MAX + 1];
	int length = marker_format(line, sizeof(line), body);

	assert_true(length > 0);
	assert_int_equal(marker_parse(line, (size_t)length - 1, ret), 0);
}

static void a_series_survives_the_way_through_markers(void **state)
{
	enum { N = 5000 };
	static uint32_t values[N], back[N];
	struct series_head h = {.kernel = "ftq",
				   .worker = 3,
				   .begin_ns = 12345,
				   .step_ns = 1000000,
				   .n = N,
				   .total = N + 7,
				   .tick_ns = 4000000},
			   read;
	char body[MARKER_LINE_MAX];
	size_t from = 0, at = 0, first, n;
	struct marker m;

	(void)state;
	srand(9);
	for (size_t i = 0; i < N; i++)
		values[i] = i == 1 ? UINT32_MAX : (uint32_t)rand() >> rand() % 31;
	series_encode_head(body, &h);
	to_marker(body, &m);
	assert_int_equal(series_decode_head(&m, &read), 0);
	assert_memory_equal(&read, &h, sizeof(h));
	while (series_encode_values(body, &h, values, &from)) {
		to_marker(body, &m);
		assert_int_equal(series_decode_values(&m, back, N, &first, &n), 0);
		assert_int_equal(first, at);
		at += n;
	}
	assert_int_equal(at, N);
	assert_memory_equal(back, values, sizeof(values));
	h.tick_ns = 0;
	series_encode_head(body, &h);
	to_marker(body, &m);
	assert_int_equal(series_decode_head(&m, &read), 0);
	assert_int_equal(read.tick_ns, 0);
}

static void hostile_text_is_refused(void **state)
{
	static const char *const heads[] = {
		"series kernel=Ftq worker=0 t=0 step=1 n=1 total=1",
		"series kernel=ftq worker=0 t=0 step=0 n=1 total=1",
		"series kernel=ftq worker=0 t=0 step=1 n=2 total=1",
		"series kernel=ftq worker=0 t=0 step=1 n=65537 total=65537",
		"series kernel=ftq worker=0 t=9223372036854775807 step=1 n=1 total=1",
		"series kernel=ftq worker=0 t=0 step=9223372036854775807 n=9 total=9",
		"series kernel=ftq worker=0 t=0 step=1 n=1 total=18446744073709551615",
		"series kernel=ftq worker=0 t=0 step=1 n=1",
		"series kernel=ftq worker=0 t=0 step=1 n=1 total=1 tick=x",
	};
	static const char *const values[] = {"from=0 data=000", "from=3 data=0", "from=0 data=!",
		"from=0 data=A", "from=0 data=AAAAAAA1"};
	struct series_head h;
	uint32_t room[2];
	char body[MARKER_LINE_MAX];
	struct marker m;
	size_t first, n;

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		to_marker(heads[i], &m);
		assert_true(series_decode_head(&m, &h) < 0);
		assert_int_equal(series_decode_values(&m, room, 2, &first, &n), -ENODATA);
	}
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		snprintf(body, sizeof(body), "values kernel=ftq worker=0 %s", values[i]);
		to_marker(body, &m);
		assert_int_equal(series_decode_values(&m, room, 2, &first, &n), -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_series_survives_the_way_through_markers),
		cmocka_unit_test(hostile_text_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
