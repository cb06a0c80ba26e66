/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/books/timeline.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "collector/books/timeline.h"
#include "common/timeline_code.h"
#include "tests/common/ranges.h"

#define BEGIN_NS 1000

static const uint8_t phases[PROBE_PARTS_MAX] = {0, 1, 1, 2};

static struct timeline *begin(unsigned lanes, size_t bytes_most)
{
	struct timeline *t = NULL;

	assert_int_equal(timeline_new(lanes, bytes_most, &t), 0);
	timeline_begin(t, BEGIN_NS);
	return t;
}

static void add(struct timeline *t, uint64_t begin_ns, uint64_t ns, unsigned part, unsigned state)
{
	const struct timeline_interval interval = {
		.part = part,
		.state = state,
		.cpu = 3,
		.begin_ns = begin_ns,
		.end_ns = begin_ns + ns,
	};

	timeline_add(t, &interval);
}

static uint64_t lost_ns(const struct timeline *t)
{
	uint64_t ns = 0;

	for (size_t i = 0; i < t->n_blocks; i++)
		ns += t->blocks[i].lost_ns;
	return ns;
}

/* Blocks of lane 0 follow each other up to @end_ns, and say what is in them. Returns their items. */
static size_t check(const struct timeline *t, uint64_t end_ns)
{
	uint64_t at = BEGIN_NS;
	size_t items = 0;

	for (size_t i = 0; i < t->n_blocks; i++) {
		const struct timeline_block *b = &t->blocks[i];
		struct timeline_reader r = timeline_read(b->data, b->bytes, b->begin_ns);
		struct timeline_item item;
		uint64_t intervals = 0;
		int q;

		if (b->lane != 0)
			continue;
		assert_int_equal(b->begin_ns, at);
		assert_between(b->bytes, 1, TIMELINE_BLOCK_BYTES);
		while ((q = timeline_next(&r, &item)) > 0) {
			items++;
			intervals += item.kind == TIMELINE_INTERVAL;
		}
		assert_int_equal(q, 0);
		assert_int_equal(r.begin_ns, b->end_ns);
		assert_int_equal(intervals, b->intervals);
		at = b->end_ns;
	}
	assert_int_equal(at, end_ns);
	return items;
}

static void test_records_of_other_cpus_may_come_early(void **state)
{
	struct timeline *t = begin(1, 0);

	(void)state;
	add(t, 1020, 10, 0, STATE_IRQ);
	add(t, 1030, 10, 0, STATE_ONCPU);
	add(t, 1010, 10, 0, STATE_ONCPU);
	add(t, 1000, 10, 0, STATE_BLOCKED);
	add(t, 1040, 10, 0, STATE_BLOCKED);
	timeline_close(t, 1050, phases);
	assert_int_equal(check(t, 1050), 5);
	assert_int_equal(lost_ns(t), 0);
	assert_int_equal(t->n_details, 3);
	assert_false(t->failed);
	timeline_free(t);
}

static void test_what_is_missing_is_a_gap(void **state)
{
	struct timeline *t = begin(1, 0);

	(void)state;
	add(t, 1000, 10, 0, STATE_BLOCKED);
	for (uint64_t i = 0; i < 1000; i++) /* long after nothing comes any more for the gap */
		add(t, 1015 + i, 1, 0, i % 2 ? STATE_ONCPU : STATE_IRQ);
	timeline_close(t, 2100, phases);
	assert_int_equal(check(t, 2100), 1 + 1 + 1000 + 1);
	assert_int_equal(lost_ns(t), 5 + 85);
	timeline_free(t);
}

static void test_a_phase_begins_a_block(void **state)
{
	struct timeline *t = begin(1, 0);

	(void)state;
	for (unsigned part = 0; part < 4; part++)
		add(t, 1000 + 10 * part, 10, part, STATE_ONCPU);
	timeline_close(t, 1040, phases);
	assert_int_equal(check(t, 1040), 4);
	assert_int_equal(t->n_blocks, 4);
	for (unsigned part = 0; part < 4; part++)
		assert_int_equal(t->blocks[part].part, phases[part]);
	timeline_free(t);
}

static void test_merged_intervals_have_their_time_by_state(void **state)
{
	const struct merged_intervals merged = {
		.begin_ns = 1000,
		.end_ns = 1100,
		.ns = {[STATE_ONCPU] = 60, [STATE_IRQ] = 40},
		.count = 9,
	};
	struct timeline *t = begin(1, 0);
	struct timeline_reader r;
	struct timeline_item item;

	(void)state;
	timeline_add_merged(t, 0, &merged);
	add(t, 1100, 7, 0, STATE_ONCPU);
	timeline_close(t, 1107, phases);
	assert_int_equal(check(t, 1107), 2);
	assert_int_equal(t->blocks[0].merged, 9);
	assert_int_equal(t->blocks[0].merged_ns, 100);
	r = timeline_read(t->blocks[0].data, t->blocks[0].bytes, 1000);
	assert_int_equal(timeline_next(&r, &item), 1);
	assert_int_equal(item.n_parts, 2);
	for (uint32_t i = 0; i < item.n_parts; i++)
		assert_int_equal(item.parts[i].ns, merged.ns[t->details[item.parts[i].what].state]);
	timeline_free(t);
}

static void test_memory_has_an_end_and_what_is_past_it_is_lost(void **state)
{
	struct timeline *t = begin(2, 200000);

	(void)state;
	for (uint64_t i = 0; i < 200000; i++)
		add(t, 1000 + i, 1, 0, i % 2 ? STATE_ONCPU : STATE_IRQ);
	assert_between(t->bytes, 190000, 201000);
	timeline_close(t, 201000, phases);
	assert_true(t->failed);
	assert_between(lost_ns(t), 100000, 400000); /* and all of lane 1 */
	check(t, 201000);
	timeline_free(t);
}

static void test_of_very_many_details_the_state_is_kept(void **state)
{
	struct timeline *t = begin(1, 0);

	(void)state;
	for (uint64_t i = 0; i < 100000; i++) {
		const struct timeline_interval interval = {
			.state = STATE_BLOCKED,
			.detail = {.number = i + 1},
			.begin_ns = 1000 + i,
			.end_ns = 1001 + i,
		};

		timeline_add(t, &interval);
	}
	timeline_close(t, 101000, phases);
	assert_int_equal(check(t, 101000), 100000);
	assert_int_equal(lost_ns(t), 0);
	assert_between(t->n_details, 60000, 66000);
	timeline_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records_of_other_cpus_may_come_early),
		cmocka_unit_test(test_what_is_missing_is_a_gap),
		cmocka_unit_test(test_a_phase_begins_a_block),
		cmocka_unit_test(test_merged_intervals_have_their_time_by_state),
		cmocka_unit_test(test_memory_has_an_end_and_what_is_past_it_is_lost),
		cmocka_unit_test(test_of_very_many_details_the_state_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
