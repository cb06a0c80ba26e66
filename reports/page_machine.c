/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/cleanup.h"
#include "reports/format.h"
#include "reports/page_internal.h"

/** Settings with a place of their own; all others follow under their names. */
static const struct {
	const char *key;
	const char *title;
} known[] = {
	{"hostname", "Host"},
	{"cpu_model", "Processor"},
	{"smt", "Hardware threads (SMT)"},
	{"governor", "Frequency governor"},
	{"clocksource", "Clock source"},
	{"kernel", "Kernel"},
	{"mitigations", "Mitigations"},
	{"versions", "Versions"},
	{"guestscope", "guestscope"},
	{"scenario", "Scenario"},
	{"seed", "Seed of the run order"},
	{"started_utc", "Started (UTC)"},
};

/** Settings shown elsewhere, or too long to be read. */
static const char *const elsewhere[] = {"command", "topology", "topology_text"};

/** Is @key that setting, or (in a merged store) that setting of one of the stores? */
static bool is_setting(const char *key, const char *name)
{
	size_t n = strlen(name);

	return strncmp(key, name, n) == 0 && (key[n] == '\0' || strncmp(key + n, " (", 2) == 0);
}

static void write_value(const char *value, FILE *out)
{
	json_t *parsed = *value == '{' ? json_loads(value, 0, NULL) : NULL, *member;
	const char *name, *separator = "";

	if (!json_is_object(parsed)) {
		json_decref(parsed);
		markup_text(out, value);
		return;
	}
	json_object_foreach (parsed, name, member) {
		_cleanup_free_ char *dump = json_is_string(member)
						    ? strdup(json_string_value(member))
						    : json_dumps(member, JSON_ENCODE_ANY);

		fputs(separator, out);
		markup_text(out, name);
		fputc(' ', out);
		markup_text(out, dump ? dump : "");
		separator = "\n";
	}
	json_decref(parsed);
}

static void write_setting(const struct store_setting *setting, const char *title, FILE *out)
{
	const char *of = strstr(setting->key, " (");

	fputs("<dt>", out);
	markup_text(out, title ? title : setting->key);
	if (title && of)
		markup_text(out, of);
	fputs("</dt><dd>", out);
	write_value(setting->value, out);
	fputs("</dd>\n", out);
}

static bool is_known(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (is_setting(key, known[i].key))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++)
		if (is_setting(key, elsewhere[i]))
			return true;
	return false;
}

static void write_long(const struct store_tables *t, const char *name, const char *title, FILE *out)
{
	for (size_t i = 0; i < t->n_settings; i++) {
		if (!is_setting(t->settings[i].key, name) || !*t->settings[i].value)
			continue;
		fprintf(out, "<details class=\"quiet\"><summary>%s", title);
		markup_text(out, t->settings[i].key + strlen(name));
		fputs("</summary><pre tabindex=\"0\">", out);
		markup_text(out, t->settings[i].value);
		fputs("</pre></details>\n", out);
	}
}

int page_machine(const struct summary *s, FILE *out)
{
	const struct store_tables *t = store_tables(s->store);

	fputs("<dl class=\"facts\">\n", out);
	for (size_t k = 0; k < ARRAY_SIZE(known); k++)
		for (size_t i = 0; i < t->n_settings; i++)
			if (is_setting(t->settings[i].key, known[k].key))
				write_setting(&t->settings[i], known[k].title, out);
	for (size_t i = 0; i < t->n_settings; i++)
		if (!is_known(t->settings[i].key))
			write_setting(&t->settings[i], NULL, out);
	fputs("</dl>\n", out);
	for (size_t i = 0; i < t->n_settings; i++) {
		if (!is_setting(t->settings[i].key, "topology_text"))
			continue;
		fputs("<h3>Topology", out);
		markup_text(out, t->settings[i].key + strlen("topology_text"));
		fputs("</h3><pre tabindex=\"0\">", out);
		markup_text(out, t->settings[i].value);
		fputs("</pre>\n", out);
	}
	write_long(t, "topology", "Topology as hwloc XML", out);
	return 0;
}

static int write_command(const char *json, FILE *out)
{
	_cleanup_free_ char *command = format_command(json);

	if (!command)
		return -ENOMEM;
	markup_text(out, command);
	fputc('\n', out);
	return 0;
}

/** Every command line that was used, each once, under the cell that used it. */
static int write_cell_commands(const struct summary *s, const struct cell *cell, FILE *out)
{
	const struct store_tables *t = store_tables(s->store);
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < t->n_runs && r >= 0; i++) {
		const struct store_run *run = &t->runs[i];
		size_t j = 0;

		if (run->guest != cell->guest || run->cores != cell->cores || !run->command)
			continue;
		while (j < i &&
			(t->runs[j].command != run->command || t->runs[j].guest != run->guest ||
				t->runs[j].cores != run->cores))
			j++;
		if (j < i)
			continue;
		if (n++ == 0) {
			fputs("<h3>", out);
			page_cell_name(out, cell);
			fputs("</h3><pre tabindex=\"0\">", out);
		}
		r = write_command(run->command, out);
	}
	if (n > 0)
		fputs("</pre>\n", out);
	return r;
}

int page_reproduce(const struct summary *s, FILE *out)
{
	const struct store_tables *t = store_tables(s->store);
	int r = 0;

	for (size_t i = 0; i < t->n_settings && r >= 0; i++) {
		if (!is_setting(t->settings[i].key, "command"))
			continue;
		fputs("<h3>The experiment", out);
		markup_text(out, t->settings[i].key + strlen("command"));
		fputs("</h3><pre tabindex=\"0\">", out);
		r = write_command(t->settings[i].value, out);
		fputs("</pre>\n", out);
	}
	fputs("<h3>This page, from the experiment’s folder</h3><pre>report .</pre>\n", out);
	fputs("<details><summary>What was started for each stack</summary>\n", out);
	for (size_t i = 0; i < s->n_cells && r >= 0; i++)
		r = write_cell_commands(s, &s->cells[i], out);
	fputs("</details>\n", out);
	return r;
}
