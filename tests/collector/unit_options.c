/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/options/options.h: defaults, lists, and one line that names each mistake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/options/options.h"
#include "common/cleanup.h"
#include "guests/stacks/stacks.h"

#define ARGUMENTS_MAX 16

/** The words live as long as the options do: parsing may write into them, and puts another word in
 * the place of the first. */
static char *words[ARGUMENTS_MAX + 1];
static char *argv[ARGUMENTS_MAX + 1];

static int parse(struct options *ret, struct error *error, const char *const *arguments)
{
	int argc = 0;

	for (int i = 0; i < ARGUMENTS_MAX; i++) {
		free(words[i]);
		words[i] = NULL;
	}
	words[argc++] = strdup("collector");
	for (; *arguments; arguments++) {
		assert_true(argc < ARGUMENTS_MAX);
		words[argc++] = strdup(*arguments);
	}
	memset(error, 0, sizeof(*error));
	memcpy(argv, words, sizeof(argv));
	return options_parse(argc, argv, ret, error);
}

#define PARSE(o, ...)                                                                              \
	({                                                                                         \
		struct error _error;                                                               \
		int _r = parse(&(o), &_error, (const char *const[]){__VA_ARGS__, NULL});           \
		if (_r)                                                                            \
			print_error("%s\n", _error.text);                                          \
		_r;                                                                                \
	})

static void without_options_the_defaults_count(void **state)
{
	const char *const none[] = {NULL};
	struct options o;
	struct error error;

	(void)state;
	assert_int_equal(parse(&o, &error, none), 0);
	assert_int_equal(o.action, ACTION_MEASURE);
	assert_int_equal(o.n_guests, 1);
	assert_string_equal(o.guests[0]->name, "native");
	assert_int_equal(o.n_cores, 0);
	assert_string_equal(o.scenario->name, "quick");
	assert_int_equal(o.repeat, 8);
	assert_int_equal(o.accel, ACCEL_AUTO);
	assert_true(o.oncpu && o.offcpu && o.inside);
	assert_null(o.counters);
	assert_int_equal(o.frequency_hz, 0); /* auto */
	assert_int_equal(o.ram_bytes, 0);
	assert_string_equal(o.pin, "cores");
	assert_false(o.overcommit);
	assert_null(o.topology);
	assert_false(o.has_seed);
	assert_int_equal(o.timeout_s, 1800);
	assert_false(o.exact_split || o.json || o.own_arguments || o.boot_only);
	assert_int_equal(o.timeline, TIMELINE_BUDGET);
	assert_null(o.program);
	assert_null(o.kernel);
	assert_null(o.symbols);
	assert_null(o.output);
	assert_null(o.container_args);
	assert_null(o.attach);
	assert_ptr_equal(o.arguments, o.scenario->arguments);
	options_done(&o);
}

static void lists_are_taken_in_their_order(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(PARSE(o, "--guest", "osv,native,docker", "--cores=8,1,2"), 0);
	assert_int_equal(o.n_guests, 3);
	assert_string_equal(o.guests[0]->name, "osv");
	assert_string_equal(o.guests[1]->name, "native");
	assert_string_equal(o.guests[2]->name, "docker");
	assert_int_equal(o.n_cores, 3);
	assert_int_equal(o.cores[0], 8);
	assert_int_equal(o.cores[1], 1);
	assert_int_equal(o.cores[2], 2);
	options_done(&o);
}

static void arguments_stay_as_they_were_given(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(
		PARSE(o, "--guest", "native,bare", "--cores=1,2", "--profile", "oncpu,offcpu"), 0);
	assert_string_equal(argv[2], "native,bare");
	assert_string_equal(argv[3], "--cores=1,2");
	assert_string_equal(argv[5], "oncpu,offcpu");
}

