/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/machine/machine.h, on a tree of files that looks like another machine's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/books/syscall_names.h"
#include "collector/machine/environment.h"
#include "collector/machine/machine.h"
#include "temporary.h"

#define CPU "sys/devices/system/cpu/"

static int make_machine(void **state)
{
	if (temporary_make(state) < 0)
		return -1;
	write_text("proc/cpuinfo",
		"processor\t: 0\nvendor_id\t: AuthenticAMD\n"
		"model name\t: Some CPU 3000\nflags\t\t: fpu svm hypervisor x\n\n"
		"processor\t: 1\nmodel name\t: Other\n");
	write_text(CPU "cpu0/cpufreq/scaling_governor", "powersave\n");
	write_text(CPU "cpu0/cpufreq/scaling_cur_freq", "1400000\n");
	write_text(CPU "cpu0/cpufreq/cpuinfo_min_freq", "800000\n");
	write_text(CPU "cpu0/cpufreq/cpuinfo_max_freq", "4000000\n");
	write_text(CPU "cpu1/cpufreq/scaling_governor", "powersave\n");
	write_text(CPU "cpu0/thermal_throttle/core_throttle_count", "3\n");
	write_text(CPU "cpu1/thermal_throttle/core_throttle_count", "4\n");
	write_text(CPU "intel_pstate/no_turbo", "0\n");
	write_text(CPU "smt/active", "1\n");
	write_text(CPU "vulnerabilities/meltdown", "Mitigation: PTI\n");
	write_text("sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n");
	write_text("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
	write_text("proc/meminfo", "MemTotal: 1000 kB\nSwapTotal: 5000 kB\nSwapFree: 1000 kB\n");
	write_text("proc/stat", "cpu  9 9 9 9 9 9 9 9 9 9\n"
				"cpu0 100 1 2 300 4 5 6 7 8 9\ncpu2 10 0 0 30 0\nintr 1\n");
	return 0;
}

static json_t *facts_of_machine(void)
{
	json_t *facts = machine_facts(temporary_dir);

	assert_non_null(facts);
	return facts;
}

static void facts_are_those_of_the_files(void **state)
{
	json_t *facts = facts_of_machine(), *frequency;

	(void)state;
#define TEXT(key) json_string_value(json_object_get(facts, key))
	assert_string_equal(TEXT("cpu_model"), "Some CPU 3000");
	assert_string_equal(TEXT("cpu_flags_virtualisation"), "svm");
	assert_string_equal(TEXT("clocksource"), "hpet");
	assert_string_equal(TEXT("thp"), "madvise");
	assert_true(json_is_true(json_object_get(facts, "hypervisor")));
	assert_true(json_is_true(json_object_get(facts, "boost")));
	assert_true(json_is_true(json_object_get(facts, "smt_active")));
	assert_int_equal(json_array_size(json_object_get(facts, "governor")), 1);
	frequency = json_object_get(facts, "frequency_khz");
	assert_int_equal(json_integer_value(json_object_get(frequency, "max")), 4000000);
	assert_int_equal(json_integer_value(json_object_get(facts, "swap_used_bytes")), 4096000);
	json_decref(facts);
}

static void what_is_not_known_is_absent(void **state)
{
	json_t *facts = facts_of_machine();

	(void)state;
	assert_null(json_object_get(facts, "cpufreq_driver"));
	assert_null(json_object_get(facts, "nmi_watchdog"));
	json_decref(facts);

	facts = machine_facts("/nonexistent");
	assert_non_null(facts);
	assert_null(json_object_get(facts, "cpu_model"));
	assert_null(json_object_get(facts, "hypervisor"));
	json_decref(facts);
}

static char warnings[4096];

static void keep_warning(const char *sentence, void *userdata)
{
	size_t n = strlen(warnings);

	(void)userdata;
	snprintf(warnings + n, sizeof(warnings) - n, "%s\n", sentence);
}

static void warnings_say_what_bears_on_the_results(void **state)
{
	json_t *facts = facts_of_machine();
	const int cpus[] = {0, 1};
	const struct placement p = {.lanes = 2, .lane_cpus = (int *)cpus, .smt_lanes = 2};

	(void)state;
	warnings[0] = '\0';
	machine_warnings(facts, NULL, &p, keep_warning, NULL);
	assert_non_null(strstr(warnings, "'powersave'"));
	assert_non_null(strstr(warnings, "'hpet'"));
	assert_non_null(strstr(warnings, "itself virtual"));
	assert_non_null(strstr(warnings, "2 of 2 lanes share a core"));
	assert_non_null(strstr(warnings, "Swap is in use (4 MB)"));
	json_decref(facts);
}

static void the_environment_is_dropped_where_it_is_ours_and_told_where_it_is_the_programs(
	void **state)
{
	json_t *facts = facts_of_machine();

	(void)state;
	setenv("LIBPFM_FORCE_PMU", "amd64_k7", 1);
	setenv("HWLOC_SYNTHETIC", "pu:64", 1);
	setenv("MALLOC_ARENA_MAX", "1", 1);
	environment_drop();
	assert_null(getenv("LIBPFM_FORCE_PMU"));
	assert_null(getenv("HWLOC_SYNTHETIC"));
	assert_string_equal(getenv("MALLOC_ARENA_MAX"), "1");
	warnings[0] = '\0';
	machine_warnings(facts, NULL, NULL, keep_warning, NULL);
	assert_non_null(strstr(warnings, "The environment has MALLOC_ARENA_MAX=1"));
	unsetenv("MALLOC_ARENA_MAX");
	json_decref(facts);
}

static void system_calls_have_names(void **state)
{
	(void)state;
	assert_string_equal(syscall_name(0), "read");
	assert_string_equal(syscall_name(202), "futex");
	assert_string_equal(syscall_name(202), "futex");
	assert_string_equal(syscall_name(999), "syscall_999");
	assert_string_equal(syscall_name(-1), "syscall_unknown");
	assert_string_equal(syscall_name(1L << 40), "syscall_unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_are_those_of_the_files),
		cmocka_unit_test(what_is_not_known_is_absent),
		cmocka_unit_test(warnings_say_what_bears_on_the_results),
		cmocka_unit_test(
			the_environment_is_dropped_where_it_is_ours_and_told_where_it_is_the_programs),
		cmocka_unit_test(system_calls_have_names),
	};

	return cmocka_run_group_tests(tests, make_machine, temporary_remove);
}
