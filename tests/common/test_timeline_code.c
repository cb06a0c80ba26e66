/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of common/timeline_code.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/timeline_code.h"
#include "tests/common/ranges.h"

#define ITEMS 2000

static uint64_t seed = 1;

/* xorshift64 */
static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* As many bits as comes: small ones are as likely as large ones. */
static uint64_t any_number(unsigned bits)
{
	return next_random() >> (64 - 1 - next_random() % bits);
}

static struct timeline_item any_item(uint64_t begin_ns)
{
	struct timeline_item item = {.kind = TIMELINE_INTERVAL, .begin_ns = begin_ns};

	switch (next_random() % 8) {
	case 0:
		item.kind = TIMELINE_MERGED;
		item.count = any_number(64);
		item.n_parts = next_random() % (TIMELINE_PARTS_MAX + 1);
		for (uint32_t i = 0; i < item.n_parts; i++) {
			item.parts[i].what = (uint32_t)any_number(32);
			item.parts[i].ns = any_number(40);
			item.ns += item.parts[i].ns;
		}
		break;
	case 1:
		item.kind = TIMELINE_GAP;
		item.ns = any_number(40);
		break;
	default:
		item.what = (uint32_t)any_number(32);
		item.cpu = (uint32_t)(next_random() % 3);
		item.ns = any_number(40);
	}
	return item;
}

static void assert_same(const struct timeline_item *a, const struct timeline_item *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->begin_ns, b->begin_ns);
	assert_int_equal(a->ns, b->ns);
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->n_parts, b->n_parts);
	assert_memory_equal(a->parts, b->parts, sizeof(a->parts));
	if (a->kind != TIMELINE_INTERVAL)
		return;
	assert_int_equal(a->what, b->what);
	assert_int_equal(a->cpu, b->cpu);
}

static void test_what_was_written_is_read(void **state)
{
	static uint8_t bytes[ITEMS * TIMELINE_ITEM_BYTES];
	static struct timeline_item items[ITEMS];
	uint64_t begin_ns = 123456789;
	uint32_t cpu = TIMELINE_CPU_NONE;
	struct timeline_reader reader;
	struct timeline_item item;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < ITEMS; i++) {
		size_t length;

		items[i] = any_item(begin_ns);
		length = timeline_put(bytes + n, &items[i], cpu);
		assert_between(length, 1, TIMELINE_ITEM_BYTES);
		n += length;
		begin_ns += items[i].ns;
		if (items[i].kind == TIMELINE_INTERVAL)
			cpu = items[i].cpu;
	}
	reader = timeline_read(bytes, n, 123456789);
	for (size_t i = 0; i < ITEMS; i++) {
		assert_int_equal(timeline_next(&reader, &item), 1);
		assert_same(&item, &items[i]);
	}
	assert_int_equal(timeline_next(&reader, &item), 0);
	assert_int_equal(reader.begin_ns, begin_ns);
}

/* The usual ones: a short interval of one of few details on the same CPU. */
static void test_an_interval_takes_few_bytes(void **state)
{
	const struct timeline_item item = {.what = 7, .cpu = 1, .ns = 100000};
	uint8_t bytes[TIMELINE_ITEM_BYTES];

	(void)state;
	assert_int_equal(timeline_put(bytes, &item, 1), 4);
	assert_int_equal(timeline_put(bytes, &item, 0), 5);
}

static void refuse(const void *bytes, size_t n)
{
	struct timeline_reader reader = timeline_read(bytes, n, 1);
	struct timeline_item item;

	assert_int_equal(timeline_next(&reader, &item), -EBADMSG);
}

static void test_what_is_no_item_is_refused(void **state)
{
	(void)state;
	refuse("\x00", 1);     /* an interval without a length */
	refuse("\x80", 1);     /* half a number */
	refuse("\x01\x80", 2); /* half a CPU */
	refuse("\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11); /* over 64 bits */
	refuse("\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12);
	refuse("\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11); /* past the end of time */
	refuse("\x01\xff\xff\xff\xff\x1f\x05", 7);                  /* a CPU over 32 bits */
	refuse("\x07\x05", 2);                                      /* a gap of a state */
	refuse("\x46\x01\x00\x01", 4);                              /* more parts than states */
	refuse("\x06\x02\x01", 3);                                  /* a part without a time */
}

/* Neither a crash nor a step back in time, whatever the bytes are. */
static void test_any_bytes_are_read_or_refused(void **state)
{
	uint8_t bytes[64];

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct timeline_reader reader;
		struct timeline_item item;
		uint64_t last = 5;
		size_t items = 0;
		int r;

		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)(next_random() >> 32);
		reader = timeline_read(bytes, next_random() % sizeof(bytes), last);
		while ((r = timeline_next(&reader, &item)) > 0) {
			assert_true(item.begin_ns == last && reader.begin_ns >= last);
			assert_true(item.n_parts <= TIMELINE_PARTS_MAX);
			assert_between(++items, 1, sizeof(bytes));
			last = reader.begin_ns;
		}
		assert_true(r == 0 || r == -EBADMSG);
	}
}

static void test_instants_of_samples_are_read_as_written(void **state)
{
	static const struct sample_time written[] = {
		{1000, 0}, {1001000, 7}, {1000500, 300}, {UINT64_MAX / 2, 1}, {5, UINT32_MAX}};
	uint8_t bytes[ARRAY_SIZE(written) * SAMPLE_TIME_BYTES];
	struct timeline_reader reader;
	struct sample_time found;
	uint64_t last = 1000;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(written); i++) {
		n += sample_time_put(
			bytes + n, (int64_t)(written[i].time_ns - last), written[i].number);
		last = written[i].time_ns;
	}
	assert_int_equal(bytes[0], 0);
	reader = timeline_read(bytes, n, 1000);
	for (size_t i = 0; i < ARRAY_SIZE(written); i++) {
		assert_int_equal(sample_time_next(&reader, &found), 1);
		assert_int_equal(found.time_ns, written[i].time_ns);
		assert_int_equal(found.number, written[i].number);
	}
	assert_int_equal(sample_time_next(&reader, &found), 0);
	reader = timeline_read("\x02", 1, 1);
	assert_int_equal(sample_time_next(&reader, &found), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_written_is_read),
		cmocka_unit_test(test_an_interval_takes_few_bytes),
		cmocka_unit_test(test_what_is_no_item_is_refused),
		cmocka_unit_test(test_any_bytes_are_read_or_refused),
		cmocka_unit_test(test_instants_of_samples_are_read_as_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
