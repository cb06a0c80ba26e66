/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/options/options.h"

#include <argp.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/options/option_table.h"
#include "common/cleanup.h"
#include "common/store_format.h"
#include "common/version.h"
#include "guests/machine_type.h"
#include "guests/stacks/stacks.h"

/* Who measures once or twice wants to see something, not to find out the last percent. */
#define WARMUP_FROM_REPEAT 3

static char *no_arguments[] = {NULL};

static void print_version(FILE *stream, struct argp_state *state)
{
	char details[256];

	(void)state;
	snprintf(details, sizeof(details),
		"probes compiled by %s\nlibbpf %s, built with %d.%d headers\n",
		version_probes_compiler, libbpf_version_string(), LIBBPF_MAJOR_VERSION,
		LIBBPF_MINOR_VERSION);
	version_print(stream, "collector", details);
}

void (*argp_program_version_hook)(FILE *, struct argp_state *) = print_version;

static const char doc[] =
	"Measure where the time of a parallel program goes in a unikernel (OSv), a container, a "
	"virtual "
	"machine, or natively, from the host alone.\v"
	"Exit status: 0 all runs measured, 1 some run failed (the others are kept), 2 wrong usage, "
	"3 something the run needs is missing, 130 interrupted (finished runs are kept).\n\n"
	"See collector(1).";

static const struct argp_option headings[] = {
	{0, 0, 0, 0, "What to measure:", GROUP_WHAT},
	{0, 0, 0, 0, "The stacks:", GROUP_STACKS},
	{0, 0, 0, 0, "How to measure:", GROUP_HOW},
	{0, 0, 0, 0, "Results:", GROUP_RESULTS},
	{0, 0, 0, 0, "Instead of measuring:", GROUP_INSTEAD},
};

#define KEY_FIRST 256 /* of options without a letter; below are letters */

static int key_of(size_t i)
{
	return option_rows[i].letter ? option_rows[i].letter : KEY_FIRST + (int)i;
}

/* The headings, a row for each option, and the empty row that ends them. */
static struct argp_option *make_argp_rows(void)
{
	struct argp_option *rows = calloc(ARRAY_SIZE(headings) + n_option_rows + 1, sizeof(*rows));
	struct argp_option *at = rows;

	if (!rows)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
		*at++ = headings[i];
	for (size_t i = 0; i < n_option_rows; i++) {
		const struct option_row *row = &option_rows[i];

		if (row->type != OPTION_REST)
			*at++ = (struct argp_option){row->name, key_of(i), row->argument,
				row->help ? 0 : OPTION_HIDDEN, row->help, (int)row->group};
	}
	return rows;
}

struct parse {
	struct options *o;
	struct error *error;
	int result;
};

/* argp hands over everything behind "--", and stray words before it too. */
static int parse_rest(struct parse *p, struct argp_state *state)
{
	if (strcmp(state->argv[state->next - 1], "--") != 0)
		return error_set_user(p->error, -EINVAL,
			"stray argument '%s' (the workload's own come after --)",
			state->argv[state->next]);
	p->o->arguments = state->argv + state->next;
	p->o->own_arguments = true;
	return 0;
}

