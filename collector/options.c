/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/options.h"

#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

#define MEMORY_MIN_MIB 128
#define MEMORY_MAX_MIB (1024 * 1024)

/* Who measures once or twice wants to see something, not to find out the last percent. */
#define WARMUP_FROM_REPEAT 3

const char *argp_program_version = "collector (guestscope) " GUESTSCOPE_VERSION;

enum {
	OPTION_SCENARIO = 256,
	OPTION_REPEAT,
	OPTION_ACCEL,
	OPTION_PROGRAM,
	OPTION_KERNEL,
	OPTION_SYMBOLS,
	OPTION_MEMORY,
	OPTION_DISK,
	OPTION_PROFILE,
	OPTION_COUNTERS,
	OPTION_FREQUENCY,
	OPTION_PIN,
	OPTION_SEED,
	OPTION_TIMEOUT,
	OPTION_CONTAINER_OPTION,
	OPTION_SPLIT,
	OPTION_ATTACH,
	OPTION_BOOT_ONLY,
	OPTION_DRY_RUN,
	OPTION_DOCTOR,
	OPTION_LIST_GUESTS,
	OPTION_LIST_COUNTERS,
	OPTION_JSON,
	OPTION_WARMUP,
	OPTION_COOLDOWN,
	OPTION_AA,
	OPTION_SHARD,
	OPTION_RESUME,
	OPTION_FORCE,
};

static const char doc[] =
	"Measure where the time of a parallel program goes in a unikernel (OSv), a container, a "
	"virtual "
	"machine, or natively, from the host alone.\v"
	"Exit status: 0 all runs measured, 1 some run failed (the others are kept), 2 wrong usage, "
	"3 something the run needs is missing, 130 interrupted (finished runs are kept).\n\n"
	"See collector(1).";

