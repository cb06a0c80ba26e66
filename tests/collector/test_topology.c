/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/machine/topology.h, on machines made up for the purpose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/machine/topology.h"
#include "common/cleanup.h"

/* PUs are numbered in the order of the topology: core 0 has 0 and 1, core 1 has 2 and 3 ... */
#define SMT_MACHINE "package:1 core:4 pu:2"

static struct topology *made_up(const char *description)
{
	struct topology *t;

	assert_int_equal(topology_load_synthetic(description, &t, NULL), 0);
	return t;
}

static void expect_cpus(const int *cpus, size_t n, const int *wanted, size_t n_wanted)
{
	assert_int_equal(n, n_wanted);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(cpus[i], wanted[i]);
}

#define EXPECT_LANES(p, ...)                                                                       \
	expect_cpus((p).lane_cpus, (p).lanes, (const int[]){__VA_ARGS__},                          \
		sizeof((int[]){__VA_ARGS__}) / sizeof(int))
#define EXPECT_HELPERS(p, ...)                                                                     \
	expect_cpus((p).helper_cpus, (p).n_helper_cpus, (const int[]){__VA_ARGS__},                \
		sizeof((int[]){__VA_ARGS__}) / sizeof(int))

static void place(const char *machine, unsigned lanes, const char *pin, struct placement *ret)
{
	struct topology *t = made_up(machine);

	assert_int_equal(topology_place(t, lanes, pin, ret, NULL), 0);
	topology_free(t);
}

static void refuse(unsigned lanes, const char *pin, const char *word, const char *other_word)
{
	struct topology *t = made_up(SMT_MACHINE);
	struct placement p = {.lanes = 77};
	struct error error = {0};

	assert_int_equal(topology_place(t, lanes, pin, &p, &error), -EINVAL);
	assert_true(error.user);
	assert_non_null(strstr(error.text, word));
	assert_non_null(strstr(error.text, other_word));
	assert_int_equal(p.lanes, 77); /* untouched */
	topology_free(t);
}

static void lanes_take_one_core_each_before_they_share_one(void **state)
{
	struct placement p;

	(void)state;
	place(SMT_MACHINE, 4, "cores", &p);
	EXPECT_LANES(p, 0, 2, 4, 6);
	EXPECT_HELPERS(p, 1, 3, 5, 7);
	assert_int_equal(p.smt_lanes, 0);
	placement_done(&p);

	place(SMT_MACHINE, 6, "cores", &p);
	EXPECT_LANES(p, 0, 2, 4, 6, 1, 3);
	EXPECT_HELPERS(p, 5, 7);
	assert_int_equal(p.smt_lanes, 4);
	placement_done(&p);
}

static void helpers_prefer_cores_without_a_lane(void **state)
{
	struct placement p;

	(void)state;
	place(SMT_MACHINE, 2, "cores", &p);
	EXPECT_LANES(p, 0, 2);
	EXPECT_HELPERS(p, 4, 5, 6, 7);
	placement_done(&p);
}

static void where_lanes_take_every_cpu_helpers_have_none(void **state)
{
	struct placement p;

	(void)state;
	place("package:2 core:2 pu:1", 4, "cores", &p);
	EXPECT_LANES(p, 0, 1, 2, 3);
	assert_int_equal(p.n_helper_cpus, 0);
	assert_null(p.helper_cpus);
	placement_done(&p);
}

static void threads_fill_a_core_before_the_next(void **state)
{
	struct placement p;

	(void)state;
	place(SMT_MACHINE, 3, "threads", &p);
	EXPECT_LANES(p, 0, 1, 2);
	EXPECT_HELPERS(p, 4, 5, 6, 7);
	assert_int_equal(p.smt_lanes, 2);
	placement_done(&p);
}

static void a_list_is_taken_in_its_order(void **state)
{
	struct placement p;

	(void)state;
	place(SMT_MACHINE, 3, "6,2-3", &p);
	EXPECT_LANES(p, 6, 2, 3);
	EXPECT_HELPERS(p, 0, 1, 4, 5);
	placement_done(&p);
}

static void none_pins_nothing(void **state)
{
	struct placement p;

	(void)state;
	place(SMT_MACHINE, 3, "none", &p);
	assert_int_equal(p.lanes, 3);
	assert_null(p.lane_cpus);
	assert_null(p.helper_cpus);
	placement_done(&p);
}

