/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/experiment/plan.h: randomised complete blocks, the same from the same seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "collector/experiment/plan.h"
#include "common/cleanup.h"
#include "tests/common/ranges.h"

#define CONFIGURATIONS 4

static const struct guest_ops stack_a = {.name = "a"}, stack_b = {.name = "b"};
static const struct plan_configuration configurations[CONFIGURATIONS] = {
	{.ops = &stack_a, .accel = ACCEL_NONE, .lanes = 1},
	{.ops = &stack_a, .accel = ACCEL_NONE, .lanes = 2},
	{.ops = &stack_b, .accel = ACCEL_TCG, .lanes = 1},
	{.ops = &stack_b, .accel = ACCEL_TCG, .lanes = 2},
};

static struct plan make(size_t n_configurations, unsigned repeat, uint64_t seed)
{
	const struct plan_request q = {configurations, n_configurations, repeat, .seed = seed};
	struct plan p = {0};

	assert_int_equal(plan_make(&p, &q), 0);
	assert_int_equal(p.n, n_configurations * repeat);
	return p;
}

/** Which of the configurations a run is of. */
static size_t configuration_of(const struct run_request *r)
{
	for (size_t i = 0; i < CONFIGURATIONS; i++)
		if (r->ops == configurations[i].ops && r->lanes == configurations[i].lanes)
			return i;
	fail_msg("a run of no configuration");
	return 0;
}

static bool same_order(const struct plan *a, const struct plan *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (configuration_of(&a->runs[i]) != configuration_of(&b->runs[i]))
			return false;
	return true;
}

static void every_configuration_is_measured_once_in_each_block(void **state)
{
	struct plan p = make(CONFIGURATIONS, 25, 7);

	(void)state;
	for (size_t block = 0; block < 25; block++) {
		unsigned seen = 0;

		for (size_t i = 0; i < CONFIGURATIONS; i++) {
			const struct run_request *r = &p.runs[block * CONFIGURATIONS + i];

			assert_int_equal(r->repetition, block + 1);
			seen |= 1U << configuration_of(r);
		}
		assert_int_equal(seen, (1U << CONFIGURATIONS) - 1);
	}
	plan_done(&p);
}

static void a_run_has_all_of_its_configuration(void **state)
{
	struct placement somewhere = {0};
	const struct plan_configuration configuration = {&stack_b, ACCEL_KVM, 3, &somewhere};
	const struct plan_request q = {&configuration, 1, 1};
	struct plan p;

	(void)state;
	assert_int_equal(plan_make(&p, &q), 0);
	assert_ptr_equal(p.runs[0].ops, &stack_b);
	assert_int_equal(p.runs[0].accel, ACCEL_KVM);
	assert_int_equal(p.runs[0].lanes, 3);
	assert_ptr_equal(p.runs[0].placement, &somewhere);
	plan_done(&p);
}

static void runs_are_numbered_from_one_in_their_order(void **state)
{
	struct plan p = make(CONFIGURATIONS, 3, 1);

	(void)state;
	for (size_t i = 0; i < p.n; i++) {
		assert_int_equal(p.runs[i].id, i + 1);
		assert_int_equal(p.runs[i].position, i + 1);
	}
	plan_done(&p);
}

static void the_same_seed_gives_the_same_order(void **state)
{
	struct plan a = make(CONFIGURATIONS, 8, 12345), b = make(CONFIGURATIONS, 8, 12345);

	(void)state;
	assert_true(same_order(&a, &b));
	plan_done(&a);
	plan_done(&b);
}

static void different_seeds_give_different_orders(void **state)
{
	struct plan first = make(CONFIGURATIONS, 8, 0);

	(void)state;
	for (uint64_t seed = 1; seed < 50; seed++) {
		struct plan other = make(CONFIGURATIONS, 8, seed);

		assert_false(same_order(&first, &other));
		plan_done(&other);
	}
	plan_done(&first);
}

/* Worked out by hand from the published generator, so that another machine, compiler or year gives
 * it again. */
static void the_order_of_a_seed_never_changes(void **state)
{
	static const size_t expected[2 * CONFIGURATIONS] = {2, 0, 3, 1, 2, 3, 1, 0};
	struct plan p = make(CONFIGURATIONS, 2, 42);

	(void)state;
	for (size_t i = 0; i < p.n; i++)
		assert_int_equal(configuration_of(&p.runs[i]), expected[i]);
	plan_done(&p);
}

/* 6000 blocks of three configurations: each of the six orders 1000 times, with a deviation of
 * 29. */
static void every_order_is_equally_likely(void **state)
{
	struct plan p = make(3, 6000, 99);
	unsigned counts[27] = {0}, orders = 0;

	(void)state;
	for (size_t i = 0; i < p.n; i += 3)
		counts[9 * configuration_of(&p.runs[i]) + 3 * configuration_of(&p.runs[i + 1]) +
			configuration_of(&p.runs[i + 2])]++;
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		if (!counts[i])
			continue;
		orders++;
		assert_between(counts[i], 880, 1120);
	}
	assert_int_equal(orders, 6);
	plan_done(&p);
}