static const struct argp_option option_table[] = {
	{0, 0, 0, 0, "What to measure:", 1},
	{"guest", 'g', "LIST", 0, "stacks, comma-separated (see --list-guests); default native", 0},
	{"cores", 'c', "LIST", 0, "numbers of lanes, comma-separated; default all cores", 0},
	{"scenario", OPTION_SCENARIO, "NAME", 0, "quick (default), paper-1 or paper-2", 0},
	{"repeat", OPTION_REPEAT, "N", 0, "repetitions of every cell; default 8", 0},
	{"warmup", OPTION_WARMUP, "N", 0,
		"runs of every stack before the first block, which do not count; default 1, 0 if "
		"--repeat is below 3",
		0},
	{"aa", OPTION_AA, 0, 0,
		"A/A control: every cell measured as two, a and b, to see what noise alone makes",
		0},
	{"program", OPTION_PROGRAM, "FILE", 0,
		"the workload; default mandelbrot, beside this program", 0},
	{"boot-only", OPTION_BOOT_ONLY, 0, 0,
		"measure boots alone: end each run at the program's first marker", 0},
	{"attach", OPTION_ATTACH, "PID", 0,
		"measure a QEMU or container process that already runs, until it ends or SIGINT",
		0},
	{0, 0, 0, 0, "The stacks:", 2},
	{"accel", OPTION_ACCEL, "MODE", 0, "auto (default), kvm or tcg", 0},
	{"kernel", OPTION_KERNEL, "FILE", 0, "the guest's kernel; default searched", 0},
	{"symbols", OPTION_SYMBOLS, "FILE", 0, "ELF with the guest kernel's symbols", 0},
	{"memory", OPTION_MEMORY, "SIZE", 0,
		"RAM of virtual machines in MiB, or with M or G; default as the picture needs", 0},
	{"disk", OPTION_DISK, "FILE", 0,
		"a disk image for the guest linux to boot, in place of the built one", 0},
	{"pin", OPTION_PIN, "MODE", 0,
		"cores (default: one lane per physical core first), threads, none, or a CPU list",
		0},
	{"container-option", OPTION_CONTAINER_OPTION, "OPTION", 0,
		"one more option for docker run and podman run, such as --cpus=0.5; may be "
		"repeated",
		0},
	{0, 0, 0, 0, "How to measure:", 3},
	{"profile", OPTION_PROFILE, "LIST", 0, "oncpu, guest, offcpu, none; default all", 0},
	{"counters", OPTION_COUNTERS, "LIST", 0,
		"events by libpfm4 name, or none; default what the machine has", 0},
	{"frequency", OPTION_FREQUENCY, "HZ", 0, "sampling frequency; default 999", 0},
	{"split", OPTION_SPLIT, "HOW", 0,
		"user and kernel time told apart: sampled (default), or exact, by every system "
		"call",
		0},
	{"seed", OPTION_SEED, "N", 0, "of the run order; default from the clock, recorded", 0},
	{"timeout", OPTION_TIMEOUT, "SECONDS", 0,
		"a run that takes longer has failed; default 1800", 0},
	{"cooldown", OPTION_COOLDOWN, "SECONDS", 0, "rest between two runs; default 0", 0},
	{"shard", OPTION_SHARD, "I/N", 0,
		"measure every Nth block only, from the Ith: the others are another machine's", 0},
	{0, 0, 0, 0, "Results:", 4},
	{"output", 'o', "DIR", 0, "the experiment's folder; default results/<UTC time>-<guests>",
		0},
	{"json", OPTION_JSON, 0, 0, "the closing summary as one JSON document on standard output",
		0},
	{"resume", OPTION_RESUME, "DIR", 0, "go on with the experiment in DIR, which was cut off",
		0},
	{"force", OPTION_FORCE, 0, 0,
		"with --resume: on another machine, or with a changed program, too", 0},
	{0, 0, 0, 0, "Instead of measuring:", 5},
	{"dry-run", OPTION_DRY_RUN, 0, 0, "print the plan and the exact command lines", 0},
	{"doctor", OPTION_DOCTOR, 0, 0, "what this machine can measure, and how to mend the rest",
		0},
	{"list-guests", OPTION_LIST_GUESTS, 0, 0, "the stacks, and what each is missing here", 0},
	{"list-counters", OPTION_LIST_COUNTERS, 0, 0, "the events that can be counted here", 0},
	{0},
};

struct parse {
	struct options *o;
	struct error *error;
	int result;
};

static int mistake(struct parse *p, int code)
{
	p->result = code;
	return EINVAL;
}

static int parse_number(struct parse *p, const char *option, const char *text, uint64_t least,
	uint64_t most, uint64_t *ret)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end || text[0] == '-' || value < least || value > most)
		return mistake(
			p, error_set_user(p->error, -EINVAL,
				   "--%s takes a whole number from %llu to %llu, not '%s'", option,
				   (unsigned long long)least, (unsigned long long)most, text));
	*ret = value;
	return 0;
}

/* "512", "512M", "5G": whole MiB, as QEMU's -m. */
static int parse_memory(struct parse *p, const char *text)
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
		return mistake(p, error_set_user(p->error, -EINVAL,
					  "--memory takes a size from %dM to %dG, not '%s'",
					  MEMORY_MIN_MIB, MEMORY_MAX_MIB / 1024, text));
	p->o->ram_bytes = (uint64_t)mib << 20;
	return 0;
}

