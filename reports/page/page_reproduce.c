/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Every command line that it takes to do the experiment again. */

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/shell_words.h"
#include "reports/export/export.h"
#include "reports/page/page_internal.h"
#include "reports/text/format.h"

/** Names made for one run (of sockets, folders, containers) hold that many hexadecimal digits. */
#define NAME_DIGITS 16

static void open_command(FILE *out)
{
	fputs("<pre class=\"command\" tabindex=\"0\">", out);
}

static int write_command(const char *json, FILE *out)
{
	_cleanup_free_ char *command = format_command(json);

	if (!command)
		return -ENOMEM;
	markup_text(out, command);
	return 0;
}

/**
 * Are two runs' commands the same but for the names that were made for each? Those have as many
 * digits in each.
 */
static bool same_but_for_names(const char *a, const char *b)
{
	while (*a && *b) {
		size_t x = strspn(a, "0123456789abcdef"), y = strspn(b, "0123456789abcdef");

		if (x != y || (x != NAME_DIGITS && strncmp(a, b, x ? x : 1) != 0))
			return false;
		a += x ? x : 1;
		b += y ? y : 1;
	}
	return *a == *b;
}

/** "Run 3; runs 7 and 12 likewise, under names of their own". */
static void write_runs_of(const struct store_tables *t, const struct configuration *configuration,
	size_t first, bool *done, FILE *out)
{
	const char *separator = "; likewise, but for the names made for each run, ";

	fputs("<p class=\"of-runs\">Run ", out);
	page_run_link(out, t->runs[first].id);
	for (size_t i = first + 1; i < t->n_runs; i++) {
		if (done[i] || !configuration_has(configuration, &t->runs[i]) ||
			!t->runs[i].command ||
			!same_but_for_names(t->runs[first].command, t->runs[i].command))
			continue;
		done[i] = true;
		fputs(separator, out);
		page_run_link(out, t->runs[i].id);
		separator = ", ";
	}
	fputs("</p>\n", out);
}

/** The command lines of a configuration's runs. @done: for each run, whether it was written. */
static int write_configuration_commands(
	const struct summary *s, const struct configuration *configuration, bool *done, FILE *out)
{
	const struct store_tables *t = store_tables(s->store);
	size_t n = 0;

	for (size_t i = 0; i < t->n_runs; i++) {
		int r;

		if (done[i] || !configuration_has(configuration, &t->runs[i]) ||
			!t->runs[i].command)
			continue;
		if (n++ == 0) {
			fputs("<h4>", out);
			page_configuration_name(out, configuration);
			fputs("</h4>\n", out);
		}
		write_runs_of(t, configuration, i, done, out);
		open_command(out);
		r = write_command(t->runs[i].command, out);
		if (r < 0)
			return r;
		fputs("</pre>\n", out);
	}
	return 0;
}

static int write_started(const struct summary *s, FILE *out)
{
	const struct store_tables *t = store_tables(s->store);
	_cleanup_free_ bool *done = calloc(t->n_runs + 1, sizeof(*done));
	int r = 0;

	if (!done)
		return -ENOMEM;
	fputs("<h3>What the collector started for each run</h3>\n"
	      "<details class=\"first-details\"><summary>The command lines of QEMU, of the "
	      "container "
	      "engine, of the program</summary>\n",
		out);
	for (size_t i = 0; i < s->n_configurations && r >= 0; i++)
		r = write_configuration_commands(s, &s->configurations[i], done, out);
	fputs("</details>\n", out);
	return r;
}

/** With the seed, where it was drawn by the clock: the order of runs is that of this experiment. */
static int write_experiment(const struct summary *s, const char *command, const char *of, FILE *out)
{
	_cleanup_free_ char *key = NULL;
	const char *seed;
	int r;

	if (asprintf(&key, "seed%s", of) < 0) {
		key = NULL;
		return -ENOMEM;
	}
	seed = store_setting(s->store, key);
	if (!seed)
		seed = store_setting(s->store, "seed");
	fputs("<h3>The experiment", out);
	markup_text(out, of);
	fputs("</h3>", out);
	open_command(out);
	r = write_command(command, out);
	if (r < 0)
		return r;
	fputs("</pre>\n", out);
	if (seed && !strstr(command, "--seed")) {
		fputs("<p>With <code>--seed ", out);
		markup_text(out, seed);
		fputs("</code> the runs take place in the same order.</p>\n", out);
	}
	return 0;
}

/** A configuration as `report diff` takes it, and as a shell reads it. */
static int write_operand(const struct configuration *configuration, const char *folder, FILE *out)
{
	_cleanup_free_ char *operand = NULL, *word = NULL;
	size_t size;
	FILE *stream;

	if (asprintf(&operand, "%s:%s:%lld", folder, configuration->name,
		    (long long)configuration->cores) < 0) {
		operand = NULL;
		return -ENOMEM;
	}
	stream = open_memstream(&word, &size);
	if (!stream)
		return -ENOMEM;
	shell_word(stream, operand);
	if (fclose(stream) != 0)
		return -ENOMEM;
	markup_text(out, word);
	return 0;
}

static int write_reports(const struct summary *s, FILE *out)
{
	int r = 0;

	fputs("<h3>This page and everything beside it, from the experiment’s folder</h3>", out);
	open_command(out);
	fputs("report .\nreport --json .", out);
	for (const struct export_format *f = export_formats; f->name; f++)
		fprintf(out, "\nreport export --format %s .", f->name);
	if (s->n_configurations > 1) {
		fputs("\nreport diff ", out);
		r = write_operand(&s->configurations[0], ".", out);
		fputc(' ', out);
		if (r == 0)
			r = write_operand(&s->configurations[1], "", out);
	}
	fputs("</pre>\n", out);
	return r;
}

int page_reproduce(const struct page *page, FILE *out)
{
	const struct summary *s = page->analysis->summary;
	const struct store_tables *t = store_tables(s->store);
	int r = 0;

	for (size_t i = 0; i < t->n_settings && r >= 0; i++) {
		const char *key = t->settings[i].key, *of = key + strlen("command");

		if (strncmp(key, "command", strlen("command")) == 0 &&
			(*of == '\0' || strncmp(of, " (", 2) == 0))
			r = write_experiment(s, t->settings[i].value, of, out);
	}
	if (r < 0)
		return r;
	r = write_reports(s, out);
	return r < 0 ? r : write_started(s, out);
}
