/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a run believes of its program's markers (collector/run/run_markers.c). The program is not
 * trusted; the probes, whose phases it begins, are played here (linked with --wrap).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/probes/probe_phases.h"
#include "collector/run/run_audit.h"
#include "collector/run/run_internal.h"
#include "collector/run/run_markers.h"
#include "collector/run/run_pins.h"
#include "collector/run/run_probes.h"
#include "collector/run/run_processes.h"
#include "common/cleanup.h"
#include "guests/containers/cgroup.h"
#include "workload/report.h"

/* As in collector/probes/probe_phases.c: a phase begins a moment after its publication. */
#define LEAD_NS 50000

uint64_t __wrap_clock_ns(void);
uint64_t __wrap_probe_set_phase(struct probe_set *p);
void __wrap_run_finish_probes(struct run *run, uint64_t end_ns);

static uint64_t now_ns;
static unsigned n_published, n_finished;
static uint64_t finished_ns;

uint64_t __wrap_clock_ns(void)
{
	return now_ns;
}

uint64_t __wrap_probe_set_phase(struct probe_set *p)
{
	(void)p;
	return n_published < PROBE_PHASES_MAX ? n_published++, now_ns + LEAD_NS : 0;
}

void __wrap_run_finish_probes(struct run *run, uint64_t end_ns)
{
	(void)run;
	n_finished++;
	finished_ns = end_ns;
}

static struct run_settings settings;
static const struct guest_ops ops; /* no control group, and no process */
static struct guest guest = {.ops = &ops};
static const struct run_request request = {.ops = &ops, .lanes = 2};
static struct lane_thread threads[2];
static struct run_result result;
static struct run run;

static int start(void **state)
{
	(void)state;
	now_ns = 1000000;
	n_published = 1; /* the boot */
	n_finished = 0;
	memset(&result, 0, sizeof(result));
	memset(&run, 0, sizeof(run));
	settings.boot_only = false;
	run.settings = &settings;
	run.request = &request;
	run.guest = &guest;
	run.threads = threads;
	run.result = &result;
	result.start_ns = result.phases[0].start_ns = now_ns;
	result.n_phases = 1;
	strcpy(result.phases[0].name, "boot");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(run.rows);
	free(run.clock.readings);
	free(run.clock.guests);
	free(run.clock.trouble);
	run_result_done(&result);
	return 0;
}

/** The program says @body, @after_ns later. */
static void say(uint64_t after_ns, const char *body)
{
	char line[MARKER_LINE_MAX + 1];
	struct marker m;
	int n = marker_format(line, sizeof(line), body);

	assert_true(n > 0);
	assert_int_equal(marker_parse(line, (size_t)n - 1, &m), 0);
	now_ns += after_ns;
	run_on_marker(&m, &run);
}

static void a_phase_may_begin_without_a_marker(void **state)
{
	(void)state;
	now_ns += 500000;
	run_begin_phase(&run, "run", 0);
	say(200000, "phase name=render t=1000000"); /* the first that tells the program's clock */
	now_ns += 100000;
	run_end_phases(&run);
	assert_int_equal(result.n_phases, 3);
	assert_string_equal(result.phases[1].name, "run");
	assert_int_equal(result.boot_ns, 500000 + LEAD_NS);
	assert_int_equal(result.runtime_ns, 300000);
	assert_int_equal(run.guest_begin_ns, 1000000 - 200000);
	assert_true(result.has_runtime && !result.has_guest_runtime && run.ended);
	run_begin_phase(&run, "late", 0);
	assert_int_equal(result.n_phases, 3);
}

static void phases_follow_one_another_without_a_gap(void **state)
{
	static const char *const names[] = {"boot", "setup", "render", "encode"};

	(void)state;
	say(500000, "phase name=setup t=77");
	say(100000, "phase name=render t=78");
	say(100000, "phase name=encode t=79");
	say(100000, "end t=80 status=3 runtime=299000");
	assert_int_equal(result.n_phases, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_string_equal(result.phases[i].name, names[i]);
		if (i)
			assert_int_equal(result.phases[i].start_ns, result.phases[i - 1].end_ns);
	}
	assert_true(result.has_boot && result.has_runtime && result.has_guest_runtime);
	assert_int_equal(result.boot_ns, 500000 + LEAD_NS);
	assert_int_equal(result.runtime_ns, 300000);
	assert_int_equal(result.guest_runtime_ns, 299000);
	assert_int_equal(result.end_ns, result.phases[3].end_ns);
	assert_int_equal(run.guest_begin_ns, 77);
	assert_int_equal(run.program_status, 3);
	assert_int_equal(n_finished, 1);
	assert_int_equal(finished_ns, result.end_ns);
}

