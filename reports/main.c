/* SPDX-License-Identifier: GPL-2.0-or-later */
/** report: what is made from the stores of experiments. Two tables: commands, options. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/stream.h"
#include "common/version.h"
#include "reports/command.h"
#include "reports/store/stack_order.h"

enum { EXIT_USAGE = 2, EXIT_MISSING = 3 };

enum {
	OPTION_JSON = 0x100,
	OPTION_VERBOSE,
	OPTION_FORCE,
	OPTION_REFERENCE,
	OPTION_ORDER,
	OPTION_RANKS,
	OPTION_STEPS,
	OPTION_WORK,
	OPTION_SLOWER,
	OPTION_METRIC,
	OPTION_STRICT,
	OPTION_CHANGE
};

/* Commands as bits, to say which options go with which. */
enum {
	REPORT = 1 << 0,
	EXPORT = 1 << 1,
	DIFF = 1 << 2,
	NOISE = 1 << 3,
	GATE = 1 << 4,
	HISTORY = 1 << 5
};

struct command {
	const char *name; /* NULL: where no other is named */
	unsigned int bit;
	size_t min_paths;
	size_t max_paths;
	command_run_t run;
};

static const struct command commands[] = {
	{"export", EXPORT, 1, SIZE_MAX, command_export},
	{"diff", DIFF, 2, 2, command_diff},
	{"gate", GATE, 2, 2, command_gate},
	{"history", HISTORY, 2, SIZE_MAX, command_history},
	{"noise", NOISE, 1, SIZE_MAX, command_noise},
	{NULL, REPORT, 0, SIZE_MAX, command_report},
};

static const char synopsis[] =
	"DIR...\n--reference NAME\nexport --format FORMAT DIR...\ndiff A B\ngate A B --slower PERCENT\nhistory DIR...\nnoise DIR...";

static const struct argp_option option_table[] = {
	{"output", 'o', "DIR", 0, "write to DIR in place of the (first) experiment's report/", 0},
	{"format", 'f', "FORMAT", 0,
		"what to export: folded, speedscope, pprof, perfetto, firefox, perf-script, csv or json",
		0},
	{"order", OPTION_ORDER, "ORDER", 0,
		"which frames of a call stack are at its root: guest (on them what the hypervisor "
		"does for it), or host",
		0},
	{"json", OPTION_JSON, NULL, 0, "print the summary as one JSON document", 0},
	{"verbose", OPTION_VERBOSE, NULL, 0, "print all tables and findings", 0},
	{"reference", OPTION_REFERENCE, "NAME", 0,
		"show published run times beside: a CSV file, or selvacoumar2023; alone: what they "
		"say",
		0},
	{"force", OPTION_FORCE, NULL, 0,
		"replace files in the folder that --output names; compare different workloads, "
		"merge "
		"shards of different machines",
		0},
	{"ranks", OPTION_RANKS, "LIST", 0,
		"noise: of how many ranks the program is (1000,10000,100000,1000000)", 0},
	{"steps", OPTION_STEPS, "N", 0, "noise: how many steps are simulated (10000)", 0},
	{"work", OPTION_WORK, "US", 0, "noise: how long a step takes undisturbed (1000)", 0},
	{"slower", OPTION_SLOWER, "PERCENT", 0,
		"gate: how much slower B may be than A: 2% (exit status 1: it is slower)", 0},
	{"metric", OPTION_METRIC, "LIST", 0,
		"gate, history: what is compared: runtime, cpu, boot, names of metrics (runtime)",
		0},
	{"strict", OPTION_STRICT, NULL, 0,
		"gate: fail also where nothing is decided, or a run of B failed", 0},
	{"change", OPTION_CHANGE, "PERCENT", 0, "history: smaller changes are not told (1%)", 0},
	{},
};

/* In the order of option_table. */
static const unsigned int option_commands[] = {
	REPORT | EXPORT | DIFF | HISTORY,
	EXPORT,
	REPORT | EXPORT | DIFF,
	REPORT | DIFF | NOISE | GATE | HISTORY,
	REPORT,
	REPORT,
	REPORT | EXPORT | DIFF | NOISE | GATE | HISTORY,
	NOISE,
	NOISE,
	NOISE,
	GATE,
	GATE | HISTORY,
	GATE,
	HISTORY,
};

_Static_assert(ARRAY_SIZE(option_commands) + 1 == ARRAY_SIZE(option_table), "a row for each");

static void print_version(FILE *stream, struct argp_state *state)
{
	(void)state;
	version_print(stream, "report", "");
}

void (*argp_program_version_hook)(FILE *, struct argp_state *) = print_version;

static const char documentation[] =
	"Make the report of an experiment from its store, experiment.db: DIR/report/index.html, "
	"flame graphs, tables; and print the closing summary. Several stores are merged side by "
	"side. Needs no privileges, and can run on any machine.\v"
	"A and B of `report diff' and `report gate': DIR, DIR:STACK or DIR:STACK:CORES; in B, DIR may be empty: "
	"the same.\n\n"
	"Exit status: 0 done; 1 the gate says that B is slower; 2 wrong usage; 3 a store or folder cannot be used.";

