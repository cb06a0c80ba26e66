/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/books/profile.h: equal stacks are one entry, different ones never. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "collector/books/profile.h"
#include "common/cleanup.h"

#define BOUND 262144

static const uint64_t frames[] = {0xffffffff81000000, 0xffffffff81000100, 0x400000, 0x401000};

static struct profile_entry a_key(void)
{
	struct profile_entry key = {
		.kind = PROFILE_ONCPU,
		.phase = 1,
		.lane = 2,
		.tgid = 3,
		.mode = SAMPLE_KERNEL,
		.state = STATE_ONCPU,
		.syscall = 4,
		.thread = "worker/2",
		.ip = frames[0],
		.n_kernel = 2,
		.n_user = 2,
	};

	return key;
}

static void add_one(struct profile *p, const struct profile_entry *key)
{
	profile_add(p, key, frames, frames + key->n_kernel, 1000, 1);
}

static void equal_stacks_are_one_entry(void **state)
{
	struct profile p = {0};
	struct profile_entry key = a_key();
	const struct profile_entry *e;

	(void)state;
	profile_add(&p, &key, frames, frames + 2, 500, 1);
	profile_add(&p, &key, frames, frames + 2, 700, 3);
	assert_int_equal(p.n, 1);
	e = p.entries[0];
	assert_int_equal(e->weight_ns, 1200);
	assert_int_equal(e->count, 4);
	assert_int_equal(e->lane, 2);
	assert_string_equal(e->thread, "worker/2");
	assert_memory_equal(e->frames, frames, sizeof(frames));
	assert_int_equal(p.lost, 0);
	profile_done(&p);
	assert_int_equal(p.n, 0);
}

static void what_was_taken_back_is_of_the_phase_before(void **state)
{
	struct profile p = {0};
	struct profile_entry key = a_key();

	(void)state;
	add_one(&p, &key);
	profile_take_back(&p);
	add_one(&p, &key); /* phase 1 has begun anew */
	assert_int_equal(p.n, 2);
	assert_int_equal(p.entries[0]->phase, 0);
	assert_int_equal(p.entries[0]->count, 1);
	assert_int_equal(p.entries[1]->phase, 1);
	profile_done(&p);
}

static void what_differs_in_one_thing_is_another_entry(void **state)
{
	struct profile_entry keys[10];
	struct profile p = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		keys[i] = a_key();
	keys[1].kind = PROFILE_OFFCPU;
	keys[2].phase = 0;
	keys[3].lane = PROBE_LANE_NONE;
	keys[4].tgid = 9;
	keys[5].mode = SAMPLE_USER;
	keys[6].state = STATE_GUEST;
	keys[7].syscall = -1;
	strcpy(keys[8].thread, "worker/3");
	keys[9].n_kernel = 1; /* the same addresses, another border between kernel and user */
	keys[9].n_user = 3;
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
			add_one(&p, &keys[i]);
	assert_int_equal(p.n, ARRAY_SIZE(keys));
	for (size_t i = 0; i < p.n; i++)
		assert_int_equal(p.entries[i]->count, 2);
	profile_done(&p);
}

static void stacks_that_differ_in_one_frame_or_in_length_are_different(void **state)
{
	struct profile p = {0};
	struct profile_entry key = a_key();
	uint64_t other[4];

	(void)state;
	add_one(&p, &key);
	for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
		memcpy(other, frames, sizeof(other));
		other[i] ^= 1;
		profile_add(&p, &key, other, other + 2, 1, 1);
	}
	key.n_user = 1;
	add_one(&p, &key);
	key.n_user = 0;
	add_one(&p, &key);
	assert_int_equal(p.n, 7);
	profile_done(&p);
}

static void a_stack_without_frames_is_a_stack(void **state)
{
	struct profile p = {0};
	struct profile_entry key = a_key();

	(void)state;
	key.n_kernel = key.n_user = 0;
	profile_add(&p, &key, NULL, NULL, 10, 1);
	profile_add(&p, &key, NULL, NULL, 10, 1);
	assert_int_equal(p.n, 1);
	assert_int_equal(p.entries[0]->count, 2);
	profile_done(&p);
}

/** A stack of its own for each @number. */
static void add_numbered(struct profile *p, uint64_t number)
{
	struct profile_entry key = a_key();

	key.n_kernel = 0;
	key.n_user = 1;
	profile_add(p, &key, NULL, &number, 1, 1);
}