static error_t parse_one(int key, char *arg, struct argp_state *state)
{
	struct parse *p = state->input;

	if (key == ARGP_KEY_INIT) {
		/* getopt says in one line what is wrong; argp would add a second to every mistake.
		 */
		state->err_stream = fopen("/dev/null", "we");
		return 0;
	}
	if (key == ARGP_KEY_ARGS) {
		p->result = parse_rest(p, state);
		return p->result < 0 ? EINVAL : 0;
	}
	for (size_t i = 0; i < n_option_rows; i++) {
		if (key_of(i) != key)
			continue;
		option_note_given(&option_rows[i], p->o);
		p->result = option_parse(&option_rows[i], p->o, arg, p->error);
		return p->result < 0 ? EINVAL : 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static bool is_virtual_machine(const struct guest_ops *ops)
{
	return ops->is_vm;
}

static bool is_called(const struct guest_ops *ops, const char *name)
{
	return strcmp(ops->name, name) == 0;
}

static bool has_disk(const struct guest_ops *ops)
{
	return is_called(ops, "linux") || is_called(ops, "osv");
}

static bool is_container(const struct guest_ops *ops)
{
	return is_called(ops, "docker") || is_called(ops, "podman");
}

static bool has_network(const struct guest_ops *ops)
{
	return ops->network != NETWORK_NONE;
}

/* What no stack of --guest would heed is a mistake. */
static int check_heeded(const struct options *o, struct error *error)
{
	const struct {
		const char *name;
		bool (*heeds)(const struct guest_ops *ops);
		const char *what_for;
	} rows[] = {
		{"accel", is_virtual_machine, "virtual machines, none of which is"},
		{"kernel", is_virtual_machine, "virtual machines, none of which is"},
		{"symbols", is_virtual_machine, "virtual machines, none of which is"},
		{"memory", is_virtual_machine, "virtual machines, none of which is"},
		{"machine", is_virtual_machine, "virtual machines, none of which is"},
		{"disk", has_disk, "the guests linux and osv, none of which is"},
		{"port", has_network, "stacks with a network, none of which is"},
		{"container-option", is_container,
			"the guests docker and podman, none of which is"},
	};

	if (o->resume || o->attach || (o->action != ACTION_MEASURE && o->action != ACTION_DRY_RUN))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool heeded = !options_given(o, rows[i].name);

		for (size_t g = 0; g < o->n_guests; g++)
			heeded |= rows[i].heeds(o->guests[g]);
		if (!heeded)
			return error_set_user(error, -EINVAL, "--%s is for %s in --guest",
				rows[i].name, rows[i].what_for);
	}
	return 0;
}

static int check_machine(const struct options *o, struct error *error)
{
	int r = 0;

	for (size_t i = 0; i < o->n_guests && r == 0; i++)
		r = machine_type_check(o->guests[i], o->machine, error);
	return r;
}

/* The plan's CPUs are handed over by this very option; of two the engine takes the last. */
static int check_container_options(const struct options *o, struct error *error)
{
	static const char taken[] = "--cpuset-cpus";

	for (size_t i = 0; i < o->n_container_args && strcmp(o->pin, "none") != 0; i++)
		if (strncmp(o->container_args[i], taken, strlen(taken)) == 0)
			return error_set_user(error, -EINVAL,
				"--container-option %s would override the plan: name the CPUs by "
				"--pin (or say --pin none)",
				o->container_args[i]);
	return 0;
}

/* What only a program of the user's has, and what it has not. */
static int check_program(const struct options *o, struct error *error)
{
	static const char *const needing[] = {"with", "cwd", "env", "port", "client"};

	for (size_t i = 0; i < ARRAY_SIZE(needing) && !o->resume; i++)
		if (options_given(o, needing[i]) && !o->own && !o->attach &&
			!(o->alone && strcmp(needing[i], "with") == 0))
			return error_set_user(error, -EINVAL,
				"--%s is for a program of yours: name it with --program",
				needing[i]);
	if (o->client && !o->port && !o->resume)
		return error_set_user(error, -EINVAL,
			"--client needs --port: it is started once the program answers there");
	if (!o->own || o->resume || !options_given(o, "scenario"))
		return 0;
	return error_set_user(error, -EINVAL,
		"--scenario %s is what %s does: a program named with --program takes its own arguments, after --",
		o->scenario->name, o->scenario->program);
}

/* Only what runs containers can run an image; the first of them is the default then. */
static int check_image(struct options *o, struct error *error)
{
	if (!o->image || o->resume)
		return 0;
	if (!options_given(o, "guest"))
		o->guests[0] = guest_find("docker");
	for (size_t i = 0; i < o->n_guests; i++)
		if (!o->guests[i]->takes_image)
			return error_set_user(error, -EINVAL,
				"--image is measured by docker and podman, not by %s: name these with --guest",
				o->guests[i]->name);
	return 0;
}

/* "-name", "--name", either with "=value". */
static bool is_option(const char *word, const char *name)
{
	size_t dashes = strspn(word, "-"), length = strlen(name);

	return (dashes == 1 || dashes == 2) && strncmp(word + dashes, name, length) == 0 &&
	       (word[dashes + length] == '\0' || word[dashes + length] == '=');
}

/* What every stack adds to the workload's own words by itself (guests/guest_program.h). */
int options_check_words(const struct options *o, char *const *words, struct error *error)
{
	static const struct {
		const char *name, *fix;
	} taken[] = {
		{"cores", "the plan sets the number of workers, use --cores"},
		{"file", "each stack chooses where the picture is written, leave it out"},
	};

	for (; !o->own && !o->alone && *words; words++)
		for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
			if (is_option(*words, taken[i].name))
				return error_set_user(error, -EINVAL, "%s after -- is refused: %s",
					*words, taken[i].fix);
	return 0;
}

static int check_own_arguments(const struct options *o, struct error *error)
{
	int r;

	if (o->own || o->alone || o->resume || !o->own_arguments)
		return 0;
	r = options_check_words(o, o->arguments, error);
	if (r < 0 || !options_given(o, "scenario"))
		return r;
	return error_set_user(error, -EINVAL,
		"--scenario %s and workload arguments after -- cannot be used together: leave one out",
		o->scenario->name);
}

static bool has_guest(const struct options *o, const char *name)
{
	for (size_t i = 0; i < o->n_guests; i++)
		if (is_called(o->guests[i], name))
			return true;
	return false;
}

/* Beside linux, a disk is linux's. */
bool options_alone(const struct options *o)
{
	if (o->attach)
		return false;
	return has_guest(o, "qemu") || o->append ||
	       (o->disk && has_guest(o, "osv") && !has_guest(o, "linux"));
}

static int check_alone(const struct options *o, struct error *error)
{
	static const char *const others[] = {"env", "cwd", "port", "client"};
	static const char *const said[] = {"kernel", "disk", "memory", "machine"};
	bool qemu = has_guest(o, "qemu"), disk = has_guest(o, "osv") || has_guest(o, "linux");

	if (o->resume || o->attach)
		return 0;
	if (o->append && (!o->disk || !disk))
		return error_set_user(error, -EINVAL,
			"--append goes with --disk FILE and the guest linux or osv: it is the command line by "
			"which the disk's own program runs");
	if (o->alone && o->n_guests > 1)
		return error_set_user(error, -EINVAL,
			"%s is measured alone: what it runs is no program that the other stacks of --guest have",
			qemu ? "--guest qemu" : "a --disk that runs its own program");
	if (qemu && !o->own_arguments)
		return error_set_user(
			error, -EINVAL, "--guest qemu needs QEMU's arguments, after --");
	for (size_t i = 0; i < ARRAY_SIZE(said) && qemu; i++)
		if (options_given(o, said[i]))
			return error_set_user(error, -EINVAL,
				"--%s is not for --guest qemu: QEMU's arguments after -- say it",
				said[i]);
	if (o->alone && !qemu && o->own_arguments)
		return error_set_user(error, -EINVAL,
			"workload arguments after -- have no program here: the disk runs its own (--append)");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]) && o->alone; i++)
		if (options_given(o, others[i]))
			return error_set_user(error, -EINVAL,
				"--%s is for a program of yours in our stacks, and this machine runs what "
				"is its own",
				others[i]);
	if (o->alone && options_given(o, "scenario"))
		return error_set_user(error, -EINVAL,
			"--scenario is what our own programs do, and this machine runs a program of its own");
	return 0;
}