static void a_later_list_takes_the_place_of_an_earlier(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(PARSE(o, "-g", "osv,docker", "-c", "1,2", "-g", "native", "-c", "2"), 0);
	assert_int_equal(o.n_guests, 1);
	assert_string_equal(o.guests[0]->name, "native");
	assert_int_equal(o.n_cores, 1);
	assert_int_equal(o.cores[0], 2);
	options_done(&o);
}

static void every_stack_can_be_named(void **state)
{
	(void)state;
	for (size_t i = 0; guest_table[i]; i++) {
		struct options o;

		/* What follows is a program's, or QEMU's. */
		assert_int_equal(PARSE(o, "--guest", guest_table[i]->name, "--", "-m", "1G"), 0);
		assert_ptr_equal(o.guests[0], guest_table[i]);
		options_done(&o);
	}
}

static void the_profile_is_chosen_by_words(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(PARSE(o, "--profile", "offcpu"), 0);
	assert_true(!o.oncpu && !o.inside && o.offcpu);
	assert_int_equal(PARSE(o, "--profile", "guest"), 0);
	assert_true(o.oncpu && o.inside && !o.offcpu);
	assert_int_equal(PARSE(o, "--profile", "offcpu,oncpu"), 0);
	assert_true(o.oncpu && !o.inside && o.offcpu);
	assert_int_equal(PARSE(o, "--profile", "none"), 0);
	assert_false(o.oncpu || o.offcpu);
	options_done(&o);
}

static void counters_are_a_list_or_none(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(PARSE(o, "--counters", "cycles,instructions"), 0);
	assert_string_equal(o.counters, "cycles,instructions");
	assert_int_equal(PARSE(o, "--counters", "none"), 0);
	assert_string_equal(o.counters, "none");
	options_done(&o);
}

static void what_to_attach_to_arrives(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(PARSE(o, "--attach=4194304", "--timeout=60", "--symbols=s"), 0);
	assert_string_equal(o.attach, "4194304");
	assert_int_equal(PARSE(o, "--attach=web"), 0);
	assert_string_equal(o.attach, "web");
	options_done(&o);
}

static void numbers_and_words_arrive(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(PARSE(o, "--repeat=3", "--frequency=99", "--timeout=60",
				 "--seed=9223372036854775807", "--accel=tcg", "--split=exact",
				 "--scenario=paper-2", "--json", "--pin=0,2", "--output=there",
				 "--kernel=k", "--symbols=s", "--guest=osv"),
		0);
	assert_int_equal(o.repeat, 3);
	assert_int_equal(o.frequency_hz, 99);
	assert_int_equal(o.timeout_s, 60);
	assert_true(o.has_seed && o.seed == INT64_MAX);
	assert_int_equal(o.accel, ACCEL_TCG);
	assert_true(o.exact_split && o.json);
	assert_string_equal(o.scenario->name, "paper-2");
	assert_ptr_equal(o.arguments, o.scenario->arguments);
	assert_string_equal(o.pin, "0,2");
	assert_string_equal(o.output, "there");
	assert_string_equal(o.kernel, "k");
	assert_string_equal(o.symbols, "s");
	assert_false(o.own);
	options_done(&o);
}

static void who_measures_thrice_is_warmed_up(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(PARSE(o, "--repeat=2"), 0);
	assert_int_equal(o.warmup, 0);
	assert_int_equal(PARSE(o, "--repeat=3"), 0);
	assert_int_equal(o.warmup, 1);
	assert_int_equal(PARSE(o, "--warmup=0"), 0);
	assert_int_equal(o.warmup, 0);
	assert_int_equal(PARSE(o, "--repeat=1", "--warmup=2"), 0);
	assert_int_equal(o.warmup, 2);
	options_done(&o);
}

static void experiments_are_described(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(PARSE(o, "--aa", "--cooldown=30", "--shard=2/3", "--seed=5"), 0);
	assert_true(o.aa);
	assert_int_equal(o.cooldown_s, 30);
	assert_int_equal(o.shard, 2);
	assert_int_equal(o.shards, 3);
	assert_true(options_given(&o, "aa") && options_given(&o, "shard"));
	assert_false(options_given(&o, "repeat"));
	assert_int_equal(PARSE(o, "--resume=there", "--force"), 0);
	assert_string_equal(o.resume, "there");
	assert_true(o.force);
	options_done(&o);
}

