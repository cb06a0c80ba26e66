/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/guest_program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/pin_variable.h"
#include "guests/process/command.h"

/* What a word in braces stands for; its length in *ret_length, 0: it is no such word. */
static unsigned long long value_of(
	const struct guest_spec *spec, const char *text, size_t *ret_length)
{
	const struct {
		const char *word;
		unsigned long long value;
	} words[] = {{"{cores}", spec->lanes}, {"{run}", spec->run}, {"{seed}", spec->seed}};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		*ret_length = strlen(words[i].word);
		if (strncmp(text, words[i].word, *ret_length) == 0)
			return words[i].value;
	}
	*ret_length = 0;
	return 0;
}

/* @text with its words in braces replaced, malloced; NULL: no memory. */
static char *replace_words(const struct guest_spec *spec, const char *text)
{
	_cleanup_free_ char *done = NULL;
	size_t size = 0, length;
	FILE *f = open_memstream(&done, &size);

	if (!f)
		return NULL;
	for (; *text; text += length ? length : 1) {
		unsigned long long value = value_of(spec, text, &length);

		if (length)
			fprintf(f, "%llu", value);
		else
			fputc(*text, f);
	}
	return fclose(f) == 0 ? TAKE_PTR(done) : NULL;
}

static void add_replaced(struct strv *v, const struct guest_spec *spec, char *const *list)
{
	for (; list && *list; list++) {
		_cleanup_free_ char *text = replace_words(spec, *list);

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
	strv_add_all(v, spec->arguments);
	strv_add(v, "-file");
	strv_add(v, output_file);
}

int guest_program_argv(
	const struct guest_spec *spec, const char *program, const char *output_file, char ***ret)
{
	struct strv v = {0};

	strv_add(&v, program);
	if (spec->own)
		add_replaced(&v, spec, spec->arguments);
	else
		add_workload(&v, spec, output_file);
	return strv_take(&v, ret);
}

int guest_program_environment(const struct guest_spec *spec, char ***ret)
{
	struct strv v = {0};

	if (spec->own)
		add_replaced(&v, spec, spec->environment);
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
