/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Promises of collector/experiment/plan_document.h: options that were written down are the same
 * when read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/experiment/plan_document.h"
#include "collector/options/option_table.h"
#include "common/cleanup.h"
#include "tests/common/ranges.h"

#define WORDS_MAX 48

static struct options parse(int argc, const char *const *words)
{
	static char *argv[WORDS_MAX + 1];
	struct options o;
	struct error error = {0};

	assert_true(argc < WORDS_MAX);
	argv[0] = (char *)(uintptr_t) "collector";
	for (int i = 0; i < argc; i++)
		argv[i + 1] = (char *)(uintptr_t)words[i];
	argv[argc + 1] = NULL;
	if (options_parse(argc + 1, argv, &o, &error) < 0)
		fail_msg("%s", error.text);
	return o;
}

#define PARSE(...)                                                                                 \
	parse(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *),                         \
		(const char *const[]){__VA_ARGS__})

static struct plan_document make(const struct options *o, const char *program)
{
	json_t *files = json_pack("{s:s}", "program", program);
	struct plan_document d;

	assert_int_equal(plan_document_make(o, files, &d), 0);
	json_decref(files);
	return d;
}

/** As it is after it was in a store. */
static struct plan_document through_the_store(const struct plan_document *d)
{
	_cleanup_free_ char *plan = json_dumps(d->plan, JSON_COMPACT);
	_cleanup_free_ char *local = json_dumps(d->local, JSON_COMPACT);
	struct plan_document again;

	assert_int_equal(plan_document_parse(plan, local, &again, NULL), 0);
	return again;
}

static struct options everything(void)
{
	return PARSE("--guest=osv,docker", "--cores=2,1", "--repeat=5", "--warmup=2", "--aa",
		"--variant=x=--env C=1 -- -n 1", "--variant=y=", "--weak", "--seed=9",
		"--cooldown=3", "--timeout=60", "--accel=tcg", "--pin=none", "--overcommit",
		"--container-option=--cpus=0.5", "--container-option=--read-only",
		"--profile=offcpu", "--memory=768M", "--counters=cycles", "--split=exact",
		"--timeline=full", "--frequency=99", "--shard=2/4", "--phase=solve=^it",
		"--metric=rate=([0-9]+)/s:higher", "--metric=residual=r=(.*)", "--result=sum (.*)",
		"--program=/p", "--with=/f:/g", "--with=/h", "--cwd=/d", "--env=A=1",
		"--env=B={run}", "--kernel=/k", "--symbols=/s", "--", "-height", "9");
}

static void all_options_come_back(void **state)
{
	struct options o = everything(), again = PARSE("--resume=d");
	struct plan_document d = make(&o, "abc"), e = through_the_store(&d);

	(void)state;
	assert_int_equal(plan_document_apply(&e, &again, NULL), 0);
	assert_int_equal(again.n_guests, 2);
	assert_string_equal(again.guests[0]->name, "osv");
	assert_int_equal(again.n_cores, 2);
	assert_int_equal(again.cores[0], 2);
	assert_int_equal(again.repeat, 5);
	assert_int_equal(again.warmup, 2);
	assert_int_equal(again.n_variants, 2);
	assert_string_equal(again.variants[0], "x=--env C=1 -- -n 1");
	assert_string_equal(again.variants[1], "y=");
	assert_true(again.weak);
	assert_true(again.overcommit);
	assert_true(again.aa && again.exact_split && again.own_arguments && again.has_seed);
	assert_int_equal(again.timeline, TIMELINE_FULL);
	assert_int_equal(again.seed, 9);
	assert_int_equal(again.cooldown_s, 3);
	assert_int_equal(again.timeout_s, 60);
	assert_int_equal(again.accel, ACCEL_TCG);
	assert_string_equal(again.pin, "none");
	assert_int_equal(again.n_container_args, 2);
	assert_string_equal(again.container_args[1], "--read-only");
	assert_null(again.container_args[2]);
	assert_true(!again.oncpu && again.offcpu && !again.inside);
	assert_int_equal(again.ram_bytes, 768ULL << 20);
	assert_string_equal(again.counters, "cycles");
	assert_int_equal(again.frequency_hz, 99);
	assert_int_equal(again.shard, 2);
	assert_int_equal(again.shards, 4);
	assert_string_equal(again.phases.list[0].name, "solve");
	assert_int_equal(again.metrics.n, 2);
	assert_string_equal(again.metrics.list[0].name, "rate");
	assert_int_equal(again.metrics.list[0].wish, WISH_HIGHER);
	assert_string_equal(again.metrics.list[1].text, "residual=r=(.*)");
	assert_int_equal(again.metrics.list[1].wish, WISH_NONE);
	assert_string_equal(again.result.list[0].text, "sum (.*)");
	assert_string_equal(again.program, "/p");
	assert_true(again.own);
	assert_int_equal(again.n_with, 2);
	assert_string_equal(again.with[0], "/f:/g");
	assert_string_equal(again.cwd, "/d");
	assert_int_equal(again.n_environment, 2);
	assert_string_equal(again.environment[1], "B={run}");
	assert_string_equal(again.kernel, "/k");
	assert_string_equal(again.symbols, "/s");
	assert_null(again.disk);
	assert_string_equal(again.arguments[1], "9");
	assert_null(again.arguments[2]);
	options_done(&o);
	options_done(&again);
	plan_document_done(&d);
	plan_document_done(&e);
}

