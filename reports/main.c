/* SPDX-License-Identifier: GPL-2.0-or-later */
/** report: (re)make the report of experiments from their stores. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/report.h"
#include "reports/summary.h"

enum { EXIT_USAGE = 2, EXIT_MISSING = 3 };

enum { OPTION_JSON = 0x100 };

struct options {
	bool export;
	bool json;
	const char *format;
	const char *output;
	char **paths; /**< borrowed from argv */
	size_t n_paths;
};

const char *argp_program_version = "report (guestscope) " GUESTSCOPE_VERSION;

static const char documentation[] =
	"Make the report of an experiment from its store, experiment.db: DIR/report/index.html, "
	"flame "
	"graphs, tables; and print the closing summary. Several stores are merged side by side. "
	"Needs no "
	"privileges, and none of the machine that measured.\v"
	"Formats of `report export': folded (stacks for flame graph tools, in nanoseconds) and "
	"csv.\n\n"
	"Exit status: 0 done; 2 wrong usage; 3 a store or folder cannot be used.";

static const struct argp_option option_table[] = {
	{"output", 'o', "DIR", 0, "write to DIR in place of the (first) experiment's report/", 0},
	{"format", 'f', "FORMAT", 0, "what to export: folded or csv", 0},
	{"json", OPTION_JSON, NULL, 0, "print the summary as one JSON document", 0},
	{},
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'o':
		o->output = argument;
		return 0;
	case 'f':
		o->format = argument;
		return 0;
	case OPTION_JSON:
		o->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num == 0 && strcmp(argument, "export") == 0) {
			o->export = true;
			return 0;
		}
		return ARGP_ERR_UNKNOWN;
	case ARGP_KEY_ARGS:
		o->paths = state->argv + state->next;
		o->n_paths = (size_t)(state->argc - state->next);
		return 0;
	case ARGP_KEY_END:
		if (o->n_paths == 0)
			argp_error(state, "name the folder of an experiment");
		if (o->export && !o->format)
			argp_error(state, "export needs --format folded or --format csv");
		if (!o->export && o->format)
			argp_error(state,
				"--format goes with export: report export --format %s DIR",
				o->format);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int open_stores(const struct options *o, struct store_reader **ret, struct error *error)
{
	return o->n_paths == 1 ? store_reader_open(o->paths[0], ret, error)
			       : store_reader_open_many(o->paths, o->n_paths, ret, error);
}

/** Where the report goes: --output, or report/ beside the first store. */
static char *target_of(const struct options *o)
{
	static const char file[] = "/" STORE_FILE_NAME;
	const char *path = o->paths[0];
	size_t n = strlen(path);
	char *target;

	if (o->output)
		return strdup(o->output);
	while (n > 1 && path[n - 1] == '/')
		n--;
	if (n >= sizeof(file) - 1 && strcmp(path + n - (sizeof(file) - 1), file) == 0)
		n -= sizeof(file) - 1;
	else if (strcmp(path, STORE_FILE_NAME) == 0)
		return strdup("report");
	return asprintf(&target, "%.*s/report", (int)n, path) < 0 ? NULL : target;
}

static void print_written(const char *path, void *userdata)
{
	(void)userdata;
	puts(path);
}

static int print_json(struct store_reader *store, struct error *error)
{
	json_t *document = NULL;
	int r = summary_json(store, &document);

	if (r < 0)
		return error_set_errno(error, r, "cannot sum the store up");
	r = json_dumpf(document, stdout, JSON_INDENT(1));
	json_decref(document);
	putchar('\n');
	return r < 0 ? error_set_errno(error, -EIO, "cannot write to standard output") : 0;
}

static int run(const struct options *o, struct error *error)
{
	_cleanup_store_ struct store_reader *store = NULL;
	_cleanup_free_ char *target = target_of(o);
	int r;

	if (!target)
		return error_set_errno(error, -ENOMEM, "cannot report");
	r = open_stores(o, &store, error);
	if (r < 0)
		return r;
	if (o->export)
		return report_export(store, o->format, target, print_written, NULL, error);
	r = report_write(store, target, error);
	if (r < 0)
		return r;
	r = o->json ? print_json(store, error) : summary_text(store, stdout);
	if (r < 0)
		return *error->text ? r : error_set_errno(error, r, "cannot print the summary");
	fprintf(o->json ? stderr : stdout, "\nThe page is %s/index.html\n", target);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		option_table, parse_option, "DIR...\nexport --format FORMAT DIR...", documentation};
	struct options o = {};
	struct error error = {};
	int r;

	argp_err_exit_status = EXIT_USAGE;
	r = argp_parse(&argp, argc, argv, 0, NULL, &o);
	if (r != 0) {
		fprintf(stderr, "report: %s\n", strerror(r));
		return EXIT_USAGE;
	}
	r = run(&o, &error);
	if (r >= 0 && fflush(stdout) != 0)
		r = error_set_errno(&error, -errno, "cannot write to standard output");
	if (r < 0) {
		fprintf(stderr, "report: %s\n", *error.text ? error.text : strerror(-r));
		return error.user ? EXIT_USAGE : EXIT_MISSING;
	}
	return 0;
}