static void nothing_is_lost_when_the_table_grows(void **state)
{
	enum { N = 5000 };
	struct profile p = {0};
	uint64_t sum = 0;

	(void)state;
	for (int round = 0; round < 2; round++)
		for (uint64_t i = 0; i < N; i++)
			add_numbered(&p, i);
	assert_int_equal(p.n, N);
	for (size_t i = 0; i < p.n; i++) {
		assert_int_equal(p.entries[i]->count, 2);
		sum += p.entries[i]->frames[0];
	}
	assert_int_equal(sum, (uint64_t)N * (N - 1) / 2);
	assert_int_equal(p.lost, 0);
	profile_done(&p);
}

static void samples_are_told_apart_by_what_their_records_say(void **state)
{
	struct record_sample s = {
		.lane = 1,
		.tgid = 7,
		.mode = SAMPLE_GUEST,
		.state = STATE_ONCPU,
		.syscall = -1,
		.ip = frames[0],
		.n_kernel = 1,
		.n_user = 1,
		.guest = {.fs_base = 5, .n_frames = 2, .end = GUEST_END_ROOT},
	};
	struct profile p = {0};
	const struct profile_entry *e;

	(void)state;
	memcpy(s.name, "a\nname of 16 by", sizeof(s.name)); /* without an end */
	profile_add_sample(&p, &s, frames, 2, 1000);
	profile_add_sample(&p, &s, frames, 2, 1000);
	assert_int_equal(p.n, 1);
	e = p.entries[0];
	assert_string_equal(e->thread, "a?name of 16 by");
	assert_int_equal(e->count, 2);
	assert_int_equal(e->weight_ns, 2000);
	assert_int_equal(e->phase, 2);
	assert_int_equal(e->lane, 1);
	assert_int_equal(e->guest_thread, 5);
	assert_memory_equal(e->guest, frames + 2, 2 * sizeof(*frames));
	s.guest.fs_base = 6;
	profile_add_sample(&p, &s, frames, 2, 1000);
	assert_int_equal(p.n, 2);
	profile_done(&p);
}

static void past_the_bound_new_stacks_are_lost_and_known_ones_still_count(void **state)
{
	struct profile p = {0};

	(void)state;
	for (uint64_t i = 0; i < BOUND + 10; i++)
		add_numbered(&p, i);
	assert_int_equal(p.n, BOUND);
	assert_int_equal(p.lost, 10);
	add_numbered(&p, 3);
	assert_int_equal(p.lost, 10);
	assert_int_equal(p.entries[3]->count, 2);
	profile_done(&p);
}

static void instants_are_kept_by_lane_within_their_room(void **state)
{
	struct profile p = {.times = sample_times_new(0)};
	struct profile_entry key = a_key();
	const struct sample_block *b;

	(void)state;
	assert_non_null(p.times);
	for (unsigned i = 0; i < 40000; i++) {
		key.lane = (int)(i % 2);
		key.tgid = i % 3;
		profile_note(&p, profile_add(&p, &key, frames, frames + 2, 1, 1), 1000 + 999 * i);
	}
	assert_int_equal(p.n, 6);
	assert_true(p.times->n > 2); /* more than one for each lane */
	for (size_t i = 0; i < p.times->n; i++)
		assert_true(p.times->blocks[i].bytes <= SAMPLE_BLOCK_BYTES);
	b = &p.times->blocks[1];
	assert_int_equal(b->lane, 1);
	assert_int_equal(b->begin_ns, 1999);
	p.times->bytes_most = p.times->bytes;
	profile_note(&p, 0, 5);
	profile_note(&p, PROFILE_LOST, 5);
	assert_int_equal(p.times->missing, 1);
	profile_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instants_are_kept_by_lane_within_their_room),
		cmocka_unit_test(equal_stacks_are_one_entry),
		cmocka_unit_test(what_was_taken_back_is_of_the_phase_before),
		cmocka_unit_test(what_differs_in_one_thing_is_another_entry),
		cmocka_unit_test(stacks_that_differ_in_one_frame_or_in_length_are_different),
		cmocka_unit_test(a_stack_without_frames_is_a_stack),
		cmocka_unit_test(samples_are_told_apart_by_what_their_records_say),
		cmocka_unit_test(nothing_is_lost_when_the_table_grows),
		cmocka_unit_test(past_the_bound_new_stacks_are_lost_and_known_ones_still_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
