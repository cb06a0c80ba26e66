/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is found in a program's output (common/output_rule.h, collector/run/output_lines.h,
 * collector/run/run_output.h). It is cut at every place, and hostile; the phases that it begins are
 * noted here (linked with --wrap).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/run/run_console.h"
#include "collector/run/run_markers.h"
#include "collector/run/run_output.h"
#include "common/cleanup.h"
#include "guests/stacks/stacks.h"

void __wrap_run_begin_phase(struct run *run, const char *name, uint64_t guest_ns);
void __wrap_run_on_marker(const struct marker *m, void *userdata);

static char begun[256];

void __wrap_run_begin_phase(struct run *run, const char *name, uint64_t guest_ns)
{
	(void)run;
	assert_int_equal(guest_ns, 0);
	strcat(strcat(begun, name), " ");
}

void __wrap_run_on_marker(const struct marker *m, void *userdata)
{
	(void)userdata;
	strcat(strcat(strcat(begun, "marker:"), marker_get(m, "name")), " ");
}

/* Rules */

static int add(enum output_form form, const char *text, struct error *error)
{
	struct output_rules rules = {0};
	int r;

	memset(error, 0, sizeof(*error));
	r = output_rules_add(&rules, form, "option", text, error);
	assert_int_equal(rules.n, r == 0);
	output_rules_done(&rules);
	return r;
}

static void a_rule_is_a_name_an_expression_and_a_wish(void **state)
{
	static const struct {
		const char *text, *name;
		enum output_wish wish;
		const char *line, *found;
	} cases[] = {
		{"rate=([0-9.]+) MB/s", "rate", WISH_NONE, "at 12.5 MB/s", "12.5"},
		{"rate=[0-9]+:higher", "rate", WISH_HIGHER, "x42y", "42"},
		{"t=a=([0-9]+):lower", "t", WISH_LOWER, "a=7", "7"},
		{"t=up:higher|(x)", "t", WISH_NONE, "x", "x"},
		{"t=up:highe[r]", "t", WISH_NONE, "up:higher", "up:higher"},
		{"t=(a)|(b)", "t", WISH_NONE, "b", NULL}, /* the first group has no part in it */
		{"t=^end$", "t", WISH_NONE, "the end", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct output_rules rules = {0};
		const char *found = NULL;
		size_t n = 0;
		bool any;

		assert_int_equal(
			output_rules_add(&rules, OUTPUT_METRIC, "metric", cases[i].text, NULL), 0);
		assert_string_equal(rules.list[0].name, cases[i].name);
		assert_int_equal(rules.list[0].wish, cases[i].wish);
		any = output_rule_find(&rules.list[0], cases[i].line, &found, &n);
		assert_int_equal(any, cases[i].found != NULL);
		if (any) {
			assert_int_equal(n, strlen(cases[i].found));
			assert_memory_equal(found, cases[i].found, n);
		}
		output_rules_done(&rules);
	}
}

static void each_mistake_in_a_rule_has_its_own_words(void **state)
{
	static const struct {
		enum output_form form;
		const char *text, *words;
	} cases[] = {
		{OUTPUT_METRIC, "rate", "NAME=REGEX"},
		{OUTPUT_METRIC, "=x", "NAME=REGEX"},
		{OUTPUT_METRIC, "", "NAME=REGEX"},
		{OUTPUT_METRIC, "rate=", "no regular expression"},
		{OUTPUT_METRIC, "rate=:higher", "no regular expression"},
		{OUTPUT_METRIC, "rate=(", "Unmatched ( or \\("},
		{OUTPUT_METRIC, "rate=[z-a]", "Invalid range end"},
		{OUTPUT_METRIC, "rate=(a*)\\1", "has a back-reference"},
		{OUTPUT_METRIC, "a b=x", "'a b' is no name"},
		{OUTPUT_METRIC, "1a=x", "'1a' is no name"},
		{OUTPUT_METRIC, "größe=x", "is no name"},
		{OUTPUT_METRIC, "a234567890123456789012345678901x=x", "longer than 31 bytes"},
		{OUTPUT_PHASE, "boot=x", "'boot' has a meaning of its own"},
		{OUTPUT_PHASE, "all=x", "'all' has a meaning of its own"},
		{OUTPUT_RESULT, "", "no regular expression"},
		{OUTPUT_RESULT, "a{1", "is no regular expression"},
	};
	struct output_rules twice = {0};
	struct error error;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(add(cases[i].form, cases[i].text, &error), -EINVAL);
		assert_true(error.user);
		if (!strstr(error.text, cases[i].words))
			fail_msg("'%s': %s", cases[i].text, error.text);
	}
	assert_int_equal(add(OUTPUT_METRIC, "boot=x", &error), 0);
	assert_int_equal(output_rules_add(&twice, OUTPUT_PHASE, "phase", "a=x", &error), 0);
	assert_int_equal(output_rules_add(&twice, OUTPUT_PHASE, "phase", "a=y", &error), -EINVAL);
	assert_non_null(strstr(error.text, "names 'a' twice"));
	output_rules_done(&twice);
}

