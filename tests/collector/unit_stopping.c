/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/experiment/stopping.h: configurations are found by their names, looks are where they are planned, and
 * the same run times decide the same when they are gone through once more. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/experiment/stopping.h"
#include "common/cleanup.h"

static const struct guest_ops stack_a = {.name = "alpha"}, stack_b = {.name = "beta"};
static const struct plan_configuration plain[] = {
	{.ops = &stack_a, .lanes = 1},
	{.ops = &stack_b, .lanes = 1},
	{.ops = &stack_a, .lanes = 2},
};
static const struct plan_configuration varied[] = {
	{.ops = &stack_a, .lanes = 1, .variant = "x"},
	{.ops = &stack_a, .lanes = 1, .variant = "y"},
	{.ops = &stack_b, .lanes = 1, .variant = "x"},
	{.ops = &stack_b, .lanes = 1, .variant = "y"},
};

struct experiment_of {
	struct options o;
	struct plan plan;
	struct stopping s;
};

static int begin(struct experiment_of *x, const char *aim, const struct plan_configuration *list,
	size_t n, bool aa, struct error *error)
{
	const struct plan_request q = {
		.configurations = list, .n_configurations = n, .repeat = 27, .warmup = 1, .aa = aa};

	*x = (struct experiment_of){.o = {.repeat = 8, .max_runs = 27, .until_text = aim}};
	assert_int_equal(until_parse(aim, &x->o.until, NULL), 0);
	assert_int_equal(plan_make(&x->plan, &q), 0);
	return stopping_begin(&x->s, &x->o, &x->plan, error);
}

static void end(struct experiment_of *x)
{
	stopping_done(&x->s);
	plan_done(&x->plan);
}

/* Run all of the plan, or until it stops; how many blocks there were. */
static unsigned run(struct experiment_of *x, double (*time_of)(const struct run_request *q))
{
	for (size_t i = 0; i < x->plan.n; i++) {
		const struct run_request *q = &x->plan.runs[i];

		stopping_add(&x->s, q, time_of(q), true);
		stopping_look(&x->s, q);
		if (x->s.end != STOPPING_NOT)
			return q->block;
	}
	return 0;
}

/* One tenth up and down; stack beta's third core of a percent more. */
static double steady(const struct run_request *q)
{
	return q->ops == &stack_a ? 100 + 0.1 * (q->repetition % 2)
				  : 150 + 0.1 * (q->repetition % 2);
}

static double only_beta_varies(const struct run_request *q)
{
	return q->ops == &stack_a ? steady(q) : 150 + 50 * (q->repetition % 2);
}

static double alpha_fails(const struct run_request *q)
{
	return q->ops == &stack_a ? NAN : steady(q);
}

static void steady_runs_stop_at_the_first_look(void **state)
{
	struct experiment_of x;

	(void)state;
	assert_int_equal(begin(&x, "1%", plain, 3, false, NULL), 0);
	assert_int_equal(run(&x, steady), 8);
	assert_int_equal(x.s.end, STOPPING_REACHED);
	assert_int_equal(json_array_size(x.s.done), 1);
	end(&x);
}

static void the_widest_decides_and_is_named(void **state)
{
	struct experiment_of x;
	json_t *record;

	(void)state;
	assert_int_equal(begin(&x, "1%", plain, 3, false, NULL), 0);
	assert_int_equal(run(&x, only_beta_varies), 27);
	assert_int_equal(x.s.end, STOPPING_RUNS);
	assert_string_equal(x.s.widest, "beta on 1 core");
	assert_int_equal(json_array_size(x.s.done), 4); /* after 8, 12, 18, 27 */
	record = stopping_record(&x.s);
	assert_string_equal(json_string_value(json_object_get(record, "ended")), "runs");
	json_decref(record);
	end(&x);
}

static void runs_that_fail_leave_the_width_unknown(void **state)
{
	struct experiment_of x;
	json_t *record;

	(void)state;
	assert_int_equal(begin(&x, "1%", plain, 3, false, NULL), 0);
	assert_int_equal(run(&x, alpha_fails), 27);
	assert_true(isinf(x.s.width));
	record = stopping_record(&x.s);
	assert_true(json_is_null(
		json_object_get(json_array_get(json_object_get(record, "looks"), 0), "width")));
	json_decref(record);
	end(&x);
}

static void the_same_times_decide_the_same(void **state)
{
	struct experiment_of x, again;

	(void)state;
	assert_int_equal(begin(&x, "15%", plain, 3, false, NULL), 0);
	assert_int_equal(begin(&again, "15%", plain, 3, false, NULL), 0);
	assert_int_equal(run(&x, only_beta_varies), run(&again, only_beta_varies));
	assert_true(json_equal(x.s.done, again.s.done));
	end(&x);
	end(&again);
}

static void names_are_stacks_variants_and_labels(void **state)
{
	static const struct {
		const char *aim, *widest;
		const struct plan_configuration *list;
		size_t n;
		bool aa;
	} rows[] = {
		{"9%:alpha/beta", "alpha over beta on 1 core", plain, 3, false},
		{"9%:alpha/beta", "alpha (x) over beta (x) on 1 core", varied, 4, false},
		{"9%:x/y", "alpha (x) over alpha (y) on 1 core", varied, 4, false},
		{"9%:alpha:x/beta:y", "alpha (x) over beta (y) on 1 core", varied, 4, false},
		{"9%:alpha@a/alpha@b", "alpha a over alpha b on 1 core", plain, 2, true},
		{"9%:beta:y@b/beta:y@a", "beta (y) b over beta (y) a on 1 core", varied, 4, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct experiment_of x;

		print_message("%s\n", rows[i].aim);
		assert_int_equal(
			begin(&x, rows[i].aim, rows[i].list, rows[i].n, rows[i].aa, NULL), 0);
		assert_int_equal(run(&x, steady), 8);
		assert_string_equal(x.s.widest, rows[i].widest);
		end(&x);
	}
}

static void what_is_not_measured_is_refused(void **state)
{
	static const char *const aims[] = {"1%:alpha/gamma", "1%:alph/beta", "1%:alpha:x/beta",
		"1%:alpha@a/beta", "1%:alphabeta/beta"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(aims); i++) {
		struct experiment_of x;
		struct error error = {0};

		assert_true(begin(&x, aims[i], plain, 3, false, &error) < 0);
		assert_true(error.user);
		assert_non_null(strstr(error.text, "alpha, beta"));
		end(&x);
	}
}

static void without_an_aim_nothing_stops(void **state)
{
	struct experiment_of x = {.o = {.repeat = 8}};
	const struct plan_request q = {.configurations = plain, .n_configurations = 3, .repeat = 8};

	(void)state;
	assert_int_equal(plan_make(&x.plan, &q), 0);
	assert_int_equal(stopping_begin(&x.s, &x.o, &x.plan, NULL), 0);
	assert_int_equal(run(&x, steady), 0);
	end(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steady_runs_stop_at_the_first_look),
		cmocka_unit_test(the_widest_decides_and_is_named),
		cmocka_unit_test(runs_that_fail_leave_the_width_unknown),
		cmocka_unit_test(the_same_times_decide_the_same),
		cmocka_unit_test(names_are_stacks_variants_and_labels),
		cmocka_unit_test(what_is_not_measured_is_refused),
		cmocka_unit_test(without_an_aim_nothing_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
