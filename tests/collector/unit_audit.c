/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/books/audit.h: books and other clocks agree within a bound, or it is said.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "collector/books/audit.h"

#define MS 1000000ULL

static const struct phase phase = {"render", 0, 1000 * MS};

/** In phase 1, from 100 ms to 900 ms: 600 ms on a CPU and 50 ms waiting, by both clocks. */
static struct lane_record an_honest_lane(void)
{
	struct lane_record l = {0};

	l.first[1] = (struct audit_point){
		.time_ns = 100 * MS, .exec_ns = 7 * MS, .cpu_ns = 5 * MS, .delay_ns = 3 * MS};
	l.last[1] = (struct audit_point){.time_ns = 900 * MS,
		.exec_ns = 607 * MS,
		.cpu_ns = 605 * MS,
		.delay_ns = 53 * MS,
		.wait_ns = 50 * MS};
	return l;
}

static void check(struct audit *a, const struct lane_record *l)
{
	const struct books none = {0};

	assert_int_equal(audit_lane(a, &none, &phase, 1, 0, l), 0);
}

static void clocks_that_agree_are_said_to_agree(void **state)
{
	struct lane_record l = an_honest_lane();
	struct audit a = {0};

	(void)state;
	check(&a, &l);
	assert_true(a.any);
	assert_true(a.agrees);
	assert_int_equal(a.n, 2);
	assert_string_equal(a.rows[0].what, "cpu_time");
	assert_int_equal(a.rows[0].phase, 1);
	assert_int_equal(a.rows[0].lane, 0);
	assert_int_equal(a.rows[0].books_ns, 600 * MS);
	assert_int_equal(a.rows[0].other_ns, 600 * MS);
	assert_string_equal(a.rows[1].what, "run_delay");
	assert_int_equal(a.rows[1].books_ns, 50 * MS);
	assert_int_equal(a.rows[1].other_ns, 50 * MS);
	audit_done(&a);
	assert_int_equal(a.n, 0);
}

static void a_difference_past_the_bound_is_a_disagreement(void **state)
{
	/* 0.1 % of a second, and both points may be off by one event */
	const uint64_t bound = 1000000 + 2 * 10000;

	(void)state;
	for (int sign = -1; sign <= 1; sign += 2) {
		struct lane_record l = an_honest_lane();
		struct audit at_bound = {0}, past = {0};

		l.last[1].exec_ns += (uint64_t)((int64_t)bound * sign);
		check(&at_bound, &l);
		assert_int_equal(at_bound.rows[0].bound_ns, bound);
		assert_true(at_bound.agrees);
		l.last[1].exec_ns += (uint64_t)sign;
		check(&past, &l);
		assert_true(past.any);
		assert_false(past.agrees);
		audit_done(&at_bound);
		audit_done(&past);
	}
}

static void waiting_is_audited_like_running(void **state)
{
	struct lane_record l = an_honest_lane();
	struct audit a = {0};

	(void)state;
	l.last[1].delay_ns += 5 * MS;
	check(&a, &l);
	assert_false(a.agrees);
	audit_done(&a);
}

static void the_bound_grows_with_the_switches(void **state)
{
	struct lane_record l = an_honest_lane();
	struct audit a = {0};

	(void)state;
	l.switches[1] = 300;
	l.switches[0] = 5000; /* of another phase */
	l.last[1].exec_ns += 4 * MS;
	check(&a, &l);
	assert_int_equal(a.rows[0].bound_ns, 1 * MS + 302 * AUDIT_SWITCH_NS);
	assert_true(a.agrees);
	audit_done(&a);
}

static void without_two_points_there_is_nothing_to_compare(void **state)
{
	struct lane_record nothing = {0}, one = an_honest_lane();
	struct audit a = {0};

	(void)state;
	check(&a, &nothing);
	one.last[1] = one.first[1];
	check(&a, &one);
	assert_int_equal(a.n, 0);
	assert_false(a.any);
	assert_false(a.agrees);
	audit_done(&a);
}

static void a_kernel_that_counts_no_delay_is_not_asked(void **state)
{
	struct lane_record l = an_honest_lane();
	struct audit a = {0};

	(void)state;
	l.first[1].delay_ns = l.last[1].delay_ns = 0;
	check(&a, &l);
	assert_int_equal(a.n, 1);
	assert_true(a.agrees);
	audit_done(&a);
}

static void the_delay_of_a_throttled_lane_is_not_compared(void **state)
{
	struct account throttled = {.phase = 1, .lane = 0, .state = STATE_THROTTLED, .ns = 1};
	const struct books b = {.accounts = &throttled, .n = 1};
	struct lane_record l = an_honest_lane();
	struct audit a = {0};

	(void)state;
	assert_int_equal(audit_lane(&a, &b, &phase, 1, 0, &l), 0);
	assert_int_equal(a.n, 1);
	throttled.lane = 1; /* another one's */
	assert_int_equal(audit_lane(&a, &b, &phase, 1, 0, &l), 0);
	assert_int_equal(a.n, 3);
	audit_done(&a);
}

static void one_disagreement_is_not_forgotten(void **state)
{
	const struct audit_row good = {.what = "guest_clock", .books_ns = 5, .other_ns = 5};
	const struct audit_row bad = {.what = "cgroup_usage", .books_ns = 5, .other_ns = 6};
	const struct audit_row within = {
		.what = "cgroup_throttled", .books_ns = 5, .other_ns = 6, .bound_ns = 1};
	struct audit a = {0};

	(void)state;
	assert_int_equal(audit_add(&a, &good), 0);
	assert_int_equal(audit_add(&a, &within), 0);
	assert_true(a.any && a.agrees);
	assert_int_equal(audit_add(&a, &bad), 0);
	assert_false(a.agrees);
	assert_int_equal(audit_add(&a, &good), 0);
	assert_false(a.agrees);
	assert_int_equal(a.n, 4);
	assert_string_equal(a.rows[2].what, "cgroup_usage");
	audit_done(&a);
}

static void a_first_row_that_disagrees_is_a_disagreement(void **state)
{
	const struct audit_row bad = {.what = "cpu_time", .books_ns = 0, .other_ns = UINT64_MAX};
	struct audit a = {0};

	(void)state;
	assert_int_equal(audit_add(&a, &bad), 0);
	assert_true(a.any);
	assert_false(a.agrees);
	audit_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clocks_that_agree_are_said_to_agree),
		cmocka_unit_test(a_difference_past_the_bound_is_a_disagreement),
		cmocka_unit_test(waiting_is_audited_like_running),
		cmocka_unit_test(the_bound_grows_with_the_switches),
		cmocka_unit_test(without_two_points_there_is_nothing_to_compare),
		cmocka_unit_test(a_kernel_that_counts_no_delay_is_not_asked),
		cmocka_unit_test(the_delay_of_a_throttled_lane_is_not_compared),
		cmocka_unit_test(one_disagreement_is_not_forgotten),
		cmocka_unit_test(a_first_row_that_disagrees_is_a_disagreement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