static void a_number_is_decimal_finite_and_all_of_the_text(void **state)
{
	static const struct {
		const char *text;
		double value; /* NAN: none */
	} cases[] = {{"42", 42}, {" -1.5e3\t", -1500}, {".5", .5}, {"+7", 7}, {"1e-320", 1e-320},
		{"", NAN}, {" ", NAN}, {"x", NAN}, {"1x", NAN}, {"1 2", NAN}, {"0x10", NAN},
		{"inf", NAN}, {"nan", NAN}, {"1e999", NAN}, {"-", NAN}, {"1,5", NAN},
		{"00000000000000000000000000000000000000000000000000000000000000000001", NAN}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		double value = 99;
		int r = output_number(cases[i].text, strlen(cases[i].text), &value);

		assert_int_equal(r, isnan(cases[i].value) ? -EINVAL : 0);
		assert_true(value == (r ? 99 : cases[i].value));
	}
}

/* Lines */

static char lines[3 * OUTPUT_LINE_MAX];
static size_t n_lines;

/** "<begin|rest|>" */
static void note_part(const struct output_part *part, void *userdata)
{
	size_t used = strlen(lines);

	(void)userdata;
	if (part->begins)
		assert_int_equal(strlen(part->text), part->length);
	snprintf(lines + used, sizeof(lines) - used, "%s%.*s%s", part->begins ? "<" : "",
		(int)(part->length < 100 ? part->length : 100), part->text, part->ends ? ">" : "|");
	n_lines += part->ends;
}

static const char *cut(const char *text, size_t length, size_t piece)
{
	struct output_lines l = {0};

	lines[0] = '\0';
	n_lines = 0;
	for (size_t at = 0; at < length; at += piece)
		output_lines_push(
			&l, text + at, piece < length - at ? piece : length - at, note_part, NULL);
	output_lines_end(&l, note_part, NULL);
	return lines;
}

static void lines_are_the_same_however_the_stream_is_cut(void **state)
{
	static const char text[] = "one\ntwo\r\n\n\r\r\nth\0ree\r4\xff\xfe\nlast";

	(void)state;
	for (size_t piece = 1; piece <= sizeof(text); piece++)
		assert_string_equal(
			cut(text, sizeof(text) - 1, piece), "<one><two><th ree><4\xff\xfe><last>");
}

static void a_line_without_end_takes_no_more_memory(void **state)
{
	static char text[100000];
	struct output_lines l = {0};

	(void)state;
	memset(text, 'x', sizeof(text));
	lines[0] = '\0';
	n_lines = 0;
	for (int i = 0; i < 1000; i++) /* 100 MB */
		output_lines_push(&l, text, sizeof(text), note_part, NULL);
	assert_int_equal(n_lines, 0);
	output_lines_push(&l, "\nnext\n", 6, note_part, NULL);
	assert_int_equal(n_lines, 2);
}

static void the_longest_line_that_is_whole_is_one_part(void **state)
{
	static char text[OUTPUT_LINE_MAX + 2];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[OUTPUT_LINE_MAX] = '\n';
	cut(text, OUTPUT_LINE_MAX + 1, 1000);
	assert_null(strchr(lines, '|'));
	text[OUTPUT_LINE_MAX] = 'x';
	text[OUTPUT_LINE_MAX + 1] = '\n';
	cut(text, sizeof(text), 1000);
	assert_non_null(strstr(lines, "|x|>"));
}

/* A run */

static struct output_rules phases, metrics, result_rule;
static struct run_settings settings = {
	.phases = &phases, .metrics = &metrics, .result = &result_rule, .same_output = true};
static struct run_request request;
static struct run_result result;
static struct run run;

