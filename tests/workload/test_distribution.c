/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of workload/distribution.h: quantiles are those of the sorted values within what a bucket
 * is wide, all survives the way through markers, and hostile text does no harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workload/distribution.h"

static void every_value_is_in_its_bucket_and_buckets_follow_each_other(void **state)
{
	(void)state;
	assert_int_equal(distribution_low(0), 0);
	for (size_t i = 0; i < DISTRIBUTION_BUCKETS; i++) {
		uint64_t low = distribution_low(i), high = distribution_high(i);

		assert_true(low <= high);
		assert_int_equal(distribution_bucket(low), i);
		assert_int_equal(distribution_bucket(high), i);
		assert_true((high - low) * 128 <= low || high == low);
		if (i + 1 < DISTRIBUTION_BUCKETS)
			assert_int_equal(distribution_low(i + 1), high + 1);
	}
	assert_int_equal(distribution_high(DISTRIBUTION_BUCKETS - 1), UINT64_MAX);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Of many magnitudes, with a long tail, as times are. */
static uint64_t next_value(void)
{
	return (uint64_t)rand() >> rand() % 31;
}

static void quantiles_are_those_of_the_sorted_values(void **state)
{
	enum { N = 20000 };
	static const double shares[] = {0, .1, .5, .9, .99, .999, .9999, 1};
	uint64_t *values = calloc(N, sizeof(*values));
	struct distribution *d = calloc(1, sizeof(*d));

	(void)state;
	assert_non_null(values);
	assert_non_null(d);
	srand(5);
	for (size_t i = 0; i < N; i++) {
		values[i] = next_value();
		distribution_add(d, values[i], i);
	}
	qsort(values, N, sizeof(*values), by_value);
	assert_int_equal(d->n, N);
	assert_int_equal(d->min, values[0]);
	assert_int_equal(d->max, values[N - 1]);
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		size_t rank = (size_t)(shares[i] * N + 0.999999);
		uint64_t exact = values[rank ? rank - 1 : 0];
		uint64_t found = distribution_quantile(d->buckets, d->n, d->max, shares[i]);

		assert_true(found >= exact);
		assert_true((found - exact) * 128 <= exact);
	}
	for (size_t i = 0; i < DISTRIBUTION_LARGEST; i++)
		assert_int_equal(d->largest[i].value, values[N - 1 - i]);
	free(values);
	free(d);
}

static void nothing_has_no_quantile_and_one_value_is_all_of_them(void **state)
{
	struct distribution *d = calloc(1, sizeof(*d));

	(void)state;
	assert_non_null(d);
	assert_int_equal(distribution_quantile(d->buckets, 0, 0, .5), 0);
	distribution_add(d, 123456789, 1);
	assert_int_equal(distribution_quantile(d->buckets, 1, d->max, 0), 123456789);
	assert_int_equal(distribution_quantile(d->buckets, 1, d->max, .5), 123456789);
	assert_int_equal(distribution_quantile(d->buckets, 1, d->max, 1), 123456789);
	free(d);
}

/** Through marker_format() and marker_parse(), as in life. */
static void to_marker(const char *body, struct marker *ret)
{
	char line[MARKER_LINE_MAX + 1];
	int n = marker_format(line, sizeof(line), body);

	assert_true(n > 0);
	assert_int_equal(marker_parse(line, (size_t)n - 1, ret), 0);
}

