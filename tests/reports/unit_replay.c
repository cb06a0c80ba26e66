/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Promises of reports/noise/replay.h: steps are held up by what holds up the lane, or the last of several lanes. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reports/noise/replay.h"

struct late {
	double ns[100];
	size_t n;
};

static int take(double late_ns, void *userdata)
{
	struct late *l = userdata;

	assert_true(l->n < 100);
	l->ns[l->n++] = late_ns;
	return 0;
}

static void points(struct replay_lane *l, const double (*points)[2], size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(replay_point(l, points[i][0], points[i][1], 0), 0);
}

static void each_step_is_late_by_the_detours_in_it(void **state)
{
	/* From 100 on; held up from 125 to 155, and from 160 to 165. */
	static const double p[][2] = {
		{100, 0}, {125, 25}, {155, 25}, {160, 30}, {165, 30}, {200, 65}};
	struct replay_lane l = {.n = 0};
	struct late late = {.n = 0};

	(void)state;
	points(&l, p, 6);
	assert_int_equal(replay(&l, 1, 10, take, &late), 0);
	/* 100-110-120-(30 late)160 ... the sixth ends at 195, no seventh does. */
	assert_int_equal(late.n, 6);
	for (size_t i = 0; i < 6; i++)
		assert_true(fabs(late.ns[i] - (double[]){0, 0, 30, 5, 0, 0}[i]) < 1e-9);
	replay_clear(&l);
}

static void lanes_together_wait_for_the_last(void **state)
{
	/* Detours at the same instant cost once, others each. */
	static const double a[][2] = {{0, 0}, {5, 5}, {25, 5}, {60, 40}, {100, 80}};
	static const double b[][2] = {{0, 0}, {5, 5}, {20, 5}, {45, 30}, {52, 30}, {100, 78}};
	struct replay_lane l[2] = {{.n = 0}, {.n = 0}};
	struct late late = {.n = 0};

	(void)state;
	points(&l[0], a, 5);
	points(&l[1], b, 6);
	assert_int_equal(replay(l, 2, 10, take, &late), 0);
	assert_true(late.n >= 4);
	/* 0 to 30 (a: 20 late, b: 15), 30 to 40, 40 to 57 (b: 7), then none. */
	for (size_t i = 0; i < late.n; i++)
		assert_true(fabs(late.ns[i] - (i == 0 ? 20 : i == 2 ? 7 : 0)) < 1e-9);
	replay_clear(&l[0]);
	replay_clear(&l[1]);
}

static void what_is_taken_out_moves_no_step(void **state)
{
	/* Held up from 125 to 155, of which 20 go, and from 160 to 165, of which all goes. */
	static const double p[][3] = {{100, 0, 0}, {125, 25, 0}, {155, 25, 20}, {160, 30, 20},
		{165, 30, 25}, {200, 65, 25}};
	struct replay_lane l = {.n = 0};
	struct late late = {.n = 0};

	(void)state;
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(replay_point(&l, p[i][0], p[i][1], p[i][2]), 0);
	assert_int_equal(replay(&l, 1, 10, take, &late), 0);
	/* As many steps as with all of it, each where it was. */
	assert_int_equal(late.n, 6);
	for (size_t i = 0; i < 6; i++)
		assert_true(fabs(late.ns[i] - (double[]){0, 0, 10, 0, 0, 0}[i]) < 1e-9);
	replay_clear(&l);
}

static void what_is_less_than_a_step_has_none(void **state)
{
	struct replay_lane l = {.n = 0};
	struct late late = {.n = 0};

	(void)state;
	assert_int_equal(replay(&l, 1, 10, take, &late), 0);
	points(&l, (const double[][2]){{0, 0}, {9, 9}}, 2);
	assert_int_equal(replay(&l, 1, 10, take, &late), 0);
	assert_int_equal(late.n, 0);
	replay_clear(&l);
}

static void more_steps_than_a_run_has_are_refused_at_once(void **state)
{
	struct replay_lane l = {.n = 0};
	struct late late = {.n = 0};

	(void)state;
	points(&l, (const double[][2]){{0, 0}, {9e18, 9e18}}, 2);
	assert_int_equal(replay(&l, 1, 1e6, take, &late), -EBADMSG);
	assert_int_equal(late.n, 0);
	replay_clear(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_step_is_late_by_the_detours_in_it),
		cmocka_unit_test(lanes_together_wait_for_the_last),
		cmocka_unit_test(what_is_taken_out_moves_no_step),
		cmocka_unit_test(what_is_less_than_a_step_has_none),
		cmocka_unit_test(more_steps_than_a_run_has_are_refused_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