/* Lists are cut into words in a copy: the arguments are recorded as they were given. */
static int parse_guests(struct parse *p, const char *list)
{
	_cleanup_free_ char *words = strdup(list);
	char *save = NULL;

	if (!words)
		return mistake(p, -ENOMEM);
	p->o->n_guests = 0;
	for (char *name = strtok_r(words, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		const struct guest_ops *ops = guest_find(name);

		if (!ops)
			return mistake(p,
				error_set_user(p->error, -EINVAL,
					"unknown guest '%s' (see collector --list-guests)", name));
		for (size_t i = 0; i < p->o->n_guests; i++)
			if (p->o->guests[i] == ops)
				return mistake(p, error_set_user(p->error, -EINVAL,
							  "guest '%s' is named twice", name));
		p->o->guests[p->o->n_guests++] = ops;
	}
	if (!p->o->n_guests)
		return mistake(p, error_set_user(p->error, -EINVAL, "--guest needs a name"));
	return 0;
}

static int parse_cores(struct parse *p, const char *list)
{
	_cleanup_free_ char *words = strdup(list);
	char *save = NULL;

	if (!words)
		return mistake(p, -ENOMEM);
	p->o->n_cores = 0;
	for (char *word = strtok_r(words, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		uint64_t n;
		int r = parse_number(p, "cores", word, 1, 256, &n);

		if (r)
			return r;
		if (p->o->n_cores == OPTIONS_LIST_MAX)
			return mistake(
				p, error_set_user(p->error, -EINVAL,
					   "--cores takes at most %d numbers", OPTIONS_LIST_MAX));
		for (size_t i = 0; i < p->o->n_cores; i++)
			if (p->o->cores[i] == n)
				return mistake(p, error_set_user(p->error, -EINVAL,
							  "--cores names %s twice", word));
		p->o->cores[p->o->n_cores++] = (unsigned)n;
	}
	if (!p->o->n_cores)
		return mistake(p, error_set_user(p->error, -EINVAL, "--cores needs a number"));
	return 0;
}

static int parse_profile(struct parse *p, const char *list)
{
	_cleanup_free_ char *words = strdup(list);
	char *save = NULL;

	if (!words)
		return mistake(p, -ENOMEM);
	p->o->oncpu = p->o->offcpu = p->o->inside = false;
	for (char *word = strtok_r(words, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		if (strcmp(word, "oncpu") == 0)
			p->o->oncpu = true;
		else if (strcmp(word, "guest") == 0) /* a part of the same samples */
			p->o->oncpu = p->o->inside = true;
		else if (strcmp(word, "offcpu") == 0)
			p->o->offcpu = true;
		else if (strcmp(word, "none") != 0)
			return mistake(
				p, error_set_user(p->error, -EINVAL,
					   "--profile takes oncpu, guest, offcpu or none, not '%s'",
					   word));
	}
	return 0;
}

static int parse_shard(struct parse *p, const char *text)
{
	unsigned shard = 0, shards = 0;
	int length = 0;

	if (sscanf(text, "%5u/%5u%n", &shard, &shards, &length) != 2 || text[length] ||
		!isdigit((unsigned char)text[0]) || shard < 1 || shard > shards)
		return mistake(p, error_set_user(p->error, -EINVAL,
					  "--shard takes I/N with I from 1 to N, not '%s'", text));
	p->o->shard = shard;
	p->o->shards = shards;
	return 0;
}

/** One of a few words: its index, or -1 with the message. */
static int parse_word(
	struct parse *p, const char *option, const char *text, const char *const *words)
{
	char all[128] = "";

	for (int i = 0; words[i]; i++) {
		if (strcmp(text, words[i]) == 0)
			return i;
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? ", " : "",
			words[i]);
	}
	mistake(p, error_set_user(
			   p->error, -EINVAL, "--%s takes one of %s, not '%s'", option, all, text));
	return -1;
}

static int parse_accel(struct parse *p, const char *text)
{
	static const char *const words[] = {"auto", "kvm", "tcg", NULL};
	static const enum accel values[] = {ACCEL_AUTO, ACCEL_KVM, ACCEL_TCG};
	int i = parse_word(p, "accel", text, words);

	if (i < 0)
		return EINVAL;
	p->o->accel = values[i];
	return 0;
}

static int parse_split(struct parse *p, const char *text)
{
	static const char *const words[] = {"sampled", "exact", NULL};
	int i = parse_word(p, "split", text, words);

	if (i < 0)
		return EINVAL;
	p->o->exact_split = i == 1;
	return 0;
}

static int add_container_option(struct parse *p, char *text)
{
	char **grown = realloc(p->o->container_args, (p->o->n_container_args + 2) * sizeof(*grown));

	if (!grown)
		return ENOMEM;
	grown[p->o->n_container_args++] = text;
	grown[p->o->n_container_args] = NULL;
	p->o->container_args = grown;
	return 0;
}

static int parse_scenario(struct parse *p, const char *name)
{
	p->o->scenario = scenario_find(name);
	if (!p->o->scenario)
		return mistake(
			p, error_set_user(p->error, -EINVAL,
				   "unknown scenario '%s' (quick, paper-1 or paper-2)", name));
	return 0;
}

/* Whoever goes on with an experiment may say what he wants as long as it is what was planned. */
static void note_given(struct options *o, int key)
{
	for (const struct argp_option *row = option_table; row->name || row->doc; row++)
		if (row->name && row->key == key && !options_given(o, row->name) &&
			o->n_given < ARRAY_SIZE(o->given))
			o->given[o->n_given++] = row->name;
}

bool options_given(const struct options *o, const char *name)
{
	for (size_t i = 0; i < o->n_given; i++)
		if (strcmp(o->given[i], name) == 0)
			return true;
	return false;
}

static error_t parse_one(int key, char *arg, struct argp_state *state)
{
	struct parse *p = state->input;
	struct options *o = p->o;
	uint64_t n = 0;
	int r = 0;

	note_given(o, key);
	switch (key) {
	case ARGP_KEY_INIT:
		/* getopt says in one line what is wrong; argp would add a second to every mistake.
		 */
		state->err_stream = fopen("/dev/null", "we");
		return 0;
	case 'g':
		return parse_guests(p, arg);
	case 'c':
		return parse_cores(p, arg);
	case 'o':
		o->output = arg;
		return 0;
	case OPTION_SCENARIO:
		return parse_scenario(p, arg);
	case OPTION_REPEAT:
		r = parse_number(p, "repeat", arg, 1, 100000, &n);
		o->repeat = (unsigned)n;
		return r;
	case OPTION_FREQUENCY:
		r = parse_number(p, "frequency", arg, 1, 20000, &n);
		o->frequency_hz = (unsigned)n;
		return r;
	case OPTION_TIMEOUT:
		r = parse_number(p, "timeout", arg, 1, 7 * 86400, &n);
		o->timeout_s = (unsigned)n;
		return r;
	case OPTION_WARMUP:
		r = parse_number(p, "warmup", arg, 0, 1000, &n);
		o->warmup = (unsigned)n;
		return r;
	case OPTION_COOLDOWN:
		r = parse_number(p, "cooldown", arg, 0, 86400, &n);
		o->cooldown_s = (unsigned)n;
		return r;
	case OPTION_AA:
		o->aa = true;
		return 0;
	case OPTION_SHARD:
		return parse_shard(p, arg);
	case OPTION_RESUME:
		o->resume = arg;
		return 0;
	case OPTION_FORCE:
		o->force = true;
		return 0;
	case OPTION_ATTACH:
		r = parse_number(p, "attach", arg, 1, 1 << 22, &n);
		o->attach = (pid_t)n;
		return r;
	case OPTION_BOOT_ONLY:
		o->boot_only = true;
		return 0;
	case OPTION_SEED:
		o->has_seed = true;
		return parse_number(p, "seed", arg, 0, INT64_MAX, &o->seed);
	case OPTION_ACCEL:
		return parse_accel(p, arg);
	case OPTION_SPLIT:
		return parse_split(p, arg);
	case OPTION_PROFILE:
		return parse_profile(p, arg);
	case OPTION_CONTAINER_OPTION:
		return add_container_option(p, arg);
	case OPTION_COUNTERS:
		o->count = strcmp(arg, "none") != 0;
		o->counters = o->count ? arg : NULL;
		return 0;
	case OPTION_PROGRAM:
		o->program = arg;
		return 0;
	case OPTION_KERNEL:
		o->kernel = arg;
		return 0;
	case OPTION_SYMBOLS:
		o->symbols = arg;
		return 0;
	case OPTION_MEMORY:
		return parse_memory(p, arg);
	case OPTION_DISK:
		o->disk = arg;
		return 0;
	case OPTION_PIN:
		o->pin = arg;
		return 0;
	case OPTION_JSON:
		o->json = true;
		return 0;
	case OPTION_DRY_RUN:
		o->action = ACTION_DRY_RUN;
		return 0;
	case OPTION_DOCTOR:
		o->action = ACTION_DOCTOR;
		return 0;
	case OPTION_LIST_GUESTS:
		o->action = ACTION_LIST_GUESTS;
		return 0;
	case OPTION_LIST_COUNTERS:
		o->action = ACTION_LIST_COUNTERS;
		return 0;
	case ARGP_KEY_ARGS:
		/* argp hands over everything behind "--", and stray words before it too. */
		if (strcmp(state->argv[state->next - 1], "--") != 0)
			return mistake(
				p, error_set_user(p->error, -EINVAL,
					   "stray argument '%s' (the workload's own come after --)",
					   state->argv[state->next]));
		o->arguments = state->argv + state->next;
		o->own_arguments = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int check_disk(const struct options *o, struct error *error)
{
	bool used = !o->disk || o->resume ||
		    (o->action != ACTION_MEASURE && o->action != ACTION_DRY_RUN);

	for (size_t i = 0; i < o->n_guests; i++)
		used |= strcmp(o->guests[i]->name, "linux") == 0;
	return used ? 0
		    : error_set_user(error, -EINVAL,
			      "--disk is for the guest linux, which is not in --guest");
}

static int together(const struct options *o, struct error *error)
{
	if (o->resume && (o->output || o->attach))
		return error_set_user(error, -EINVAL, "--resume and --%s do not go together",
			o->output ? "output" : "attach");
	if (o->force && !o->resume)
		return error_set_user(error, -EINVAL, "--force goes with --resume");
	if (o->shards && o->attach)
		return error_set_user(error, -EINVAL, "--shard and --attach do not go together");
	if (o->shards && !o->has_seed && !o->resume)
		return error_set_user(error, -EINVAL,
			"--shard needs --seed, the same for all shards: it decides their common "
			"plan");
	if (o->shards && o->shard > o->repeat && !o->resume)
		return error_set_user(error, -EINVAL,
			"--shard %u/%u has nothing to measure: there are only %u blocks (--repeat)",
			o->shard, o->shards, o->repeat);
	return 0;
}

int options_parse(int argc, char **argv, struct options *ret, struct error *error)
{
	static const struct argp argp = {
		option_table, parse_one, "[-- WORKLOAD-ARGUMENTS]", doc, 0, 0, 0};
	struct parse p = {.o = ret, .error = error};
	int r;

	*ret = (struct options){
		.guests = {guest_find("native")},
		.n_guests = 1,
		.scenario = scenario_find("quick"),
		.repeat = 8,
		.accel = ACCEL_AUTO,
		.oncpu = true,
		.offcpu = true,
		.inside = true,
		.count = true,
		.frequency_hz = 999,
		.pin = "cores",
		.timeout_s = 1800,
	};
	argp_err_exit_status = EXIT_USAGE;
	argv[0] = (char *)(uintptr_t) "collector"; /* with which getopt begins its messages */
	r = argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &p);
	if (p.result)
		return p.result;
	if (r)
		return error_set_user(error, -r, "the command line cannot be read");
	if (ret->attach && ret->boot_only)
		return error_set_user(
			error, -EINVAL, "--attach finds a stack that has booted: no --boot-only");
	if (!ret->arguments)
		ret->arguments = (char **)(uintptr_t)ret->scenario->arguments;
	if (!options_given(ret, "warmup"))
		ret->warmup = ret->repeat >= WARMUP_FROM_REPEAT ? 1 : 0;
	r = together(ret, error);
	return r < 0 ? r : check_disk(ret, error);
}

void options_done(struct options *o)
{
	free(o->container_args);
	memset(o, 0, sizeof(*o));
}
