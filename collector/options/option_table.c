/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/options/option_table.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "common/utf8.h"
#include "guests/stacks/stacks.h"

#define MEMORY_MIN_MIB 128
#define MEMORY_MAX_MIB (1 << 20)
/* With the stack's name and what else is in it a file's name stays below what file systems take. */
#define VARIANT_NAME_BYTES 60

/* The types */

static int parse_number(const char *option, const char *text, uint64_t least, uint64_t most,
	uint64_t *ret, struct error *error)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end || text[0] == '-' || value < least || value > most)
		return error_set_user(error, -EINVAL,
			"--%s takes a whole number from %llu to %llu, not '%s'", option,
			(unsigned long long)least, (unsigned long long)most, text);
	*ret = value;
	return 0;
}

static int parse_word(
	const struct option_row *row, const char *text, uint64_t *ret, struct error *error)
{
	char all[128] = "";

	for (size_t i = 0; row->words[i]; i++) {
		*ret = row->least + i;
		if (strcmp(text, row->words[i]) == 0)
			return 0;
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? ", " : "",
			row->words[i]);
	}
	return error_set_user(
		error, -EINVAL, "--%s takes one of %s, not '%s'", row->name, all, text);
}

/*
 * Lists are cut into words in a copy: the arguments are recorded as they were given. A list may be
 * empty, an item may not.
 */
static int parse_list(struct options *o, const char *option, const char *list,
	int (*add)(struct options *o, const char *word, struct error *error), struct error *error)
{
	_cleanup_free_ char *words = strdup(list);
	char *rest = words, *word;
	int r = words ? 0 : -ENOMEM;

	while (r == 0 && *list && (word = strsep(&rest, ","))) {
		if (!word[strspn(word, " \t")])
			r = error_set_user(
				error, -EINVAL, "--%s has an empty item in '%s'", option, list);
		else
			r = add(o, word, error);
	}
	return r;
}

