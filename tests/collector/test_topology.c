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

#include "collector/machine/environment.h"
#include "collector/machine/topology.h"
#include "common/cleanup.h"

/* PUs are numbered in the order of the topology: core 0 has 0 and 1, core 1 has 2 and 3 ... */
#define SMT_MACHINE "package:1 core:4 pu:2"

static struct topology *made_up(const char *description)
{
	struct topology *t;

	assert_int_equal(topology_load_synthetic(description, NULL, &t, NULL), 0);
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

/* Of the eight CPUs of SMT_MACHINE. */
static struct topology *limited(const struct topology_limits *limits)
{
	struct topology *t;

	assert_int_equal(topology_load_synthetic(SMT_MACHINE, limits, &t, NULL), 0);
	return t;
}

static void expect_list(const struct topology *t, enum topology_set set, const char *wanted)
{
	char *list = topology_list(t, set);

	if (wanted)
		assert_string_equal(list, wanted);
	else
		assert_null(list);
	free(list);
}

static void place(const char *machine, unsigned lanes, const char *pin, struct placement *ret)
{
	struct topology *t = made_up(machine);

	assert_int_equal(topology_place(t, lanes, pin, false, ret, NULL), 0);
	topology_free(t);
}

static void refuse(unsigned lanes, const char *pin, const char *word, const char *other_word)
{
	struct topology *t = made_up(SMT_MACHINE);
	struct placement p = {.lanes = 77};
	struct error error = {0};

	assert_int_equal(topology_place(t, lanes, pin, false, &p, &error), -EINVAL);
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

static void without_overcommit_the_refusal_names_it(void **state)
{
	(void)state;
	refuse(9, "cores", "--overcommit", "8");
	refuse(9, "none", "--overcommit", "8");
	refuse(3, "0,1", "--overcommit", "--pin names 2");
}

static void overcommitted_lanes_are_spread_evenly(void **state)
{
	static const char *const pins[] = {"cores", "threads", "5,2,7"};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(pins); k++) {
		struct topology *t = made_up(SMT_MACHINE);

		for (unsigned lanes = 1; lanes <= 40; lanes++) {
			unsigned n_cpus = k == 2 ? 3 : 8, load[8] = {0};
			struct placement p;

			assert_int_equal(topology_place(t, lanes, pins[k], true, &p, NULL), 0);
			for (unsigned i = 0; i < lanes; i++) {
				load[p.lane_cpus[i]]++;
				if (i >= n_cpus)
					assert_int_equal(p.lane_cpus[i], p.lane_cpus[i - n_cpus]);
			}
			for (unsigned cpu = 0; cpu < 8; cpu++)
				if (k != 2 || cpu == 5 || cpu == 2 || cpu == 7)
					assert_true(load[cpu] == lanes / n_cpus ||
						    load[cpu] == (lanes + n_cpus - 1) / n_cpus);
				else
					assert_int_equal(load[cpu], 0);
			assert_int_equal(p.sharing_lanes, lanes <= n_cpus ? 0
							  : lanes < 2 * n_cpus
								  ? 2 * (lanes - n_cpus)
								  : lanes);
			placement_done(&p);
		}
		topology_free(t);
	}
}

static void a_cpuset_changes_what_may_be_used_and_not_the_machine(void **state)
{
	struct topology *whole = made_up(SMT_MACHINE);
	struct topology *t = limited(&(struct topology_limits){.not_in_cpuset = "0,4-7"});
	char *shape = topology_shape(t), *other = topology_shape(whole);
	struct placement p;

	(void)state;
	assert_string_equal(shape, other);
	assert_int_equal(topology_counts(t)->cores, 4);
	assert_int_equal(topology_counts(t)->pus, 8);
	assert_int_equal(topology_counts(t)->pus_allowed, 3);
	assert_int_equal(topology_place(t, 3, "cores", false, &p, NULL), 0);
	EXPECT_LANES(p, 1, 2, 3);
	placement_done(&p);
	assert_int_equal(topology_place(t, 1, "0", false, &p, NULL), -EINVAL);
	expect_list(t, TOPOLOGY_NOT_IN_CPUSET, "0,4-7");
	expect_list(t, TOPOLOGY_NOT_IN_AFFINITY, NULL);
	free(shape);
	free(other);
	topology_free(t);
	topology_free(whole);
}

/* As isolcpus=4-7 does it. */
static void isolated_cpus_get_lanes_where_they_are_named(void **state)
{
	struct topology *t =
		limited(&(struct topology_limits){.not_in_affinity = "4-7", .isolated = "4-7\n"});
	struct error error = {0};
	struct placement p;
	char *text = topology_describe(t);

	(void)state;
	expect_list(t, TOPOLOGY_BY_NAME, "4-7");
	expect_list(t, TOPOLOGY_NOT_IN_AFFINITY, NULL); /* that is no taskset */
	assert_non_null(strstr(text, "isolated: CPUs 4-7"));
	assert_int_equal(topology_place(t, 4, "cores", false, &p, NULL), 0);
	EXPECT_LANES(p, 0, 2, 1, 3);
	assert_int_equal(p.isolated_lanes, 0);
	placement_done(&p);
	assert_int_equal(topology_place(t, 4, "7,4-6", false, &p, NULL), 0);
	EXPECT_LANES(p, 7, 4, 5, 6);
	EXPECT_HELPERS(p, 0, 1, 2, 3);
	assert_int_equal(p.isolated_lanes, 4);
	placement_done(&p);
	assert_int_equal(topology_place(t, 2, "3,4", false, &p, NULL), 0);
	assert_int_equal(p.isolated_lanes, 1);
	EXPECT_HELPERS(p, 0, 1);
	placement_done(&p);
	assert_int_equal(topology_place(t, 8, "cores", false, &p, &error), -EINVAL);
	assert_non_null(strstr(error.text, "CPUs 4-7 are isolated"));
	free(text);
	topology_free(t);
}

static void ticks_are_told_of_and_limit_nothing(void **state)
{
	struct topology *t =
		limited(&(struct topology_limits){.tickless = "6-7", .isolated = "(null)"});
	struct placement p;

	(void)state;
	assert_int_equal(topology_counts(t)->pus_allowed, 8);
	expect_list(t, TOPOLOGY_ISOLATED, NULL);
	assert_int_equal(topology_place(t, 8, "cores", false, &p, NULL), 0);
	assert_int_equal(p.tickless_lanes, 2);
	placement_done(&p);
	topology_free(t);
}

static void taskset_is_obeyed_and_named(void **state)
{
	struct topology *t = limited(&(struct topology_limits){
		.not_in_affinity = "1,4-7", .not_in_cpuset = "7", .isolated = "6"});
	struct placement p;

	(void)state;
	expect_list(t, TOPOLOGY_NOT_IN_AFFINITY, "1,4-5");
	expect_list(t, TOPOLOGY_NOT_IN_CPUSET, "7");
	expect_list(t, TOPOLOGY_BY_NAME, "6");
	assert_int_equal(topology_place(t, 1, "5", false, &p, NULL), -EINVAL);
	assert_int_equal(topology_place(t, 1, "6", false, &p, NULL), 0);
	placement_done(&p);
	topology_free(t);
}

static void the_environment_of_hwloc_makes_no_other_machine(void **state)
{
	struct topology *t;

	(void)state;
	setenv("HWLOC_SYNTHETIC", "pack:1 core:64 pu:1", 1);
	setenv("HWLOC_THISSYSTEM", "1", 1);
	environment_drop();
	assert_int_equal(topology_load(&t, NULL), 0);
	assert_int_equal(topology_counts(t)->pus, sysconf(_SC_NPROCESSORS_ONLN));
	assert_null(getenv("HWLOC_SYNTHETIC")); /* nor for those whom we start */
	topology_free(t);
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
		if (topology_place(t, 1, "cores", false, &p, NULL) < 0 || p.lane_cpus[0] != last)
			_exit(5);
		if (topology_place(t, 2, "cores", false, &p, NULL) != -EINVAL)
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
		cmocka_unit_test(without_overcommit_the_refusal_names_it),
		cmocka_unit_test(overcommitted_lanes_are_spread_evenly),
		cmocka_unit_test(a_cpuset_changes_what_may_be_used_and_not_the_machine),
		cmocka_unit_test(isolated_cpus_get_lanes_where_they_are_named),
		cmocka_unit_test(ticks_are_told_of_and_limit_nothing),
		cmocka_unit_test(taskset_is_obeyed_and_named),
		cmocka_unit_test(the_environment_of_hwloc_makes_no_other_machine),
		cmocka_unit_test(a_bad_list_is_a_user_error),
		cmocka_unit_test(counts_and_texts_describe_the_machine),
		cmocka_unit_test(machines_of_the_same_build_have_the_same_shape),
		cmocka_unit_test(only_cpus_that_may_be_used_are_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