static void one_thing_can_be_done_instead_of_measuring(void **state)
{
	static const struct {
		const char *option;
		enum action action;
	} actions[] = {
		{"--dry-run", ACTION_DRY_RUN},
		{"--doctor", ACTION_DOCTOR},
		{"--list-guests", ACTION_LIST_GUESTS},
		{"--list-counters", ACTION_LIST_COUNTERS},
		{"--list-scenarios", ACTION_LIST_SCENARIOS},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		struct options o;

		assert_int_equal(PARSE(o, actions[i].option), 0);
		assert_int_equal(o.action, actions[i].action);
		options_done(&o);
	}
}

static void container_options_are_gathered(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(PARSE(o, "--guest=docker", "--container-option=--cpus=0.5",
				 "--container-option", "--read-only"),
		0);
	assert_int_equal(o.n_container_args, 2);
	assert_string_equal(o.container_args[0], "--cpus=0.5");
	assert_string_equal(o.container_args[1], "--read-only");
	assert_null(o.container_args[2]);
	options_done(&o);
	assert_null(o.container_args);
}

static void a_program_of_the_users_has_its_own_arguments(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(PARSE(o, "--program=p", "--with=a", "--with=b:/c", "--cwd=d",
				 "--env=A=1=2", "--env=B=", "--", "-cores", "{cores}", "-file"),
		0);
	assert_true(o.own && o.own_arguments);
	assert_string_equal(options_scenario(&o), "program");
	assert_string_equal(o.program, "p");
	assert_string_equal(o.arguments[0], "-cores");
	assert_int_equal(o.n_with, 2);
	assert_string_equal(o.with[1], "b:/c");
	assert_null(o.with[2]);
	assert_string_equal(o.cwd, "d");
	assert_int_equal(o.n_environment, 2);
	assert_string_equal(o.environment[0], "A=1=2");
	assert_string_equal(o.environment[1], "B=");
	options_done(&o);
	assert_int_equal(PARSE(o, "--program=p"), 0);
	assert_true(o.own && !o.own_arguments);
	assert_null(o.arguments[0]);
	options_done(&o);
}

static void what_is_behind_two_dashes_is_the_workloads(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(PARSE(o, "--repeat", "2", "--", "-height", "9", "--guest", "--", "x"), 0);
	assert_true(o.own_arguments);
	assert_int_equal(o.repeat, 2);
	assert_string_equal(o.guests[0]->name, "native");
	assert_string_equal(o.arguments[0], "-height");
	assert_string_equal(o.arguments[1], "9");
	assert_string_equal(o.arguments[2], "--guest");
	assert_string_equal(o.arguments[3], "--");
	assert_string_equal(o.arguments[4], "x");
	assert_null(o.arguments[5]);
	options_done(&o);
}

static void two_dashes_and_nothing_leave_the_scenarios_arguments(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(PARSE(o, "--"), 0);
	assert_false(o.own_arguments);
	assert_ptr_equal(o.arguments, o.scenario->arguments);
	options_done(&o);
}