static json_t *get_words(char *const *words)
{
	json_t *list = json_array();

	for (; words && *words; words++) {
		if (json_array_append_new(list, json_string(*words)) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* Options that are more than a number or a text */

static int add_guest(struct options *o, const char *name, struct error *error)
{
	const struct guest_ops *ops = guest_find(name);

	if (!ops)
		return error_set_user(
			error, -EINVAL, "unknown guest '%s' (see collector --list-guests)", name);
	for (size_t i = 0; i < o->n_guests; i++)
		if (o->guests[i] == ops)
			return error_set_user(error, -EINVAL, "guest '%s' is named twice", name);
	o->guests[o->n_guests++] = ops;
	return 0;
}

static int parse_guests(struct options *o, const char *list, struct error *error)
{
	int r;

	o->n_guests = 0;
	r = parse_list(o, "guest", list, add_guest, error);
	return r < 0 || o->n_guests ? r : error_set_user(error, -EINVAL, "--guest needs a name");
}

static json_t *get_guests(const struct options *o)
{
	json_t *list = json_array();

	for (size_t i = 0; i < o->n_guests; i++)
		json_array_append_new(list, json_string(o->guests[i]->name));
	return list;
}

static json_t *guest_words(void)
{
	json_t *list = json_array();

	for (size_t i = 0; guest_table[i]; i++)
		json_array_append_new(list, json_string(guest_table[i]->name));
	return list;
}

static int add_cores(struct options *o, const char *word, struct error *error)
{
	uint64_t n;
	int r = parse_number("cores", word, 1, 256, &n, error);

	if (r < 0)
		return r;
	if (o->n_cores == OPTIONS_LIST_MAX)
		return error_set_user(
			error, -EINVAL, "--cores takes at most %d numbers", OPTIONS_LIST_MAX);
	for (size_t i = 0; i < o->n_cores; i++)
		if (o->cores[i] == n)
			return error_set_user(error, -EINVAL, "--cores names %s twice", word);
	o->cores[o->n_cores++] = (unsigned)n;
	return 0;
}

static int parse_cores(struct options *o, const char *list, struct error *error)
{
	int r;

	o->n_cores = 0;
	r = parse_list(o, "cores", list, add_cores, error);
	return r < 0 || o->n_cores ? r : error_set_user(error, -EINVAL, "--cores needs a number");
}

static json_t *get_cores(const struct options *o)
{
	json_t *list = json_array();

	for (size_t i = 0; i < o->n_cores; i++)
		json_array_append_new(list, json_integer(o->cores[i]));
	return list;
}

static int parse_scenario(struct options *o, const char *name, struct error *error)
{
	o->scenario = scenario_find(name);
	return o->scenario
		       ? 0
		       : error_set_user(error, -EINVAL,
				 "unknown scenario '%s' (see collector --list-scenarios)", name);
}

static json_t *get_scenario(const struct options *o)
{
	return json_string(options_scenario(o));
}

static json_t *scenario_words(void)
{
	json_t *list = json_array();

	for (const struct scenario *s = scenario_table; s->name; s++)
		json_array_append_new(list, json_string(s->name));
	return list;
}

static json_t *get_arguments(const struct options *o)
{
	return get_words(o->arguments);
}

/* "512", "512M", "5G": whole MiB, as QEMU's -m. */
static int parse_memory(struct options *o, const char *text, struct error *error)
{
	unsigned long long mib;
	char *end;

	errno = 0;
	mib = strtoull(text, &end, 10);
	if (strcmp(end, "G") == 0 && mib <= MEMORY_MAX_MIB / 1024) {
		mib *= 1024;
		end++;
	} else if (strcmp(end, "M") == 0) {
		end++;
	}
	if (errno || !(text[0] >= '0' && text[0] <= '9') || *end || mib < MEMORY_MIN_MIB ||
		mib > MEMORY_MAX_MIB)
		return error_set_user(error, -EINVAL,
			"--memory takes a size from %dM to %dG, not '%s'", MEMORY_MIN_MIB,
			MEMORY_MAX_MIB / 1024, text);
	o->ram_bytes = (uint64_t)mib << 20;
	return 0;
}

static json_t *get_memory(const struct options *o)
{
	return json_integer((json_int_t)o->ram_bytes);
}

static int add_profile(struct options *o, const char *word, struct error *error)
{
	if (strcmp(word, "oncpu") == 0)
		o->oncpu = true;
	else if (strcmp(word, "guest") == 0) /* a part of the same samples */
		o->oncpu = o->inside = true;
	else if (strcmp(word, "offcpu") == 0)
		o->offcpu = true;
	else if (strcmp(word, "exits") == 0)
		o->exits = true;
	else if (strcmp(word, "none") != 0)
		return error_set_user(error, -EINVAL,
			"--profile takes oncpu, guest, offcpu, exits or none, not '%s'", word);
	return 0;
}

static int parse_profile(struct options *o, const char *list, struct error *error)
{
	int r;

	o->oncpu = o->offcpu = o->exits = o->inside = false;
	r = parse_list(o, "profile", list, add_profile, error);
	if (r == 0 && (o->oncpu || o->offcpu || o->exits) && strstr(list, "none"))
		return error_set_user(error, -EINVAL,
			"--profile none means no samples at all: nothing can stand beside it, as in '%s'",
			list);
	return r;
}

static json_t *get_profile(const struct options *o)
{
	json_t *list = json_array();

	if (o->oncpu)
		json_array_append_new(list, json_string("oncpu"));
	if (o->offcpu)
		json_array_append_new(list, json_string("offcpu"));
	if (o->exits)
		json_array_append_new(list, json_string("exits"));
	if (o->inside)
		json_array_append_new(list, json_string("guest"));
	return list;
}

static int parse_shard(struct options *o, const char *text, struct error *error)
{
	unsigned shard = 0, shards = 0;
	int length = 0;

	if (sscanf(text, "%5u/%5u%n", &shard, &shards, &length) != 2 || text[length] ||
		!isdigit((unsigned char)text[0]) || shard < 1 || shard > shards)
		return error_set_user(
			error, -EINVAL, "--shard takes I/N with I from 1 to N, not '%s'", text);
	o->shard = shard;
	o->shards = shards;
	return 0;
}

static json_t *get_shard(const struct options *o)
{
	return o->shards ? json_sprintf("%u/%u", o->shard, o->shards) : json_null();
}

/* One more word of a list that ends with NULL. The words stay whose they are. */
static int add_word(char ***list, size_t *n, const char *text)
{
	if (ARRAY_MORE(*list, *n, 2) < 0)
		return -ENOMEM;
	(*list)[(*n)++] = (char *)(uintptr_t)text;
	(*list)[*n] = NULL;
	return 0;
}

static int add_container_option(struct options *o, const char *text, struct error *error)
{
	(void)error;
	return add_word(&o->container_args, &o->n_container_args, text);
}

static json_t *get_container_options(const struct options *o)
{
	return get_words(o->container_args);
}

/* NAME=VALUE. A name that comes twice would be one or the other, by the program's library. */
static int add_variable(struct options *o, const char *text, struct error *error)
{
	size_t length = strcspn(text, "=");

	if (length == 0 || text[length] != '=')
		return error_set_user(error, -EINVAL, "--env takes NAME=VALUE, not '%s'", text);
	for (size_t i = 0; i < o->n_environment; i++)
		if (strncmp(o->environment[i], text, length + 1) == 0)
			return error_set_user(
				error, -EINVAL, "--env sets %.*s twice", (int)length, text);
	return add_word(&o->environment, &o->n_environment, text);
}

static json_t *get_environment(const struct options *o)
{
	return get_words(o->environment);
}

/* A port number, and what comes after it. */
static const char *read_port(const char *text, unsigned *ret)
{
	char *end;
	unsigned long port;

	if (!isdigit((unsigned char)*text))
		return NULL;
	errno = 0;
	port = strtoul(text, &end, 10);
	if (errno || port < 1 || port > UINT16_MAX)
		return NULL;
	*ret = (unsigned)port;
	return end;
}

/* [HOSTPORT:]PORT */
static int parse_port(struct options *o, const char *text, struct error *error)
{
	unsigned port = 0, host_port = 0;
	const char *end = read_port(text, &port);

	if (end && *end == ':') {
		host_port = port;
		end = read_port(end + 1, &port);
	}
	if (!end || *end)
		return error_set_user(error, -EINVAL,
			"--port takes PORT or HOSTPORT:PORT, each from 1 to %d, not '%s'",
			UINT16_MAX, text);
	o->port = port;
	o->host_port = host_port;
	o->port_text = text;
	return 0;
}

static json_t *get_port(const struct options *o)
{
	return o->port_text ? json_string(o->port_text) : json_null();
}

/* A name is shown and becomes part of file names: letters that all can read, and not too many. */
static int check_variant_name(const char *text, size_t length, struct error *error)
{
	_cleanup_free_ char *clean = utf8_clean(text, length, false);

	if (!clean)
		return -ENOMEM;
	if (length == 0)
		return error_set_user(
			error, -EINVAL, "--variant needs a name before '=': '%s'", text);
	if (length > VARIANT_NAME_BYTES)
		return error_set_user(error, -EINVAL,
			"--variant: a name has at most %d bytes, '%.*s...' has %zu",
			VARIANT_NAME_BYTES, (int)utf8_within(text, 20), text, length);
	if (memchr(text, ':', length))
		return error_set_user(error, -EINVAL,
			"--variant: the name '%s' has a colon, which report diff takes for what parts names",
			clean);
	if (strncmp(clean, text, length) != 0 || clean[length] || clean[0] == ' ' ||
		clean[length - 1] == ' ')
		return error_set_user(error, -EINVAL,
			"--variant: the name '%s' has characters that cannot be printed, or blanks at an end",
			clean);
	return 0;
}

static int add_variant(struct options *o, const char *text, struct error *error)
{
	size_t length = strcspn(text, "=");
	int r;

	if (text[length] != '=')
		return error_set_user(
			error, -EINVAL, "--variant takes NAME='WORDS', not '%s'", text);
	r = check_variant_name(text, length, error);
	for (size_t i = 0; i < o->n_variants && r == 0; i++)
		if (strncmp(o->variants[i], text, length + 1) == 0)
			r = error_set_user(
				error, -EINVAL, "--variant names %.*s twice", (int)length, text);
	return r < 0 ? r : add_word(&o->variants, &o->n_variants, text);
}

static json_t *get_variants(const struct options *o)
{
	return get_words(o->variants);
}

static int add_with(struct options *o, const char *text, struct error *error)
{
	if (!*text || strncmp(text, ":/", 2) == 0)
		return error_set_user(
			error, -EINVAL, "--with takes FILE or FILE:PATH, not '%s'", text);
	return add_word(&o->with, &o->n_with, text);
}

static json_t *get_with(const struct options *o)
{
	return get_words(o->with);
}

static json_t *get_rules(const struct output_rules *rules)
{
	json_t *list = json_array();

	for (size_t i = 0; i < rules->n; i++)
		if (json_array_append_new(list, json_string(rules->list[i].text)) < 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static int add_phase(struct options *o, const char *text, struct error *error)
{
	return output_rules_add(&o->phases, OUTPUT_PHASE, "phase", text, error);
}

static json_t *get_phases(const struct options *o)
{
	return get_rules(&o->phases);
}

static int add_metric(struct options *o, const char *text, struct error *error)
{
	return output_rules_add(&o->metrics, OUTPUT_METRIC, "metric", text, error);
}

static json_t *get_metrics(const struct options *o)
{
	return get_rules(&o->metrics);
}

static int parse_result(struct options *o, const char *text, struct error *error)
{
	output_rules_done(&o->result);
	return output_rules_add(&o->result, OUTPUT_RESULT, "result", text, error);
}

static json_t *get_result(const struct options *o)
{
	return o->result.n ? json_string(o->result.list[0].text) : json_null();
}

static int parse_until(struct options *o, const char *text, struct error *error)
{
	o->until_text = text;
	return until_parse(text, &o->until, error);
}

static json_t *get_until(const struct options *o)
{
	return o->until_text ? json_string(o->until_text) : json_null();
}

/* The table */

#define AT(t, member)                                                                              \
	.type = OPTION_##t, .offset = offsetof(struct options, member),                            \
	.size = sizeof(((struct options *)0)->member)
/* NOLINTNEXTLINE(bugprone-macro-parentheses): what follows is a part of a member's name */
#define OWN(t, name)             .type = OPTION_##t, .parse = name, .get
#define FLAG(member)             AT(FLAG, member), .least = 1
#define ACTION(value)            AT(FLAG, action), .least = ACTION_##value
#define NUMBER(member, from, to) AT(NUMBER, member), .least = (from), .most = (to)
#define WORDS(...)                                                                                 \
	.words = (const char *const[])                                                             \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}
#define PLAN    .owner = OWNER_PLAN
#define MACHINE .owner = OWNER_MACHINE
#define NOBODY  .owner = OWNER_NOBODY
#define VARIES  .varies = true

/* clang-format off */
const struct option_row option_rows[] = {
	{"guest", 'g', GROUP_WHAT, "LIST",
		"stacks, comma-separated (see --list-guests); default native",
		OWN(LIST, parse_guests) = get_guests, PLAN, .key = "guests", .fallback = "native",
		.find_words = guest_words},
	{"cores", 'c', GROUP_WHAT, "LIST", "numbers of lanes, comma-separated; default all cores",
		OWN(LIST, parse_cores) = get_cores, PLAN},
	{"scenario", 0, GROUP_WHAT, "NAME", "what the program does (see --list-scenarios); default quick",
		OWN(OWN, parse_scenario) = get_scenario, PLAN, .fallback = "quick",
		.find_words = scenario_words},
	{"-- ARGUMENTS", .type = OPTION_REST, .get = get_arguments, PLAN, .key = "arguments"},
	{"env", 0, GROUP_WHAT, "NAME=VALUE",
		"a variable in the environment of --program; may be repeated",
		OWN(REPEATED, add_variable) = get_environment, PLAN, VARIES, .key = "environment",
		.may_lack = true},
	{"image", 0, GROUP_WHAT, "NAME",
		"a container image, measured as it is by docker and podman; its entry point, or --program in it",
		AT(TEXT, image), PLAN, VARIES, .may_lack = true},
	{"port", 0, GROUP_WHAT, "PORT",
		"--program is a server at this TCP port; or HOSTPORT:PORT, where the host is to reach it",
		OWN(OWN, parse_port) = get_port, PLAN, .may_lack = true},
	{"client", 0, GROUP_WHAT, "COMMAND",
		"a load generator for the host, which is started once --port answers: the run is its",
		AT(TEXT, client), PLAN, .may_lack = true},
	{"variant", 0, GROUP_WHAT, "NAME=WORDS",
		"measure with WORDS added to the program's arguments (before a word -- options of this variant's own), beside the other variants; may be repeated",
		OWN(REPEATED, add_variant) = get_variants, PLAN, .key = "variants", .may_lack = true},
	{"weak", 0, GROUP_WHAT, NULL,
		"the work grows with the cores, by {cores} in the arguments: efficiency is T(1) / T(N)",
		FLAG(weak), PLAN, .may_lack = true},
	{"repeat", 0, GROUP_WHAT, "N", "repetitions of every configuration; default 8",
		NUMBER(repeat, 1, 100000), PLAN, .fallback = "8"},
	{"until", 0, GROUP_WHAT, "PERCENT[:A/B]",
		"more repetitions, until the 95 % interval of every mean run time, or of the ratio of A to B, reaches no further than PERCENT to either side; --repeat is the least",
		OWN(OWN, parse_until) = get_until, PLAN, .may_lack = true},
	{"max-runs", 0, GROUP_WHAT, "N", "with --until: no more repetitions than that; default 100",
		NUMBER(max_runs, 1, 100000), PLAN, .key = "max_runs", .fallback = "100",
		.may_lack = true},
	{"max-time", 0, GROUP_WHAT, "SECONDS",
		"with --until: no block is begun that would end later than that; default no bound",
		NUMBER(max_time_s, 1, 30L * 86400), .zero_word = "none", WORDS("none"), PLAN,
		.key = "max_time_s", .fallback = "none", .may_lack = true},
	{"warmup", 0, GROUP_WHAT, "N",
		"runs of every stack before the first block, which do not count; default 1, 0 if "
		"--repeat is below 3",
		NUMBER(warmup, 0, 1000), PLAN},
	{"aa", 0, GROUP_WHAT, NULL,
		"A/A control: measure every configuration as two, a and b, to see what noise alone does",
		FLAG(aa), PLAN},
	{"seed", 0, GROUP_HOW, "N", "of the run order; default from the clock, recorded",
		NUMBER(seed, 0, INT64_MAX), PLAN},
	{"cooldown", 0, GROUP_HOW, "SECONDS", "rest between two runs; default 0",
		NUMBER(cooldown_s, 0, 86400), PLAN, .key = "cooldown_s"},
	{"timeout", 0, GROUP_HOW, "SECONDS", "a run that takes longer has failed; default 1800",
		NUMBER(timeout_s, 1, 7L * 86400), PLAN, .key = "timeout_s", .fallback = "1800"},
	{"accel", 0, GROUP_STACKS, "MODE", "auto (default), kvm or tcg",
		AT(WORD, accel), WORDS("auto", "kvm", "tcg"), .least = ACCEL_AUTO, PLAN,
		.fallback = "auto"},
	{"pin", 0, GROUP_STACKS, "MODE",
		"cores (default: one lane per physical core first), threads, none, or a CPU list",
		AT(TEXT, pin), WORDS("cores", "threads", "none"), PLAN, VARIES, .fallback = "cores"},
	{"machine", 0, GROUP_STACKS, "TYPE",
		"the type of QEMU's machine: pc (default), q35 or microvm",
		AT(WORD, machine), WORDS("pc", "q35", "microvm"), .least = MACHINE_PC, PLAN, VARIES,
		.fallback = "pc", .may_lack = true},
	{"overcommit", 0, GROUP_STACKS, NULL,
		"more lanes than CPUs are allowed: they share CPUs, as evenly as can be",
		FLAG(overcommit), PLAN, .may_lack = true},
	{"container-option", 0, GROUP_STACKS, "OPTION",
		"one more option for docker run and podman run, such as --cpus=0.5; may be "
		"repeated",
		OWN(REPEATED, add_container_option) = get_container_options, PLAN, VARIES,
		.key = "container_options"},
	{"profile", 0, GROUP_HOW, "LIST", "oncpu, guest, offcpu, exits, none; default all",
		OWN(LIST, parse_profile) = get_profile, WORDS("oncpu", "guest", "offcpu", "exits", "none"),
		PLAN, .fallback = "oncpu,guest,offcpu,exits"},
	{"counters", 0, GROUP_HOW, "LIST",
		"events by libpfm4 name, or none; default what the machine has",
		AT(TEXT, counters), WORDS("none"), PLAN},
	{"split", 0, GROUP_HOW, "HOW",
		"user and kernel time told apart: sampled (default), or exact, by every system "
		"call",
		AT(WORD, exact_split), WORDS("sampled", "exact"), PLAN, .fallback = "sampled"},
	{"timeline", 0, GROUP_HOW, "WHAT",
		"every change of a lane's state with its instant: budget (default), within which short ones are merged, full, or none",
		AT(WORD, timeline), WORDS("none", "full", "budget"), PLAN, .fallback = "budget",
		.may_lack = true},
	{"boot-only", 0, GROUP_WHAT, NULL,
		"measure boots alone: end each run when the program begins",
		FLAG(boot_only), PLAN, .key = "boot_only"},
	{"phase", 0, GROUP_WHAT, "NAME=REGEX",
		"a phase NAME begins where a line of the program's output first matches; may be repeated",
		OWN(REPEATED, add_phase) = get_phases, PLAN, .key = "phases", .may_lack = true},
	{"metric", 0, GROUP_RESULTS, "NAME=REGEX[:higher|lower]",
		"a number in the program's output, and whether higher or lower is better: analysed as run "
		"time is; may be repeated",
		OWN(REPEATED, add_metric) = get_metrics, PLAN, .key = "metrics", .may_lack = true},
	{"same-output", 0, GROUP_RESULTS, NULL,
		"a run fails whose program does not write what that of the first run wrote",
		FLAG(same_output), PLAN, .key = "same_output", .may_lack = true},
	{"result", 0, GROUP_RESULTS, "REGEX",
		"a run fails whose output does not have the same match as that of the first run",
		OWN(OWN, parse_result) = get_result, PLAN, .may_lack = true},
	{"frequency", 0, GROUP_HOW, "HZ",
		"sampling frequency, or auto (default): the highest whose interrupts are predicted to cost less than 0.3 %",
		NUMBER(frequency_hz, 1, 20000), .zero_word = "auto", WORDS("auto"), PLAN,
		.fallback = "auto"},
	{"memory", 0, GROUP_STACKS, "SIZE",
		"RAM of virtual machines in MiB, or with M or G; default as the picture needs",
		OWN(SIZE, parse_memory) = get_memory, PLAN, VARIES, .key = "memory_bytes"},
	{"shard", 0, GROUP_HOW, "I/N",
		"measure every Nth block only, from the Ith: the others are another machine's",
		OWN(OWN, parse_shard) = get_shard, MACHINE},
	{"program", 0, GROUP_WHAT, "FILE",
		"any program, by path or from $PATH, with its own arguments after --; default "
		"mandelbrot",
		AT(FILE, program), MACHINE, VARIES},
	{"with", 0, GROUP_WHAT, "FILE[:PATH]",
		"a file or folder that goes along with --program into every stack; may be repeated",
		OWN(REPEATED, add_with) = get_with, MACHINE, .may_lack = true},
	{"cwd", 0, GROUP_WHAT, "DIR", "the folder that --program runs in; default the current one",
		AT(FOLDER, cwd), MACHINE, .may_lack = true},
	{"kernel", 0, GROUP_STACKS, "FILE", "the guest's kernel; default searched",
		AT(FILE, kernel), MACHINE, VARIES},
	{"symbols", 0, GROUP_STACKS, "FILE", "ELF with the guest kernel's symbols",
		AT(FILE, symbols), MACHINE, VARIES},
	{"disk", 0, GROUP_STACKS, "FILE",
		"a disk image for linux or osv to boot: linux in place of the built one, osv with a program of its own",
		AT(FILE, disk), MACHINE},
	{"append", 0, GROUP_STACKS, "WORDS",
		"with --disk: the command line of the guest's kernel; what it runs is the disk's own",
		AT(TEXT, append), PLAN, VARIES, .may_lack = true},
	{"attach", 0, GROUP_WHAT, "WHAT",
		"measure what runs already, a process by its number, a container or a machine of libvirt's by its name, until it ends, until SIGINT, or for --timeout",
		AT(TEXT, attach), NOBODY},
	{"output", 'o', GROUP_RESULTS, "DIR",
		"the experiment's folder; default results/<UTC time>-<guests>",
		AT(FOLDER, output), NOBODY},
	{"json", 0, GROUP_RESULTS, NULL,
		"the closing summary as one JSON document on standard output", FLAG(json), NOBODY},
	{"verbose", 0, GROUP_RESULTS, NULL, "a closing summary with all tables and findings",
		FLAG(verbose), NOBODY},
	{"resume", 0, GROUP_RESULTS, "DIR",
		"continue the experiment in DIR, which was interrupted", AT(FOLDER, resume), NOBODY},
	{"force", 0, GROUP_RESULTS, NULL,
		"with --resume: on another machine, or with a changed program, too",
		FLAG(force), NOBODY},
	{"dry-run", 0, GROUP_INSTEAD, NULL, "print the plan and the exact command lines",
		ACTION(DRY_RUN), NOBODY},
	{"topology", 0, GROUP_INSTEAD, "TEXT",
		"with --dry-run: plan for a machine of that build, such as 'pack:2 core:2 pu:2'",
		AT(TEXT, topology), NOBODY},
	{"doctor", 0, GROUP_INSTEAD, NULL,
		"what this machine can measure, and how to fix the rest", ACTION(DOCTOR), NOBODY},
	{"list-guests", 0, GROUP_INSTEAD, NULL, "the stacks, and what each is missing here",
		ACTION(LIST_GUESTS), NOBODY},
	{"list-scenarios", 0, GROUP_INSTEAD, NULL, "what --scenario can be",
		ACTION(LIST_SCENARIOS), NOBODY},
	{"list-counters", 0, GROUP_INSTEAD, NULL, "the events that can be counted here",
		ACTION(LIST_COUNTERS), NOBODY},
	{"print-options", 0, GROUP_INSTEAD, ACTION(PRINT_OPTIONS), NOBODY},
};
/* clang-format on */

const size_t n_option_rows = ARRAY_SIZE(option_rows);

_Static_assert(ARRAY_SIZE(option_rows) <= 64, "struct options has a bit for each");

/* What is made of it */

static void store(const struct option_row *row, struct options *o, uint64_t n)
{
	void *at = (char *)o + row->offset;

	switch (row->size) {
	case sizeof(bool):
		*(bool *)at = n;
		break;
	case sizeof(unsigned):
		*(unsigned *)at = (unsigned)n;
		break;
	default:
		*(uint64_t *)at = n;
	}
}

static uint64_t load(const struct option_row *row, const struct options *o)
{
	const void *at = (const char *)o + row->offset;

	switch (row->size) {
	case sizeof(bool):
		return *(const bool *)at;
	case sizeof(unsigned):
		return *(const unsigned *)at;
	default:
		return *(const uint64_t *)at;
	}
}

int option_parse(
	const struct option_row *row, struct options *o, const char *text, struct error *error)
{
	uint64_t n = row->least;
	int r = 0;

	switch (row->type) {
	case OPTION_TEXT:
	case OPTION_FILE:
	case OPTION_FOLDER:
		if (!*text)
			return error_set_user(error, -EINVAL, "--%s needs a %s", row->name,
				row->type == OPTION_FOLDER ? "folder"
				: row->type == OPTION_FILE ? "file"
							   : "value");
		*(const char **)((char *)o + row->offset) = text;
		return 0;
	case OPTION_NUMBER:
		if (row->zero_word && strcmp(text, row->zero_word) == 0)
			n = 0;
		else
			r = parse_number(row->name, text, row->least, row->most, &n, error);
		break;
	case OPTION_WORD:
		r = parse_word(row, text, &n, error);
		break;
	case OPTION_FLAG:
		break;
	default:
		return row->parse(o, text, error);
	}
	if (r == 0)
		store(row, o, n);
	return r;
}

json_t *option_get(const struct option_row *row, const struct options *o)
{
	const char *text;
	uint64_t n;

	switch (row->type) {
	case OPTION_FLAG:
		return json_boolean(load(row, o) == row->least);
	case OPTION_NUMBER:
		n = load(row, o);
		return n || !row->zero_word ? json_integer((json_int_t)n)
					    : json_string(row->zero_word);
	case OPTION_WORD:
		return json_string(row->words[load(row, o) - row->least]);
	case OPTION_TEXT:
	case OPTION_FILE:
	case OPTION_FOLDER:
		text = *(const char *const *)((const char *)o + row->offset);
		return text ? json_string(text) : json_null();
	default:
		return row->get(o);
	}
}

static int add_text(char **list, const char *text)
{
	char *longer = NULL;

	if (asprintf(&longer, "%s%s%s", *list ? *list : "", *list ? "," : "", text) < 0)
		return -ENOMEM;
	free(*list);
	*list = longer;
	return 0;
}

static int set_list(const struct option_row *row, struct options *o, const json_t *value)
{
	_cleanup_free_ char *list = NULL;
	const json_t *element;
	size_t i;
	int r = 0;

	json_array_foreach (value, i, element) {
		const char *text = json_string_value(element);
		char number[32];

		if (json_is_integer(element)) {
			snprintf(number, sizeof(number), "%lld",
				(long long)json_integer_value(element));
			text = number;
		}
		if (!text || (json_is_integer(element) && row->type == OPTION_REPEATED))
			return -EBADMSG;
		r = row->type == OPTION_REPEATED ? row->parse(o, text, NULL)
						 : add_text(&list, text);
		if (r < 0)
			return r;
	}
	return row->type == OPTION_REPEATED ? r : row->parse(o, list ? list : "", NULL);
}

/* In the words of the command line: so there is one way to read a value. */
static int set(const struct option_row *row, struct options *o, const json_t *value)
{
	bool listed = row->type == OPTION_LIST || row->type == OPTION_REPEATED;
	char number[32];

	if (json_is_array(value) && listed)
		return set_list(row, o, value);
	if (json_is_string(value))
		return option_parse(row, o, json_string_value(value), NULL);
	if (json_is_true(value) && row->type == OPTION_FLAG)
		return option_parse(row, o, NULL, NULL);
	if (!json_is_integer(value) || (row->type != OPTION_NUMBER && row->type != OPTION_SIZE))
		return -EBADMSG;
	snprintf(number, sizeof(number), "%lld",
		(long long)json_integer_value(value) >> (row->type == OPTION_SIZE ? 20 : 0));
	return option_parse(row, o, number, NULL);
}

static bool has(const struct option_row *row, const struct options *o, const json_t *value)
{
	json_t *now = option_get(row, o);
	bool same = json_equal(now, value);

	json_decref(now);
	return same;
}

int option_set(const struct option_row *row, struct options *o, const json_t *value)
{
	int r = has(row, o, value) ? 0 : set(row, o, value);

	if (r == -ENOMEM)
		return r;
	/* What is read must be what would be written. */
	return r == 0 && has(row, o, value) ? 0 : -EBADMSG;
}

int options_default(struct options *ret, struct error *error)
{
	int r = 0;

	*ret = (struct options){0};
	for (size_t i = 0; i < n_option_rows && r == 0; i++)
		if (option_rows[i].fallback)
			r = option_parse(&option_rows[i], ret, option_rows[i].fallback, error);
	return r;
}

const char *option_key(const struct option_row *row)
{
	return row->key ? row->key : row->name;
}

bool option_given(const struct option_row *row, const struct options *o)
{
	return o->given >> (row - option_rows) & 1;
}

void option_note_given(const struct option_row *row, struct options *o)
{
	o->given |= UINT64_C(1) << (row - option_rows);
}

bool options_given(const struct options *o, const char *name)
{
	for (size_t i = 0; i < n_option_rows; i++)
		if (strcmp(option_rows[i].name, name) == 0)
			return option_given(&option_rows[i], o);
	return false;
}

static json_t *row_words(const struct option_row *row)
{
	return row->find_words ? row->find_words() : get_words((char *const *)row->words);
}

int options_print(FILE *out)
{
	static const char *const kinds[] = {
		[OPTION_FILE] = "file", [OPTION_FOLDER] = "folder", [OPTION_LIST] = "list"};
	json_t *all = json_array();
	int r;

	for (size_t i = 0; i < n_option_rows; i++) {
		const struct option_row *row = &option_rows[i];
		const char *kind = row->type < ARRAY_SIZE(kinds) ? kinds[row->type] : NULL;
		const char letter[2] = {row->letter};

		if (!row->help)
			continue;
		json_array_append_new(
			all, json_pack("{s:s, s:s, s:s?, s:s, s:s, s:o}", "name", row->name,
				     "letter", letter, "argument", row->argument, "help", row->help,
				     "kind", kind ? kind : "", "words", row_words(row)));
	}
	r = json_dumpf(all, out, JSON_INDENT(2));
	json_decref(all);
	return r < 0 || fputc('\n', out) == EOF ? -EIO : 0;
}