static void any_text_is_a_name(void **state)
{
	static const struct {
		const char *said, *stored;
	} names[] = {{"Render", "Render"}, {"load_data", "load_data"}, {"../../etc", "../../etc"},
		{"<script>", "<script>"}, {"load  the data", "load  the data"},
		{"caf\xc3\xa9 \xe2\x82\xac", "caf\xc3\xa9 \xe2\x82\xac"},
		{"a=b (50 %)", "a=b (50 %)"}, {"shutdown", "shutdown"}, {"boot", "boot-2"},
		{"all", "all-2"}, {"", "unnamed"}, {"latin \xe9", "latin \xef\xbf\xbd"}};
	char body[256];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		/* An equals sign in a name is only taken for one after a word like a key. */
		snprintf(body, sizeof(body), "phase t=1 name=%s", names[i].said);
		say(1, body);
		assert_int_equal(result.n_phases, i + 2);
		assert_string_equal(result.phases[i + 1].name, names[i].stored);
	}
	assert_int_equal(result.n_warnings, 0);
}

static void a_marker_without_a_name_begins_no_phase_and_that_is_said(void **state)
{
	(void)state;
	say(1, "phase t=1");
	assert_int_equal(result.n_phases, 1);
	assert_int_equal(result.n_warnings, 1);
}

static void phases_of_the_same_name_are_told_apart(void **state)
{
	(void)state;
	say(1, "phase name=x");
	say(1, "phase name=x-2");
	say(1, "phase name=x");
	say(1, "phase name=x");
	assert_string_equal(result.phases[2].name, "x-2");
	assert_string_equal(result.phases[3].name, "x-3");
	assert_string_equal(result.phases[4].name, "x-4");
	assert_string_equal(result.phases[4].reported, "x");
}

static void a_long_name_is_cut_between_characters(void **state)
{
	char body[900] = "phase name=";

	(void)state;
	for (int i = 0; i < 200; i++)
		strcat(body, "\xe2\x82\xac");
	say(1, body);
	say(1, body);
	assert_true(result.n_warnings > 0);
	assert_int_equal(strlen(result.phases[1].name), 255);
	assert_int_equal(strlen(result.phases[2].name), 252 + 2);
	assert_string_equal(result.phases[2].name + 249, "\xe2\x82\xac-2");
}

static void an_end_without_a_begin_is_nothing(void **state)
{
	(void)state;
	say(1, "end t=1 status=0 runtime=5");
	say(1, "bye");
	assert_false(run.ended || result.has_runtime || run.said_bye);
	assert_int_equal(n_finished, 0);
}

static void after_the_end_no_phase_begins(void **state)
{
	uint64_t end;

	(void)state;
	say(1, "phase name=render t=1");
	say(1, "end t=2 status=0 runtime=1");
	end = result.end_ns;
	say(1, "phase name=more t=3");
	say(1, "end t=4 status=9 runtime=7");
	assert_int_equal(result.n_phases, 2);
	assert_int_equal(result.end_ns, end);
	assert_int_equal(run.program_status, 0);
	assert_int_equal(result.guest_runtime_ns, 1);
	assert_int_equal(n_finished, 1);
	say(1, "bye");
	assert_true(run.said_bye);
}

static void a_program_that_says_no_runtime_has_none(void **state)
{
	(void)state;
	say(1, "phase name=render");
	say(1, "end runtime=fast status=bad");
	assert_true(run.ended && result.has_runtime);
	assert_false(result.has_guest_runtime);
	assert_int_equal(run.program_status, 0);
}

/* All markers may come in one piece: the last phase then begins after the end was read. */
static void more_phases_than_there_can_be_are_one_and_time_does_not_run_backwards(void **state)
{
	(void)state;
	for (int i = 0; i < 3 * PROBE_PHASES_MAX; i++)
		say(0, "phase name=again t=1");
	assert_int_equal(result.n_phases, PROBE_PHASES_MAX);
	assert_true(result.n_warnings > 0);
	assert_string_equal(result.phases[PROBE_PHASES_MAX - 1].name, "again and later");
	say(0, "end t=2 status=0 runtime=1");
	for (unsigned i = 0; i < result.n_phases; i++)
		assert_true(result.phases[i].end_ns >= result.phases[i].start_ns);
	assert_true(result.end_ns >= run.host_begin_ns);
	assert_true(result.runtime_ns < 1000000);
}