static void each_mistake_is_the_users_and_named_in_one_line(void **state)
{
	static const struct {
		const char *arguments[3];
		const char *named;     /**< what is wrong */
		const char *explained; /**< what would be right */
	} mistakes[] = {
		{{"--guest=xen"}, "'xen'", "--list-guests"},
		{{"--guest=native,xen"}, "'xen'", "--list-guests"},
		{{"--guest=native,native"}, "'native'", "twice"},
		{{"--guest="}, "--guest", "name"},
		{{"--kernel=k"}, "--kernel", "virtual machines"},
		{{"--guest=docker", "--symbols=s"}, "--symbols", "virtual machines"},
		{{"--guest=bare", "--disk=d"}, "--disk", "linux and osv"},
		{{"--guest=docker", "--machine=q35"}, "--machine", "virtual machines"},
		{{"--guest=nanos", "--machine=isapc"}, "'isapc'", "microvm"},
		{{"--guest=nanos,bare", "--machine=microvm"}, "bare", "ACPI timer"},
		{{"--guest=osv", "--machine=microvm"}, "osv", "HPET"},
		{{"--guest=osv,native", "--disk=d"}, "--guest", "alone"},
		{{"--guest=osv", "--append=a"}, "--append", "--disk"},
		{{"--guest=qemu"}, "--guest qemu", "after --"},
		{{"--guest=qemu,native", "--", "-m"}, "--guest", "alone"},
		{{"--guest=qemu", "--append=a"}, "--append", "--disk"},
		{{"--guest=,,"}, "--guest", "empty item in ',,'"},
		{{"--cores=0"}, "'0'", "1 to 256"},
		{{"--cores=257"}, "'257'", "1 to 256"},
		{{"--cores=two"}, "'two'", "--cores"},
		{{"--cores=1,2x"}, "'2x'", "--cores"},
		{{"--cores=-1"}, "'-1'", "--cores"},
		{{"--cores=2,1,2"}, "--cores", "2 twice"},
		{{"--cores="}, "--cores", "number"},
		{{"--scenario=slow"}, "'slow'", "--list-scenarios"},
		{{"--repeat=0"}, "'0'", "--repeat"},
		{{"--repeat=100001"}, "'100001'", "--repeat"},
		{{"--repeat=1.5"}, "'1.5'", "whole number"},
		{{"--repeat="}, "''", "--repeat"},
		{{"--frequency=0"}, "'0'", "--frequency"},
		{{"--memory=64M"}, "'64M'", "128M"},
		{{"--memory=5T"}, "'5T'", "--memory"},
		{{"--memory=-5G"}, "'-5G'", "--memory"},
		{{"--memory=99999999999999999999"}, "99999", "--memory"},
		{{"--memory=18014398509481985G"}, "18014398509481985G", "1024G"},
		{{"--frequency=20001"}, "'20001'", "20000"},
		{{"--timeout=0"}, "'0'", "--timeout"},
		{{"--timeout=99999999999999999999"}, "'99999999999999999999'", "--timeout"},
		{{"--seed=-1"}, "'-1'", "--seed"},
		{{"--seed=9223372036854775808"}, "'9223372036854775808'", "--seed"},
		{{"--variant=x"}, "'x'", "NAME='WORDS'"},
		{{"--variant==x"}, "'=x'", "name"},
		{{"--variant=x=1", "--variant=x=2"}, "--variant names x", "twice"},
		{{"--variant=a:b=1"}, "'a:b'", "colon"},
		{{"--variant= a=1"}, "' a'", "blanks"},
		{{"--variant=a\tb=1"}, "--variant", "printed"},
		{{"--variant=\xff=1"}, "--variant", "printed"},
		{{"--variant="
		  "0123456789012345678901234567890123456789012345678901234567890=1"},
			"0123456789", "60 bytes"},
		{{"--attach=1", "--variant=a="}, "--variant", "--attach"},
		{{"--weak"}, "--weak", "--cores"},
		{{"--weak", "--cores=2,4"}, "--weak", "needs 1"},
		{{"--attach="}, "value", "--attach"},
		{{"--attach=1", "--boot-only"}, "--boot-only", "--attach"},
		{{"--until=0%"}, "0%", "--until"},
		{{"--until=-3"}, "-3", "--until"},
		{{"--until=150%"}, "150%", "100 %"},
		{{"--until=soon"}, "'soon'", "--until"},
		{{"--until=1%", "--max-runs=4"}, "--max-runs 4", "--repeat 8"},
		{{"--until=1%", "--repeat=2", "--max-runs=2"}, "--max-runs is 2", "3 runs"},
		{{"--until=1%", "--shard=1/2", "--seed=1"}, "--until", "--shard"},
		{{"--until=1%", "--attach=1"}, "--until", "--attach"},
		{{"--max-runs=50"}, "--max-runs", "--until"},
		{{"--max-time=50"}, "--max-time", "--until"},
		{{"--attach=1", "--guest=native"}, "--guest", "--attach"},
		{{"--attach=1", "--repeat=3"}, "--repeat", "--attach"},
		{{"--scenario=quick", "--program=p"}, "--scenario quick", "--program"},
		{{"--with=f"}, "--with", "--program"},
		{{"--cwd=d"}, "--cwd", "--program"},
		{{"--env=A=b"}, "--env", "--program"},
		{{"--program=p", "--env=A"}, "'A'", "NAME=VALUE"},
		{{"--program=p", "--env==b"}, "'=b'", "NAME=VALUE"},
		{{"--program=p", "--env=A=1", "--env=A="}, "sets A", "twice"},
		{{"--program=p", "--with="}, "--with", "FILE:PATH"},
		{{"--program=p", "--with=:/x"}, "':/x'", "FILE:PATH"},
		{{"--accel=hvf"}, "'hvf'", "auto, kvm, tcg"},
		{{"--warmup=-1"}, "'-1'", "--warmup"},
		{{"--cooldown=soon"}, "'soon'", "--cooldown"},
		{{"--shard=0/2", "--seed=1"}, "'0/2'", "--shard"},
		{{"--shard=3/2", "--seed=1"}, "'3/2'", "--shard"},
		{{"--shard=1", "--seed=1"}, "'1'", "--shard"},
		{{"--shard=1/2x", "--seed=1"}, "'1/2x'", "--shard"},
		{{"--shard=-1/2", "--seed=1"}, "'-1/2'", "--shard"},
		{{"--shard=1/2"}, "--shard", "--seed"},
		{{"--shard=3/4", "--seed=1", "--repeat=2"}, "3/4", "2 blocks"},
		{{"--shard=1/2", "--seed=1", "--attach=1"}, "--shard", "--attach"},
		{{"--resume=d", "--output=e"}, "--resume", "--output"},
		{{"--resume=d", "--attach=1"}, "--resume", "--attach"},
		{{"--force"}, "--force", "--resume"},
		{{"--topology=pack:2 pu:2"}, "--topology", "--dry-run"},
		{{"--container-option=--cpuset-cpus=1"}, "--cpuset-cpus=1", "--pin"},
		{{"--container-option=--cpuset-cpus", "--container-option=1"}, "plan",
			"--pin none"},
		{{"--split=maybe"}, "'maybe'", "sampled, exact"},
		{{"--timeline=some"}, "'some'", "none, full, budget"},
		{{"--profile=guests"}, "'guests'", "oncpu, guest, offcpu, exits or none"},
		{{"--guest=native,"}, "--guest", "empty item in 'native,'"},
		{{"--guest=,native"}, "--guest", "empty item in ',native'"},
		{{"--guest=native, ,osv"}, "--guest", "empty item in 'native, ,osv'"},
		{{"--cores=1,,2"}, "--cores", "empty item in '1,,2'"},
		{{"--profile=oncpu,"}, "--profile", "empty item in 'oncpu,'"},
		{{"--", "-file", "x.png"}, "-file after --", "picture"},
		{{"--", "--file=x.png"}, "--file=x.png after --", "picture"},
		{{"--", "-width=9", "-cores=2"}, "-cores=2 after --", "--cores"},
		{{"--scenario=paper-2", "--", "-width"}, "--scenario paper-2", "after --"},
		{{"--attach=1", "--scenario=paper-2"}, "--scenario", "--attach"},
		{{"--attach=1", "--", "-width"}, "after --", "--attach"},
		{{"paper-1"}, "'paper-1'", "after --"},
		{{"--json", "paper-1"}, "'paper-1'", "after --"},
		{{"paper-1", "--", "x"}, "'paper-1'", "after --"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		const char *arguments[4] = {mistakes[i].arguments[0], mistakes[i].arguments[1],
			mistakes[i].arguments[2], NULL};
		struct options o;
		struct error error;

		print_message("%s\n", arguments[0]);
		assert_int_equal(parse(&o, &error, arguments), -EINVAL);
		assert_true(error.user);
		assert_non_null(strstr(error.text, mistakes[i].named));
		assert_non_null(strstr(error.text, mistakes[i].explained));
		assert_null(strchr(error.text, '\n'));
		options_done(&o);
	}
}

static void a_list_that_is_too_long_is_a_mistake(void **state)
{
	char list[1024] = "--cores=1";
	const char *const arguments[] = {list, NULL};
	struct options o;
	struct error error;

	(void)state;
	for (int i = 2; i <= OPTIONS_LIST_MAX + 1; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), ",%d", i);
	assert_int_equal(parse(&o, &error, arguments), -EINVAL);
	assert_true(error.user);
	assert_non_null(strstr(error.text, "64"));
	options_done(&o);
}