/* What a process that runs already has decided. */
static int check_attach(const struct options *o, struct error *error)
{
	static const char *const decided[] = {"guest", "cores", "scenario", "env", "cwd", "repeat",
		"until", "warmup", "cooldown", "aa", "variant", "weak", "pin", "boot-only", "phase",
		"metric", "same-output", "result", "port", "client", "image"};

	for (size_t i = 0; i < ARRAY_SIZE(decided) && o->attach; i++)
		if (options_given(o, decided[i]))
			return error_set_user(error, -EINVAL,
				"--%s cannot be used with --attach, which measures one running process once",
				decided[i]);
	if (o->attach && o->own_arguments)
		return error_set_user(error, -EINVAL,
			"workload arguments after -- cannot be used with --attach: the process runs already");
	return 0;
}

/* Where others write among the program's lines, they are not the same in any two runs. */
static int check_same_output(const struct options *o, struct error *error)
{
	if (o->client) /* whose output is its own */
		return 0;
	for (size_t i = 0; i < o->n_guests && o->same_output && !o->resume; i++)
		if (o->guests[i]->is_vm && !o->guests[i]->farewell)
			return error_set_user(error, -EINVAL,
				"--same-output: in %s the program's output cannot be told from what "
				"else is written to the console: use --result REGEX",
				o->guests[i]->name);
	return 0;
}

/* Of a boot alone there is no output. */
static int check_boot_only(const struct options *o, struct error *error)
{
	static const char *const later[] = {"metric", "same-output", "result"};

	for (size_t i = 0; i < ARRAY_SIZE(later) && o->boot_only; i++)
		if (options_given(o, later[i]))
			return error_set_user(error, -EINVAL,
				"--%s and --boot-only do not go together: each run ends before the "
				"program has written anything",
				later[i]);
	return 0;
}