/** What to type for an option so that it is not its default. */
static const char *other_value(const struct option_row *row)
{
	static const char *const typed[][2] = {{"guest", "osv,bare"}, {"cores", "3,1"},
		{"scenario", "paper-1"}, {"container-option", "--cpus=0.5,1"}, {"profile", "oncpu"},
		{"memory", "768M"}, {"shard", "2/4"}, {"env", "A=1"}, {"with", "f:/g"},
		{"until", "2%:a/b"}, {"phase", "a=b"}, {"metric", "a=b:lower"}, {"result", "a"},
		{"port", "81:80"}, {"variant", "a=b"}};
	static char number[32];

	for (size_t i = 0; i < ARRAY_SIZE(typed); i++)
		if (strcmp(typed[i][0], row->name) == 0)
			return typed[i][1];
	switch (row->type) {
	case OPTION_FLAG:
		return NULL;
	case OPTION_NUMBER:
		snprintf(number, sizeof(number), "%llu", (unsigned long long)row->most);
		return number;
	case OPTION_WORD:
		return row->words[1];
	case OPTION_TEXT:
	case OPTION_FILE:
	case OPTION_FOLDER:
		return "text";
	default:
		fail_msg("a new kind of option: say in the test what can be typed for --%s",
			row->name);
		return NULL;
	}
}

static bool same_value(
	const struct option_row *row, const struct options *a, const struct options *b)
{
	json_t *x = option_get(row, a), *y = option_get(row, b);
	bool same = json_equal(x, y);

	assert_non_null(x);
	json_decref(x);
	json_decref(y);
	return same;
}