/** What a process that parses @argument writes to standard error; argp ends it by itself. */
static int parse_in_a_child(const char *argument, char *ret_text, size_t size)
{
	const char *const arguments[] = {argument, NULL};
	int ends[2], status;
	ssize_t n, used = 0;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct options o;
		struct error error;

		if (dup2(ends[1], STDERR_FILENO) < 0)
			_exit(99);
		parse(&o, &error, arguments);
		_exit(98);
	}
	close(ends[1]);
	while ((n = read(ends[0], ret_text + used, size - 1 - (size_t)used)) > 0)
		used += n;
	ret_text[used] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void an_option_that_does_not_exist_is_one_line_and_status_2(void **state)
{
	static const char *const unknown[] = {"--gust", "--json=yes", "--repeat", "-Z"};
	char text[4096];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		char name[16];

		assert_int_equal(parse_in_a_child(unknown[i], text, sizeof(text)), EXIT_USAGE);
		print_message("%s", text);
		assert_int_equal(strncmp(text, "collector: ", 11), 0);
		snprintf(name, sizeof(name), "%s", unknown[i] + (unknown[i][1] == '-' ? 2 : 1));
		name[strcspn(name, "=")] = '\0';
		assert_non_null(strstr(text, name));
		assert_non_null(strchr(text, '\n'));
		assert_string_equal(strchr(text, '\n'), "\n");
	}
}