struct parse {
	struct report_options options;
	const struct command *command;
	unsigned int given; /* bits by index in option_table */
};

static void mark_given(struct parse *p, int key)
{
	for (size_t i = 0; i < ARRAY_SIZE(option_commands); i++)
		if (option_table[i].key == key)
			p->given |= 1u << i;
}

/* Close enough to be a slip: one letter more, less, other, or two in the wrong order. */
static bool is_slip(const char *word, const char *name)
{
	size_t begin = 0, n = strlen(word), m = strlen(name);

	while (word[begin] && word[begin] == name[begin])
		begin++;
	word += begin;
	name += begin;
	n -= begin;
	m -= begin;
	while (n && m && word[n - 1] == name[m - 1]) {
		n--;
		m--;
	}
	return (n <= 1 && m <= 1) || (n == 2 && m == 2 && word[0] == name[1] && word[1] == name[0]);
}

/* A word in place of a command that is neither one nor a folder. */
static void check_word(const char *word, struct argp_state *state)
{
	if (strchr(word, '/') || access(word, F_OK) == 0)
		return;
	for (const struct command *c = commands; c->name; c++)
		if (is_slip(word, c->name))
			argp_error(state, "there is no \"%s\": do you mean \"report %s\"?", word,
				c->name);
}

/* An option of other commands: which these are. */
static void refuse_option(size_t option, const struct command *given, struct argp_state *state)
{
	char others[64] = "";

	for (const struct command *c = commands; c < commands + ARRAY_SIZE(commands); c++) {
		size_t used = strlen(others);

		if (option_commands[option] & c->bit)
			snprintf(others + used, sizeof(others) - used, "%s\"report %s\"",
				used ? " and " : "", c->name ? c->name : "DIR");
	}
	argp_error(state, "--%s does not go with \"report %s\", but with %s",
		option_table[option].name, given->name ? given->name : "DIR", others);
}

static void take_command(struct parse *p, struct argp_state *state)
{
	const struct command *c = commands;

	while (c->name && (p->options.n_paths == 0 || strcmp(c->name, p->options.paths[0]) != 0))
		c++;
	p->command = c;
	if (!c->name && p->options.n_paths)
		check_word(p->options.paths[0], state);
	if (c->name) {
		p->options.paths++;
		p->options.n_paths--;
	}
	if (p->options.n_paths < c->min_paths || (p->options.n_paths == 0 && !p->options.reference))
		argp_error(state, c->min_paths <= 1 ? "name the folder of an experiment"
						    : "name two to compare");
	if (p->options.n_paths > c->max_paths)
		argp_error(state, "%zu are too many", p->options.n_paths);
	for (size_t i = 0; i < ARRAY_SIZE(option_commands); i++)
		if (p->given & 1u << i && !(option_commands[i] & c->bit))
			refuse_option(i, c, state);
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct parse *p = state->input;
	struct report_options *o = &p->options;

	mark_given(p, key);
	switch (key) {
	case 'o':
		o->output = argument;
		return 0;
	case 'f':
		o->format = argument;
		return 0;
	case OPTION_ORDER:
		if (stack_order_parse(argument, &o->order) < 0)
			argp_error(state, "--order is guest or host, not \"%s\"", argument);
		return 0;
	case OPTION_JSON:
		o->json = true;
		return 0;
	case OPTION_VERBOSE:
		o->verbose = true;
		return 0;
	case OPTION_REFERENCE:
		o->reference = argument;
		return 0;
	case OPTION_RANKS:
		o->ranks = argument;
		return 0;
	case OPTION_STEPS:
		o->steps = argument;
		return 0;
	case OPTION_WORK:
		o->work = argument;
		return 0;
	case OPTION_SLOWER:
		o->slower = argument;
		return 0;
	case OPTION_METRIC:
		o->metric = argument;
		return 0;
	case OPTION_CHANGE:
		o->change = argument;
		return 0;
	case OPTION_STRICT:
		o->strict = true;
		return 0;
	case OPTION_FORCE:
		o->force = true;
		return 0;
	case ARGP_KEY_ARGS:
		o->paths = state->argv + state->next;
		o->n_paths = (size_t)(state->argc - state->next);
		return 0;
	case ARGP_KEY_END:
		take_command(p, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp argp = {option_table, parse_option, synopsis, documentation};
	struct parse p = {};
	struct error error = {};
	int r;

	streams_guard("report", EXIT_MISSING);
	argp_err_exit_status = EXIT_USAGE;
	r = argp_parse(&argp, argc, argv, 0, NULL, &p);
	if (r != 0) {
		fprintf(stderr, "report: %s\n", strerror(r));
		return EXIT_USAGE;
	}
	r = p.command->run(&p.options, &error);
	if (r < 0 && ferror(stdout))
		return 0; /* streams_guard() makes a status of it */
	if (r < 0) {
		fprintf(stderr, "report: %s\n", error_text(&error, r));
		return error.user ? EXIT_USAGE : EXIT_MISSING;
	}
	return r;
}