/** Type nothing but one option, and write the plan down: its owner decides which document tells. */
static void check_option(const struct option_row *row)
{
	struct options defaults = PARSE("--seed=7"), o = PARSE("--seed=7"), again = PARSE("--json");
	struct options given = PARSE("--json");
	struct plan_document d, e, before = make(&defaults, "abc");
	char id[SHA256_HEX_SIZE], id_before[SHA256_HEX_SIZE];
	struct error error = {0};

	print_message("--%s\n", row->name);
	assert_between(row->owner, OWNER_NOBODY, OWNER_MACHINE); /* none is given by mistake */
	assert_int_equal(option_parse(row, &o, other_value(row), NULL), 0);
	assert_false(same_value(row, &o, &defaults));
	d = make(&o, "abc");
	assert_int_equal(json_equal(d.plan, before.plan), row->owner != OWNER_PLAN);
	assert_int_equal(json_equal(d.local, before.local), row->owner != OWNER_MACHINE);
	assert_int_equal(plan_document_id(&d, id), 0);
	assert_int_equal(plan_document_id(&before, id_before), 0);
	assert_int_equal(strcmp(id, id_before) == 0, row->owner != OWNER_PLAN);

	e = through_the_store(&d);
	assert_int_equal(plan_document_apply(&e, &again, NULL), 0);
	for (size_t i = 0; i < n_option_rows; i++)
		if (option_rows[i].owner != OWNER_NOBODY)
			assert_true(same_value(&option_rows[i], &o, &again));

	/* Given again, it has to be as it was planned; a file may have moved. */
	assert_int_equal(option_parse(row, &given, other_value(row), NULL), 0);
	option_note_given(row, &given);
	assert_int_equal(plan_document_apply(&e, &given, NULL), 0);
	options_done(&given);
	given = PARSE("--json");
	option_note_given(row, &given);
	assert_int_equal(plan_document_apply(&e, &given, &error),
		row->owner == OWNER_NOBODY || row->type == OPTION_FILE ? 0 : -EINVAL);
	assert_int_equal(error.text[0] != 0, strstr(error.text, row->name) != NULL);

	options_done(&defaults);
	options_done(&o);
	options_done(&again);
	options_done(&given);
	plan_document_done(&before);
	plan_document_done(&d);
	plan_document_done(&e);
}

static void each_option_is_remembered_by_whom_it_belongs_to(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_option_rows; i++)
		if (option_rows[i].type != OPTION_REST)
			check_option(&option_rows[i]);
}

static void a_plan_without_what_0_1_0_did_not_know_is_read(void **state)
{
	static const char *const later[] = {
		"overcommit", "phases", "metrics", "same_output", "result"};
	struct options o = everything(), again = PARSE("--resume=d");
	struct plan_document d = make(&o, "abc");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(later); i++)
		json_object_del(d.plan, later[i]);
	assert_int_equal(plan_document_apply(&d, &again, NULL), 0);
	assert_false(again.overcommit);
	assert_int_equal(again.phases.n + again.metrics.n + again.result.n, 0);
	json_object_del(d.plan, "aa");
	assert_int_equal(plan_document_apply(&d, &again, NULL), -EBADMSG);
	options_done(&o);
	options_done(&again);
	plan_document_done(&d);
}

static void the_identity_is_the_plans_and_not_the_machines(void **state)
{
	static const char *const other[] = {
		"--seed=10", "--repeat=6", "--frequency=100", "--memory=512M", "--profile=oncpu"};
	char id[SHA256_HEX_SIZE], another[SHA256_HEX_SIZE];
	struct options o = everything(), shard = everything();
	struct plan_document d = make(&o, "abc"), e = through_the_store(&d), f, g;

	(void)state;
	shard.shard = 3;
	shard.program = "/elsewhere";
	f = make(&shard, "abc");
	g = make(&o, "abd");
	assert_int_equal(plan_document_id(&d, id), 0);
	assert_int_equal(plan_document_id(&e, another), 0);
	assert_string_equal(id, another);
	assert_int_equal(plan_document_id(&f, another), 0);
	assert_string_equal(id, another);
	assert_int_equal(plan_document_id(&g, another), 0);
	assert_string_not_equal(id, another);
	for (size_t i = 0; i < ARRAY_SIZE(other); i++) {
		struct options p = PARSE("--guest=bare", other[i]), q = PARSE("--guest=bare");
		struct plan_document a = make(&p, "abc"), b = make(&q, "abc");

		assert_int_equal(plan_document_id(&a, id), 0);
		assert_int_equal(plan_document_id(&b, another), 0);
		assert_string_not_equal(id, another);
		options_done(&p);
		options_done(&q);
		plan_document_done(&a);
		plan_document_done(&b);
	}
	options_done(&o);
	options_done(&shard);
	plan_document_done(&d);
	plan_document_done(&e);
	plan_document_done(&f);
	plan_document_done(&g);
}