static int forget_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		free(words[i]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_options_the_defaults_count),
		cmocka_unit_test(lists_are_taken_in_their_order),
		cmocka_unit_test(arguments_stay_as_they_were_given),
		cmocka_unit_test(a_later_list_takes_the_place_of_an_earlier),
		cmocka_unit_test(every_stack_can_be_named),
		cmocka_unit_test(the_profile_is_chosen_by_words),
		cmocka_unit_test(counters_are_a_list_or_none),
		cmocka_unit_test(what_to_attach_to_arrives),
		cmocka_unit_test(numbers_and_words_arrive),
		cmocka_unit_test(who_measures_thrice_is_warmed_up),
		cmocka_unit_test(experiments_are_described),
		cmocka_unit_test(one_thing_can_be_done_instead_of_measuring),
		cmocka_unit_test(container_options_are_gathered),
		cmocka_unit_test(a_program_of_the_users_has_its_own_arguments),
		cmocka_unit_test(what_is_behind_two_dashes_is_the_workloads),
		cmocka_unit_test(two_dashes_and_nothing_leave_the_scenarios_arguments),
		cmocka_unit_test(each_mistake_is_the_users_and_named_in_one_line),
		cmocka_unit_test(a_list_that_is_too_long_is_a_mistake),
		cmocka_unit_test(an_option_that_does_not_exist_is_one_line_and_status_2),
	};

	return cmocka_run_group_tests(tests, NULL, forget_words);
}