static void workers_are_taken_until_there_are_too_many(void **state)
{
	(void)state;
	say(1, "worker cpu=1"); /* which? */
	say(1, "worker id=one");
	assert_int_equal(result.n_workers, 0);
	say(1, "worker id=1 cpu=3 busy=50 tasks=6 steals=7 parks=8");
	assert_int_equal(result.n_workers, 1);
	assert_int_equal(result.workers[0].worker, 1);
	assert_int_equal(result.workers[0].cpu, 3);
	assert_int_equal(result.workers[0].busy_ns, 50);
	assert_int_equal(result.workers[0].tasks, 6);
	assert_int_equal(result.workers[0].steals, 7);
	assert_int_equal(result.workers[0].parks, 8);
	for (int i = 0; i < 2 * PROBE_LANES_MAX; i++)
		say(1, "worker id=1");
	assert_int_equal(result.n_workers, PROBE_LANES_MAX);
}

static void rows_of_lanes_are_taken_and_no_others(void **state)
{
	const struct row_report rows[] = {{3, 5000, 9000}, {4, 9000, 12000}};
	char body[MARKER_LINE_MAX];

	(void)state;
	assert_int_equal(row_report_encode(body, 1, rows, 2), 2);
	say(1, body);
	assert_int_equal(run.n_rows, 2);
	assert_int_equal(run.rows[1].worker, 1);
	assert_int_equal(run.rows[1].task, 4);
	assert_int_equal(run.rows[1].start_ns, 9000);
	assert_int_equal(run.rows[1].end_ns, 12000);
	row_report_encode(body, 2, rows, 2); /* there are two lanes, 0 and 1 */
	say(1, body);
	say(1, "rows worker=0 t=5 n=2 data=!!!!");
	assert_int_equal(run.n_rows, 2);
	for (int i = 0; i < 500; i++) {
		row_report_encode(body, 0, rows, 2);
		say(1, body);
	}
	assert_int_equal(run.n_rows, 1002);
	assert_int_equal(run.rows[1001].task, 4);
}

static void a_checksum_is_64_hexadecimal_digits(void **state)
{
	static const char *const wrong[] = {"raster", "raster sha256=", "raster sha256=abc",
		"raster sha256=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeg",
		"raster sha256=0123456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF",
		"raster sha256=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0"};
	char line[MARKER_LINE_MAX + 1];
	struct marker m;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		int n = marker_format(line, sizeof(line), wrong[i]);

		if (marker_parse(line, (size_t)n - 1, &m) == 0)
			run_on_marker(&m, &run);
		assert_string_equal(result.raster_sha256, "");
	}
	say(1, "raster sha256=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
	assert_int_equal(strlen(result.raster_sha256), 64);
}

static void kinds_that_are_not_known_are_passed_over(void **state)
{
	(void)state;
	say(1, "greeting from=mars");
	say(1, "phases name=render");
	assert_int_equal(result.n_phases, 1);
	assert_int_equal(result.n_warnings, 0);
}

static void of_boots_alone_a_run_ends_at_the_first_marker(void **state)
{
	(void)state;
	settings.boot_only = true;
	say(1000, "phase name=setup t=5");
	say(1000, "phase name=render t=9");
	say(1000, "end t=10 runtime=5 status=0");
	assert_true(run.ended);
	assert_int_equal(result.n_phases, 1);
	assert_int_equal(result.boot_ns, 1000 + LEAD_NS);
	assert_int_equal(result.end_ns, result.start_ns + result.boot_ns);
	assert_int_equal(result.phases[0].end_ns, result.end_ns);
	assert_true(result.has_boot);
	assert_false(result.has_runtime);
	assert_int_equal(n_finished, 1);
	assert_int_equal(finished_ns, result.end_ns);
}