static void more_lanes_than_cpus_names_both_numbers(void **state)
{
	(void)state;
	refuse(9, "cores", "9", "8");
	refuse(9, "none", "9", "8");
	refuse(3, "0,1", "3", "2");
	refuse(0, "cores", "1", "core");
}

static void a_bad_list_is_a_user_error(void **state)
{
	(void)state;
	refuse(1, "corse", "corse", "cores");
	refuse(1, "", "--pin", "cores");
	refuse(1, "1,", "'1,'", "--pin");
	refuse(1, "3-1", "3-1", "--pin");
	refuse(1, "0-999999", "CPU 8", "--pin");
	refuse(1, "99999999999999999999", "9999", "--pin");
	refuse(2, "1,0-1", "CPU 1", "twice");
	refuse(1, "-1", "-1", "--pin");
}

static void counts_and_texts_describe_the_machine(void **state)
{
	struct topology *t = made_up("package:2 core:4 pu:2");
	const struct topology_counts *c = topology_counts(t);
	char *text = topology_describe(t), *xml;

	(void)state;
	assert_int_equal(c->packages, 2);
	assert_int_equal(c->cores, 8);
	assert_int_equal(c->pus, 16);
	assert_int_equal(c->pus_allowed, 16);
	assert_true(c->smt);
	assert_non_null(text);
	assert_non_null(strstr(text, "8 cores, 16 hardware threads"));
	assert_int_equal(topology_xml(t, &xml, NULL), 0);
	assert_non_null(strstr(xml, "<topology"));
	free(text);
	free(xml);
	topology_free(t);
}

/* In a child, as affinity is the process's. */
static void only_cpus_that_may_be_used_are_used(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct placement p;
		struct topology *t;
		cpu_set_t set;
		int last = -1;

		if (sched_getaffinity(0, sizeof(set), &set) < 0)
			_exit(2);
		for (int i = 0; i < CPU_SETSIZE; i++)
			if (CPU_ISSET(i, &set))
				last = i;
		CPU_ZERO(&set);
		CPU_SET(last, &set);
		if (sched_setaffinity(0, sizeof(set), &set) < 0)
			_exit(3);
		if (topology_load(&t, NULL) < 0 || topology_counts(t)->pus_allowed != 1)
			_exit(4);
		if (topology_place(t, 1, "cores", &p, NULL) < 0 || p.lane_cpus[0] != last)
			_exit(5);
		if (topology_place(t, 2, "cores", &p, NULL) != -EINVAL)
			_exit(6);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void machines_of_the_same_build_have_the_same_shape(void **state)
{
	static const char *const builds[] = {"package:1 core:4 pu:2", "package:1 core:8 pu:1",
		"package:2 core:2 pu:2", "package:1 l2:2 core:2 pu:2"};
	char *shapes[ARRAY_SIZE(builds)];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(builds); i++) {
		struct topology *t = made_up(builds[i]), *twin = made_up(builds[i]);
		char *again = topology_shape(twin);

		shapes[i] = topology_shape(t);
		assert_non_null(shapes[i]);
		print_message("%s\n", shapes[i]);
		assert_string_equal(shapes[i], again);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(shapes[i], shapes[j]);
		free(again);
		topology_free(t);
		topology_free(twin);
	}
	assert_non_null(strstr(shapes[0], "Core{PU*2}*4"));
	for (size_t i = 0; i < ARRAY_SIZE(builds); i++)
		free(shapes[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lanes_take_one_core_each_before_they_share_one),
		cmocka_unit_test(helpers_prefer_cores_without_a_lane),
		cmocka_unit_test(where_lanes_take_every_cpu_helpers_have_none),
		cmocka_unit_test(threads_fill_a_core_before_the_next),
		cmocka_unit_test(a_list_is_taken_in_its_order),
		cmocka_unit_test(none_pins_nothing),
		cmocka_unit_test(more_lanes_than_cpus_names_both_numbers),
		cmocka_unit_test(a_bad_list_is_a_user_error),
		cmocka_unit_test(counts_and_texts_describe_the_machine),
		cmocka_unit_test(machines_of_the_same_build_have_the_same_shape),
		cmocka_unit_test(only_cpus_that_may_be_used_are_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