static void warm_ups_come_first_on_the_most_lanes_and_do_not_count(void **state)
{
	const struct plan_request q = {configurations, CONFIGURATIONS, 2, .warmup = 2, .seed = 42};
	struct plan p, without = make(CONFIGURATIONS, 2, 42);

	(void)state;
	assert_int_equal(plan_make(&p, &q), 0);
	assert_int_equal(p.n, 2 * 2 + 2 * CONFIGURATIONS);
	for (size_t i = 0; i < 4; i++) {
		const struct run_request *r = &p.runs[i];

		assert_ptr_equal(r->ops, i % 2 ? &stack_b : &stack_a);
		assert_int_equal(r->lanes, 2);
		assert_int_equal(r->block, 0);
		assert_false(r->counted);
		assert_int_equal(r->repetition, i / 2 + 1);
		assert_string_equal(r->label, "");
	}
	/* They draw no random numbers: the blocks are what they would be without. */
	for (size_t i = 0; i < without.n; i++) {
		assert_int_equal(
			configuration_of(&p.runs[4 + i]), configuration_of(&without.runs[i]));
		assert_true(p.runs[4 + i].counted);
		assert_int_equal(p.runs[4 + i].block, i / CONFIGURATIONS + 1);
	}
	plan_done(&p);
	plan_done(&without);
}

static void an_AA_control_is_each_configuration_twice_in_each_block(void **state)
{
	const struct plan_request q = {configurations, CONFIGURATIONS, 20, .aa = true, .seed = 3};
	unsigned first[2] = {0};
	struct plan p;

	(void)state;
	assert_int_equal(plan_make(&p, &q), 0);
	assert_int_equal(p.n, 2 * CONFIGURATIONS * 20);
	for (size_t block = 0; block < 20; block++) {
		unsigned seen[2] = {0};

		for (size_t i = 0; i < 2 * CONFIGURATIONS; i++) {
			const struct run_request *r = &p.runs[block * 2 * CONFIGURATIONS + i];
			bool is_b = r->label[0] == 'b';

			assert_string_equal(r->label, is_b ? "b" : "a");
			if (configuration_of(r) == 0)
				first[is_b] += !(seen[!is_b] & 1);
			seen[is_b] |= 1U << configuration_of(r);
		}
		assert_int_equal(seen[0], (1U << CONFIGURATIONS) - 1);
		assert_int_equal(seen[1], (1U << CONFIGURATIONS) - 1);
	}
	/* Shuffled alike: neither goes always first. */
	assert_int_equal(first[0] + first[1], 20);
	assert_between(first[0], 3, 17);
	plan_done(&p);
}

static void shards_are_the_plan_each_block_once(void **state)
{
	struct plan_request q = {configurations, CONFIGURATIONS, 8, .warmup = 1, .seed = 11};
	bool seen[64] = {false};
	struct plan whole;
	size_t n = 0;

	(void)state;
	assert_int_equal(plan_make(&whole, &q), 0);
	q.shards = 3;
	for (q.shard = 1; q.shard <= 3; q.shard++) {
		struct plan p;

		assert_int_equal(plan_make(&p, &q), 0);
		for (size_t i = 0; i < p.n; i++) {
			const struct run_request *r = &p.runs[i], *same = &whole.runs[r->id - 1];

			assert_int_equal(r->position, r->id);
			assert_int_equal(configuration_of(r), configuration_of(same));
			assert_int_equal(r->block, same->block);
			assert_true(i == 0 || r->id > p.runs[i - 1].id);
			if (!r->block)
				continue;
			assert_int_equal((r->block - 1) % 3, q.shard - 1);
			assert_false(seen[r->id]);
			seen[r->id] = true;
			n++;
		}
		plan_done(&p);
	}
	assert_int_equal(n, 8 * CONFIGURATIONS);
	plan_done(&whole);
}

static void a_plan_of_one_run_is_that_run(void **state)
{
	struct plan p = make(1, 1, 5);

	(void)state;
	assert_int_equal(p.runs[0].id, 1);
	assert_int_equal(p.runs[0].repetition, 1);
	assert_int_equal(configuration_of(&p.runs[0]), 0);
	plan_done(&p);
	assert_null(p.runs);
	assert_int_equal(p.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_configuration_is_measured_once_in_each_block),
		cmocka_unit_test(a_run_has_all_of_its_configuration),
		cmocka_unit_test(runs_are_numbered_from_one_in_their_order),
		cmocka_unit_test(the_same_seed_gives_the_same_order),
		cmocka_unit_test(different_seeds_give_different_orders),
		cmocka_unit_test(the_order_of_a_seed_never_changes),
		cmocka_unit_test(every_order_is_equally_likely),
		cmocka_unit_test(warm_ups_come_first_on_the_most_lanes_and_do_not_count),
		cmocka_unit_test(an_AA_control_is_each_configuration_twice_in_each_block),
		cmocka_unit_test(shards_are_the_plan_each_block_once),
		cmocka_unit_test(a_plan_of_one_run_is_that_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