static void begin(const struct guest_ops *ops)
{
	free(run.output.begun);
	run_result_done(&result);
	memset(&run, 0, sizeof(run));
	begun[0] = '\0';
	request.ops = ops;
	run.settings = &settings;
	run.request = &request;
	run.result = &result;
	assert_int_equal(run_output_begin(&run), 0);
}

static int start(void **state)
{
	(void)state;
	assert_int_equal(
		output_rules_add(&phases, OUTPUT_PHASE, "phase", "solve=^iteration", NULL), 0);
	assert_int_equal(output_rules_add(&phases, OUTPUT_PHASE, "phase", "never=^none", NULL), 0);
	assert_int_equal(
		output_rules_add(&metrics, OUTPUT_METRIC, "metric", "rate=rate (.*):higher", NULL),
		0);
	assert_int_equal(
		output_rules_add(&metrics, OUTPUT_METRIC, "metric", "residual=r=(.*)", NULL), 0);
	assert_int_equal(
		output_rules_add(&result_rule, OUTPUT_RESULT, "result", "sum (.*)", NULL), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	output_rules_done(&phases);
	output_rules_done(&metrics);
	output_rules_done(&result_rule);
	free(run.output.begun);
	run.output.begun = NULL;
	run_result_done(&result);
	return 0;
}

static const char said[] = "hello\nrate 1.5\niteration 1\niteration 2\nrate 2.5\r\nsum \xff"
			   "4\n"
			   "\x1eguestscope phase name=x t=1 ;00000000\nbye\n";

static void write_in_pieces(const char *text, size_t length, size_t piece)
{
	for (size_t at = 0; at < length; at += piece)
		run_output_push(&run, text + at, piece < length - at ? piece : length - at);
	run_output_end(&run);
}

static bool warned(const char *words)
{
	for (size_t i = 0; i < result.n_warnings; i++)
		if (strstr(result.warnings[i], words))
			return true;
	return false;
}

static void the_last_match_counts_and_what_is_missing_is_said(void **state)
{
	static const char own[] = "hello\nrate 1.5\niteration 1\niteration 2\nrate 2.5\nsum \xff"
				  "4\nbye\n";
	char first[SHA256_HEX_SIZE] = "";

	(void)state;
	for (size_t piece = 1; piece <= sizeof(said); piece++) {
		begin(&guest_native);
		write_in_pieces(said, sizeof(said) - 1, piece);
		assert_string_equal(begun, "solve ");
		assert_true(result.metrics[0].known && result.metrics[0].value == 2.5);
		assert_false(result.metrics[1].known);
		assert_string_equal(result.said.result, "\xef\xbf\xbd"
							"4");
		assert_int_equal(result.said.lines, 7);
		assert_string_equal(result.said.last, "bye");
		assert_true(warned("phase never: no line of the output matches"));
		assert_true(warned("metric residual: no line of the output matches"));
		assert_int_equal(result.n_warnings, 2);
		if (piece == 1)
			memcpy(first, result.said.sha256, sizeof(first));
		assert_string_equal(result.said.sha256, first);
	}
	sha256_hex(own, sizeof(own) - 1, first);
	assert_string_equal(result.said.sha256, first);
}

static void phases_of_markers_and_lines_are_in_the_order_of_the_stream(void **state)
{
	char text[3 * MARKER_LINE_MAX] = "";

	(void)state;
	for (size_t piece = 1; piece < 100; piece++) {
		text[0] = '\0';
		marker_format(text, MARKER_LINE_MAX, "phase name=first t=1");
		strcat(text, "iteration 1\n");
		marker_format(text + strlen(text), MARKER_LINE_MAX, "phase name=last t=2");
		begin(&guest_native);
		write_in_pieces(text, strlen(text), piece);
		assert_string_equal(begun, "marker:first solve marker:last ");
	}
}

static void what_matches_and_is_no_number_is_shown(void **state)
{
	static const char text[] = "rate fast\x1b[31m\nrate 7\nr=nan\nr=\n";

	(void)state;
	begin(&guest_native);
	write_in_pieces(text, sizeof(text) - 1, sizeof(text));
	assert_true(result.metrics[0].known && result.metrics[0].value == 7);
	assert_false(result.metrics[1].known);
	assert_true(warned("metric residual: what matches is no number: 'nan'"));
	assert_int_equal(result.n_warnings, 3); /* and two phases that did not begin */
}

static void an_expression_sees_the_begin_of_a_line(void **state)
{
	static const char early[] = "rate 3\n", late[] = "rate 4\n";
	static char filler[OUTPUT_LINE_MAX];

	(void)state;
	begin(&guest_native);
	memset(filler, 'x', sizeof(filler));
	run_output_push(&run, early, strlen(early));
	run_output_push(&run, filler, sizeof(filler));
	write_in_pieces(late, strlen(late), 100);
	assert_true(result.metrics[0].value == 3);
	assert_int_equal(result.said.lines, 2);
	assert_int_equal(result.said.bytes, strlen(early) + sizeof(filler) + strlen(late) - 2);
}

static void a_search_that_takes_too_long_is_given_up(void **state)
{
	static const char begin_text[] = "rate 7\nsum 1\n", end_text[] = "rate 8\nsum 2\n";

	(void)state;
	begin(&guest_native);
	run_output_push(&run, begin_text, sizeof(begin_text) - 1);
	assert_true(result.metrics[0].known);
	run.output.searched_ns = OUTPUT_SEARCH_MAX_NS;
	write_in_pieces(end_text, sizeof(end_text) - 1, 100);
	assert_false(result.metrics[0].known);
	assert_null(result.said.result);
	assert_true(warned("took more than 30 s and was given up"));
	assert_int_equal(result.said.lines, 4); /* as --same-output needs it */
}

static void a_guests_own_lines_are_no_part_of_the_output(void **state)
{
	static const char own[] = "hello\nrate 2.5\n";
	static const char console[] = "SeaBIOS\r\nrate 9\r\nguestscope-boot: init\r\n"
				      "guestscope-boot: program\r\nhello\r\n"
				      "[   12.345678] random: sum 9 rate 9\r\nrate 2.5\r\n\r\n"
				      "guestscope-init: exit status 0\r\n"
				      "[   13.000001] reboot: Power down\r\nrate 8\r\n";
	char digest[SHA256_HEX_SIZE];

	(void)state;
	begin(&guest_native);
	write_in_pieces(own, sizeof(own) - 1, 5);
	memcpy(digest, result.said.sha256, sizeof(digest));
	begin(&guest_linux_minimal);
	write_in_pieces(console, sizeof(console) - 1, 7);
	assert_string_equal(result.said.sha256, digest);
	assert_true(result.metrics[0].value == 2.5);
	assert_null(result.said.result);
}

static void what_is_kept_ends_at_a_limit_and_that_is_said(void **state)
{
	static char block[1 << 20];

	(void)state;
	begin(&guest_native);
	run.console.log = tmpfile();
	assert_non_null(run.console.log);
	for (size_t i = 0; i < CONSOLE_LOGGED_MAX / sizeof(block); i++)
		run_output_push(&run, block, sizeof(block) - (i == 0));
	assert_int_equal(result.n_warnings, 0);
	run_output_push(&run, block, sizeof(block));
	run_output_push(&run, block, sizeof(block));
	assert_int_equal(ftell(run.console.log), CONSOLE_LOGGED_MAX);
	assert_int_equal(result.n_warnings, 1);
	assert_true(warned("more than 64 MiB"));
	assert_int_equal(result.log_error, 0);
	fclose(run.console.log);
	run.console.log = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_is_a_name_an_expression_and_a_wish),
		cmocka_unit_test(each_mistake_in_a_rule_has_its_own_words),
		cmocka_unit_test(a_number_is_decimal_finite_and_all_of_the_text),
		cmocka_unit_test(lines_are_the_same_however_the_stream_is_cut),
		cmocka_unit_test(a_line_without_end_takes_no_more_memory),
		cmocka_unit_test(the_longest_line_that_is_whole_is_one_part),
		cmocka_unit_test_setup_teardown(
			the_last_match_counts_and_what_is_missing_is_said, start, tear_down),
		cmocka_unit_test_setup_teardown(
			phases_of_markers_and_lines_are_in_the_order_of_the_stream, start,
			tear_down),
		cmocka_unit_test_setup_teardown(
			what_matches_and_is_no_number_is_shown, start, tear_down),
		cmocka_unit_test_setup_teardown(
			an_expression_sees_the_begin_of_a_line, start, tear_down),
		cmocka_unit_test_setup_teardown(
			a_search_that_takes_too_long_is_given_up, start, tear_down),
		cmocka_unit_test_setup_teardown(
			a_guests_own_lines_are_no_part_of_the_output, start, tear_down),
		cmocka_unit_test_setup_teardown(
			what_is_kept_ends_at_a_limit_and_that_is_said, start, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