/* How many runs there will be is nobody's to know before: neither other machines' nor a process's that runs
 * already. */
static int check_until(const struct options *o, struct error *error)
{
	static const char *const bounds[] = {"max-runs", "max-time"};

	for (size_t i = 0; i < ARRAY_SIZE(bounds) && !o->until_text && !o->resume; i++)
		if (options_given(o, bounds[i]))
			return error_set_user(error, -EINVAL, "--%s goes with --until", bounds[i]);
	if (!o->until_text || o->resume)
		return 0;
	if (o->shards)
		return error_set_user(error, -EINVAL,
			"--until and --shard do not go together: no shard knows how narrow the interval of all is");
	if (o->max_runs < o->repeat)
		return error_set_user(error, -EINVAL,
			"--max-runs %u is less than --repeat %u, the least with --until",
			o->max_runs, o->repeat);
	if (o->max_runs < 3)
		return error_set_user(error, -EINVAL,
			"--until takes 3 runs at least, and --max-runs is %u", o->max_runs);
	return 0;
}

/* Of one number of cores there is nothing to tell. */
static int check_weak(const struct options *o, struct error *error)
{
	bool one = false;

	for (size_t i = 0; i < o->n_cores; i++)
		one |= o->cores[i] == 1;
	if (!o->weak || o->resume || (one && o->n_cores > 1))
		return 0;
	return error_set_user(error, -EINVAL,
		"--weak needs 1 and another number in --cores: efficiency is T(1) / T(N)");
}

static int together(const struct options *o, struct error *error)
{
	if (o->topology && o->action != ACTION_DRY_RUN)
		return error_set_user(error, -EINVAL, "--topology goes with --dry-run");
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

static int parse_words(struct parse *p, int argc, char **argv)
{
	_cleanup_free_ struct argp_option *rows = make_argp_rows();
	const struct argp argp = {rows, parse_one, "[-- WORKLOAD-ARGUMENTS]", doc, 0, 0, 0};
	int r;

	if (!rows)
		return -ENOMEM;
	argp_err_exit_status = EXIT_USAGE;
	argv[0] = (char *)(uintptr_t) "collector"; /* with which getopt begins its messages */
	r = argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, p);
	if (r && !p->result)
		return error_set_user(p->error, -r, "the command line cannot be read");
	return p->result;
}

const char *options_scenario(const struct options *o)
{
	return o->own || o->alone ? SCENARIO_PROGRAM
	       : o->own_arguments ? SCENARIO_OWN
				  : o->scenario->name;
}

int options_check(struct options *o, struct error *error)
{
	int r = check_attach(o, error);

	if (r == 0)
		r = check_alone(o, error);
	if (r == 0)
		r = check_program(o, error);
	if (r == 0)
		r = check_image(o, error);
	if (r == 0)
		r = check_own_arguments(o, error);
	if (r == 0)
		r = together(o, error);
	if (r == 0)
		r = check_weak(o, error);
	if (r == 0)
		r = check_until(o, error);
	if (r == 0)
		r = check_boot_only(o, error);
	if (r == 0)
		r = check_same_output(o, error);
	if (r == 0)
		r = check_container_options(o, error);
	if (r == 0)
		r = check_machine(o, error);
	return r < 0 ? r : check_heeded(o, error);
}

int options_parse(int argc, char **argv, struct options *ret, struct error *error)
{
	struct parse p = {.o = ret, .error = error};
	int r = options_default(ret, error);

	if (r == 0)
		r = parse_words(&p, argc, argv);
	if (r < 0)
		return r;
	ret->own = options_given(ret, "program") || ret->image;
	ret->alone = options_alone(ret);
	ret->has_seed = options_given(ret, "seed");
	r = options_check(ret, error);
	if (r < 0)
		return r;
	if (!ret->arguments)
		ret->arguments = ret->own || ret->alone
					 ? no_arguments
					 : (char **)(uintptr_t)ret->scenario->arguments;
	if (!options_given(ret, "warmup"))
		ret->warmup = ret->repeat >= WARMUP_FROM_REPEAT ? 1 : 0;
	return 0;
}

void options_done(struct options *o)
{
	free(o->container_args);
	free(o->environment);
	free(o->with);
	free(o->variants);
	output_rules_done(&o->phases);
	output_rules_done(&o->metrics);
	output_rules_done(&o->result);
	memset(o, 0, sizeof(*o));
}
