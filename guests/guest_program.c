/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/guest_program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/pin_variable.h"
#include "guests/guest_port.h"
#include "guests/process/command.h"

/* Of whose command line a word is. */
enum reader {
	READ_BY_PROGRAM,
	READ_BY_CLIENT,
};

/* Write what a word in braces at @text stands for. Its length; 0: there is no such word. */
static size_t put_value(
	FILE *out, const struct guest_spec *spec, enum reader reader, const char *text)
{
	const struct {
		const char *word;
		unsigned long long value;
	} words[] = {{"{cores}", spec->lanes}, {"{run}", spec->run}, {"{seed}", spec->seed},
		{"{port}", spec->host_port}};
	size_t n = reader == READ_BY_CLIENT ? ARRAY_SIZE(words) : ARRAY_SIZE(words) - 1;

	for (size_t i = 0; i < n; i++) {
		size_t length = strlen(words[i].word);

		if (strncmp(text, words[i].word, length) != 0)
			continue;
		fprintf(out, "%llu", words[i].value);
		return length;
	}
	if (reader != READ_BY_CLIENT || strncmp(text, "{host}", strlen("{host}")) != 0)
		return 0;
	fputs(GUEST_HOST, out);
	return strlen("{host}");
}

/* @text with its words in braces replaced, malloced; NULL: no memory. */
static char *replace_words(const struct guest_spec *spec, enum reader reader, const char *text)
{
	_cleanup_free_ char *done = NULL;
	size_t size = 0, length;
	FILE *f = open_memstream(&done, &size);

	if (!f)
		return NULL;
	for (; *text; text += length ? length : 1) {
		length = put_value(f, spec, reader, text);
		if (!length)
			fputc(*text, f);
	}
	return fclose(f) == 0 ? TAKE_PTR(done) : NULL;
}

char *guest_program_word(const struct guest_spec *spec, const char *text)
{
	return replace_words(spec, READ_BY_PROGRAM, text);
}

const char *guest_program_unknown_word(const char *text, bool client, size_t *ret_length)
{
	static const struct guest_spec nothing;
	_cleanup_free_ char *written = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&written, &size);
	const char *found = NULL;

	for (; f && !found && (text = strchr(text, '{')); text++) {
		size_t n = strspn(text + 1, "abcdefghijklmnopqrstuvwxyz_");

		if (n < 2 || text[n + 1] != '}' ||
			put_value(f, &nothing, client ? READ_BY_CLIENT : READ_BY_PROGRAM, text))
			continue;
		found = text;
		*ret_length = n + 2;
	}
	if (f)
		fclose(f);
	return found;
}

static void add_replaced(
	struct strv *v, const struct guest_spec *spec, enum reader reader, char *const *list)
{
	for (; list && *list; list++) {
		_cleanup_free_ char *text = replace_words(spec, reader, *list);

		if (text)
			strv_add(v, text);
		else
			v->error = -ENOMEM;
	}
}

static void add_workload(struct strv *v, const struct guest_spec *spec, const char *output_file)
{
	strv_add(v, "-cores");
	strv_addf(v, "%u", spec->lanes);
	strv_add(v, "-markers");
	strv_add(v, "-rows");
	add_replaced(v, spec, READ_BY_PROGRAM, spec->arguments);
	strv_add(v, "-file");
	strv_add(v, output_file);
}

int guest_program_argv(
	const struct guest_spec *spec, const char *program, const char *output_file, char ***ret)
{
	struct strv v = {0};

	strv_add(&v, program);
	if (spec->own)
		add_replaced(&v, spec, READ_BY_PROGRAM, spec->arguments);
	else
		add_workload(&v, spec, output_file);
	return strv_take(&v, ret);
}

int guest_program_words(const struct guest_spec *spec, char ***ret)
{
	struct strv v = {0};

	add_replaced(&v, spec, READ_BY_PROGRAM, spec->arguments);
	return strv_take(&v, ret);
}

int guest_program_environment(const struct guest_spec *spec, char ***ret)
{
	struct strv v = {0};

	if (spec->own)
		add_replaced(&v, spec, READ_BY_PROGRAM, spec->environment);
	return strv_take(&v, ret);
}

int guest_client_argv(const struct guest_spec *spec, char *const *client, char ***ret)
{
	struct strv v = {0};

	add_replaced(&v, spec, READ_BY_CLIENT, client);
	return strv_take(&v, ret);
}

char *guest_pin_variable(const struct guest_spec *spec)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	fputs(PIN_VARIABLE "=", f);
	for (unsigned i = 0; spec->lane_cpus && i < spec->lanes; i++)
		fprintf(f, "%s%d", i ? "," : "", spec->lane_cpus[i]);
	if (!spec->lane_cpus)
		fputs("none", f);
	return fclose(f) == 0 ? TAKE_PTR(text) : NULL;
}