static void what_contradicts_the_plan_is_the_users_mistake(void **state)
{
	static const struct {
		const char *word;
		int expected;
	} words[] = {
		{"--repeat=5", 0},
		{"--repeat=6", -EINVAL},
		{"--guest=osv,docker", 0},
		{"--guest=docker,osv", -EINVAL},
		{"--shard=2/4", 0},
		{"--shard=1/4", -EINVAL},
		{"--kernel=/moved", 0},
		{"--program=/moved", 0},
		{"--counters=none", -EINVAL},
		{"--aa", 0},
		{"--json", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		struct options o = everything(), again = PARSE("--resume=d", words[i].word);
		struct plan_document d = make(&o, "abc"), e = through_the_store(&d);
		struct error error = {0};

		print_message("%s\n", words[i].word);
		assert_int_equal(plan_document_apply(&e, &again, &error), words[i].expected);
		assert_int_equal(error.user, words[i].expected != 0);
		if (words[i].expected)
			assert_non_null(strstr(error.text, "differs from the experiment's plan"));
		if (strstr(words[i].word, "/moved"))
			assert_non_null(again.kernel[1] == 'm' ? again.kernel : again.program);
		options_done(&o);
		options_done(&again);
		plan_document_done(&d);
		plan_document_done(&e);
	}
}

static void what_is_no_plan_is_an_error_in_words(void **state)
{
	static const struct {
		const char *plan, *local;
	} broken[] = {
		{"", "{}"},
		{"[]", "{}"},
		{"{}", "{}"},
		{"{\"version\": 1}", "{}"},
		{"{\"version\": 2}", "7"},
	};
	static const char *const wrong[][2] = {
		{"guests", "[]"},
		{"guests", "[\"xen\"]"},
		{"guests", "[1]"},
		{"cores", "[0]"},
		{"cores", "7"},
		{"repeat", "-1"},
		{"repeat", "\"8\""},
		{"aa", "1"},
		{"seed", "-1"},
		{"accel", "\"xen\""},
		{"arguments", "{}"},
		{"arguments", "[null]"},
		{"scenario", "\"none\""},
		{"pin", "3"},
		{"split", "null"},
		{"pin", "[\"cores\"]"},
		{"counters", "[]"},
		{"guests", "\"osv\""},
		{"memory_bytes", "805306369"},
		{"memory_bytes", "\"768M\""},
		{"frequency", "0"},
		{"profile", "[\"guest\"]"},
		{"container_options", "[1]"},
		{"cores", "[\"1\"]"},
		{"counters", "1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		struct error error = {0};
		struct plan_document d;

		assert_true(plan_document_parse(broken[i].plan, broken[i].local, &d, &error) < 0);
		assert_non_null(strstr(error.text, "plan"));
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct options o = everything(), again = PARSE("--resume=d");
		struct plan_document d = make(&o, "abc");
		struct error error = {0};

		json_object_set_new(
			d.plan, wrong[i][0], json_loads(wrong[i][1], JSON_DECODE_ANY, NULL));
		assert_int_equal(plan_document_apply(&d, &again, &error), -EBADMSG);
		assert_non_null(strstr(error.text, wrong[i][0]));
		assert_false(error.user);
		options_done(&o);
		options_done(&again);
		plan_document_done(&d);
	}
}

static void a_text_that_JSON_cannot_hold_is_refused(void **state)
{
	struct options o = PARSE("--", "\xff");
	json_t *files = json_object();
	struct plan_document d;

	(void)state;
	assert_int_equal(plan_document_make(&o, files, &d), -EILSEQ);
	json_decref(files);
	options_done(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_options_come_back),
		cmocka_unit_test(each_option_is_remembered_by_whom_it_belongs_to),
		cmocka_unit_test(a_plan_without_what_0_1_0_did_not_know_is_read),
		cmocka_unit_test(the_identity_is_the_plans_and_not_the_machines),
		cmocka_unit_test(what_contradicts_the_plan_is_the_users_mistake),
		cmocka_unit_test(what_is_no_plan_is_an_error_in_words),
		cmocka_unit_test(a_text_that_JSON_cannot_hold_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