static void numbers_that_a_program_reports_are_kept(void **state)
{
	(void)state;
	say(0, "metric name=ep Mop/s value=12.5 better=higher");
	say(0, "metric name=chase ns/load value=-3e-2 better=lower");
	say(0, "metric name=plain value=7");
	say(0, "metric name=odd value=8 better=sideways");
	assert_int_equal(result.n_reported, 4);
	assert_string_equal(result.reported[0].name, "ep Mop/s");
	assert_true(result.reported[0].known && result.reported[0].value == 12.5);
	assert_int_equal(result.reported[0].wish, WISH_HIGHER);
	assert_true(result.reported[1].value == -0.03);
	assert_int_equal(result.reported[1].wish, WISH_LOWER);
	assert_int_equal(result.reported[2].wish, WISH_NONE);
	assert_int_equal(result.reported[3].wish, WISH_NONE);
	assert_int_equal(result.n_warnings, 0);
}

static void what_is_no_metric_is_left_out_with_one_warning_of_each_kind(void **state)
{
	char body[256];

	(void)state;
	say(0, "metric value=1");
	say(0, "metric name= value=1");
	say(0, "metric name=a");
	say(0, "metric name=a value=");
	say(0, "metric name=a value=nan");
	say(0, "metric name=a value=1e999");
	say(0, "metric name=a value=0x10");
	say(0, "metric name=a value=12 apples");
	snprintf(body, sizeof(body), "metric name=%064d value=1", 0);
	say(0, body);
	assert_int_equal(result.n_reported, 0);
	assert_true(result.n_warnings > 0);
}

static void of_equal_names_the_first_metric_counts_and_there_is_a_limit(void **state)
{
	char body[64];

	(void)state;
	say(0, "metric name=m0 value=1");
	for (int i = 0; i < 100; i++) {
		snprintf(body, sizeof(body), "metric name=m%d value=2", i);
		say(0, body);
	}
	assert_int_equal(result.n_reported, 32);
	assert_true(result.reported[0].value == 1);
	assert_true(result.reported[1].value == 2);
	assert_true(result.n_warnings > 0);
}

static void a_checksum_of_results_is_kept_as_a_pictures_is(void **state)
{
	char body[128];

	(void)state;
	snprintf(body, sizeof(body), "result sha256=%064d", 7);
	say(0, body);
	assert_string_equal(result.raster_sha256, strstr(body, "=") + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_phase_may_begin_without_a_marker, start, tear_down),
		cmocka_unit_test_setup_teardown(
			phases_follow_one_another_without_a_gap, start, tear_down),
		cmocka_unit_test_setup_teardown(any_text_is_a_name, start, tear_down),
		cmocka_unit_test_setup_teardown(
			a_marker_without_a_name_begins_no_phase_and_that_is_said, start, tear_down),
		cmocka_unit_test_setup_teardown(
			phases_of_the_same_name_are_told_apart, start, tear_down),
		cmocka_unit_test_setup_teardown(
			a_long_name_is_cut_between_characters, start, tear_down),
		cmocka_unit_test_setup_teardown(
			an_end_without_a_begin_is_nothing, start, tear_down),
		cmocka_unit_test_setup_teardown(after_the_end_no_phase_begins, start, tear_down),
		cmocka_unit_test_setup_teardown(
			a_program_that_says_no_runtime_has_none, start, tear_down),
		cmocka_unit_test_setup_teardown(
			more_phases_than_there_can_be_are_one_and_time_does_not_run_backwards,
			start, tear_down),
		cmocka_unit_test_setup_teardown(
			workers_are_taken_until_there_are_too_many, start, tear_down),
		cmocka_unit_test_setup_teardown(
			rows_of_lanes_are_taken_and_no_others, start, tear_down),
		cmocka_unit_test_setup_teardown(
			a_checksum_is_64_hexadecimal_digits, start, tear_down),
		cmocka_unit_test_setup_teardown(
			numbers_that_a_program_reports_are_kept, start, tear_down),
		cmocka_unit_test_setup_teardown(
			what_is_no_metric_is_left_out_with_one_warning_of_each_kind, start,
			tear_down),
		cmocka_unit_test_setup_teardown(
			of_equal_names_the_first_metric_counts_and_there_is_a_limit, start,
			tear_down),
		cmocka_unit_test_setup_teardown(
			a_checksum_of_results_is_kept_as_a_pictures_is, start, tear_down),
		cmocka_unit_test_setup_teardown(
			kinds_that_are_not_known_are_passed_over, start, tear_down),
		cmocka_unit_test_setup_teardown(
			of_boots_alone_a_run_ends_at_the_first_marker, start, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