static void distributions_survive_the_way_through_markers(void **state)
{
	struct distribution *d = calloc(1, sizeof(*d));
	uint64_t *buckets = calloc(DISTRIBUTION_BUCKETS, sizeof(*buckets)), n = 0, all = 0;
	struct distribution_head h = {"fwq", 4095, 0, 0, 0, 0, 5000000000, DISTRIBUTION_NONE,
					 1000000, 0},
				 got;
	struct distribution_value largest[DISTRIBUTION_LARGEST];
	char body[MARKER_LINE_MAX];
	size_t from = 0, n_largest = 0, lines = 0;
	struct marker m;

	(void)state;
	assert_non_null(d);
	assert_non_null(buckets);
	srand(7);
	for (size_t i = 0; i < 50000; i++)
		distribution_add(d, next_value() << 20, INT64_MAX - 100000 + i);
	h.n = d->n;
	h.sum = d->sum;
	h.min = d->min;
	h.max = d->max;
	distribution_encode_head(body, &h);
	to_marker(body, &m);
	assert_int_equal(distribution_decode_head(&m, &got), 0);
	assert_string_equal(got.kernel, "fwq");
	assert_int_equal(got.worker, 4095);
	assert_int_equal(got.n, 50000);
	assert_int_equal(got.sum, h.sum);
	assert_int_equal(got.lost_ns, DISTRIBUTION_NONE);
	assert_int_equal(got.quantum_ns, 1000000);
	assert_int_equal(got.threshold_ns, 0);
	for (; distribution_encode_buckets(body, &h, d, &from); lines++) {
		to_marker(body, &m);
		assert_int_equal(distribution_decode_buckets(&m, buckets, &n), 0);
		all += n;
	}
	assert_true(lines > 1);
	assert_int_equal(all, d->n);
	assert_memory_equal(buckets, d->buckets, sizeof(d->buckets));
	assert_int_equal(distribution_encode_largest(body, &h, d), 1);
	to_marker(body, &m);
	assert_int_equal(distribution_decode_largest(&m, largest, &n_largest), 0);
	assert_int_equal(n_largest, DISTRIBUTION_LARGEST);
	assert_memory_equal(largest, d->largest, sizeof(largest));
	free(d);
	free(buckets);
}

static void hostile_text_is_refused(void **state)
{
	static const char *const heads[] = {
		"distribution kernel=Fwq worker=0 n=1 sum=1 min=1 max=1 time=1",
		"distribution kernel= worker=0 n=1 sum=1 min=1 max=1 time=1",
		"distribution kernel=fwq worker=0 n=1 sum=1 min=2 max=1 time=1",
		"distribution kernel=fwq worker=0 n=0 sum=1 min=0 max=1 time=1",
		"distribution kernel=fwq worker=0 n=18446744073709551615 sum=1 min=1 max=1 time=1",
		"distribution kernel=fwq worker=0 n=1 sum=1 min=1 max=1",
		"distribution kernel=abcdefghijklmnopqrstuvwxyzabcdefghij worker=0 n=1 sum=1 min=1 max=1 time=1",
	};
	static const char *const buckets[] = {
		"A", "0A", "0", "!0", "AAAAAAAAAAAAAAA00", "AAI0", "::::00"};
	static uint64_t room[DISTRIBUTION_BUCKETS];
	struct distribution_value largest[DISTRIBUTION_LARGEST];
	struct distribution_head h;
	struct marker m;
	char body[MARKER_LINE_MAX];
	uint64_t n;
	size_t k;

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		to_marker(heads[i], &m);
		assert_true(distribution_decode_head(&m, &h) < 0);
		assert_int_equal(distribution_decode_buckets(&m, room, &n), -ENODATA);
	}
	for (size_t i = 0; i < sizeof(buckets) / sizeof(buckets[0]); i++) {
		snprintf(body, sizeof(body), "buckets kernel=fwq worker=0 data=%s", buckets[i]);
		to_marker(body, &m);
		assert_int_equal(distribution_decode_buckets(&m, room, &n), -EBADMSG);
	}
	to_marker("largest kernel=fwq worker=0 t=9223372036854775807 data=01", &m);
	assert_int_equal(distribution_decode_largest(&m, largest, &k), -EBADMSG);
	to_marker("largest kernel=fwq worker=0 t=0 data=0000000000000000000000000000000000", &m);
	assert_int_equal(distribution_decode_largest(&m, largest, &k), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_is_in_its_bucket_and_buckets_follow_each_other),
		cmocka_unit_test(quantiles_are_those_of_the_sorted_values),
		cmocka_unit_test(nothing_has_no_quantile_and_one_value_is_all_of_them),
		cmocka_unit_test(distributions_survive_the_way_through_markers),
		cmocka_unit_test(hostile_text_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
