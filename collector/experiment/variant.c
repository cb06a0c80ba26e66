/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/experiment/variant.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/experiment/own_program.h"
#include "collector/options/option_table.h"
#include "common/cleanup.h"
#include "common/shell_words.h"
#include "guests/process/command.h"

static bool is_end(const char *word)
{
	return strcmp(word, "--") == 0;
}

/* Its words, and where the program's own begin. Of nothing there are none. */
static int split(struct variant *v, char ***ret_rest, struct error *error)
{
	static char *nothing[] = {NULL};
	struct error why = {0};
	int r;

	*ret_rest = nothing;
	if (!v->text[strspn(v->text, " \t\n")])
		return 0;
	r = shell_split(v->text, &v->words, &why);
	if (r < 0)
		return error_set_user(
			error, r, "--variant %s: '%s': %s", v->name, v->text, why.text);
	*ret_rest = v->words;
	for (char **word = v->words; *word; word++)
		if (is_end(*word)) {
			*ret_rest = word + 1;
			break;
		}
	return 0;
}

static const struct option_row *find_row(const char *word, const char **ret_value)
{
	size_t length = strcspn(word, "=");

	*ret_value = word[length] ? word + length + 1 : NULL;
	for (size_t i = 0; i < n_option_rows; i++)
		if (option_rows[i].help && strlen(option_rows[i].name) == length &&
			strncmp(option_rows[i].name, word, length) == 0)
			return &option_rows[i];
	return NULL;
}

static int refuse(const struct variant *v, const char *word, const struct option_row *row,
	struct error *error)
{
	char all[256] = "";

	if (!row)
		return error_set_user(
			error, -EINVAL, "--variant %s: there is no option %s", v->name, word);
	for (size_t i = 0; i < n_option_rows; i++)
		if (option_rows[i].varies)
			snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s--%s",
				*all ? ", " : "", option_rows[i].name);
	return error_set_user(error, -EINVAL,
		"--variant %s: --%s is the same for all variants (they may differ in %s, and in the "
		"program's arguments)",
		v->name, row->name, all);
}

/* What stands before "--": options, as on the command line. */
static int take_options(struct variant *v, char *const *end, struct error *error)
{
	for (char **word = v->words; word + 1 < end; word++) {
		const char *value = NULL;
		const struct option_row *row =
			strncmp(*word, "--", 2) == 0 ? find_row(*word + 2, &value) : NULL;
		int r;

		if (!row || !row->varies)
			return refuse(v, *word, row, error);
		if (!value && word + 2 < end)
			value = *++word;
		if (!value)
			return error_set_user(error, -EINVAL, "--variant %s: --%s needs a value",
				v->name, row->name);
		option_note_given(row, &v->o);
		r = option_parse(row, &v->o, value, error);
		if (r < 0)
			return error_prefix(error, r, "--variant %s", v->name);
	}
	return 0;
}

/* All of @first, but for those whose name (NAME=VALUE) @second has, and all of @second. */
static int join(char *const *first, char *const *second, bool variables, char ***ret)
{
	struct strv v = {0};

	for (; first && *first; first++) {
		size_t length = strcspn(*first, "=");
		bool replaced = false;

		for (char *const *other = second; variables && other && *other; other++)
			replaced |= strncmp(*first, *other, length + 1) == 0;
		if (!replaced)
			strv_add(&v, *first);
	}
	strv_add_all(&v, second);
	return strv_take(&v, ret);
}

/* Lists of the variant's own begin empty, and then follow those of all. */
static int join_lists(struct variant *v, const struct options *o, char *const *rest)
{
	char **variables = v->o.environment, **options = v->o.container_args;
	int r = join(o->arguments, rest, false, &v->arguments);

	v->o.environment = v->o.container_args = NULL;
	if (r == 0)
		r = join(o->environment, variables, true, &v->own_environment);
	if (r == 0)
		r = join(o->container_args, options, false, &v->container_args);
	free(variables);
	free(options);
	v->o.arguments = v->arguments;
	v->o.environment = v->own_environment;
	v->o.container_args = v->container_args;
	return r;
}

/* What decides how the command line is read is the same for all. */
static int check_kind(const struct variant *v, const struct options *o, struct error *error)
{
	const struct {
		const char *name;
		bool differs;
	} rows[] = {
		{"image", !v->o.image != !o->image},
		{"program", options_given(&v->o, "program") && !options_given(o, "program") &&
				    !o->resume && !o->image},
		{"append", !v->o.append != !o->append},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].differs)
			return error_set_user(error, -EINVAL,
				"--variant %s: --%s in a variant takes the place of one beside the variants, and "
				"there is none",
				v->name, rows[i].name);
	return 0;
}

static int check(struct variant *v, const struct options *o, char *const *rest, struct error *error)
{
	struct options *mine = &v->o;
	bool own_arguments = mine->own_arguments;
	int r = check_kind(v, o, error);

	if (r < 0)
		return r;
	mine->own_arguments |= *rest && o->alone;
	r = o->resume ? 0 : options_check_words(o, rest, error);
	if (r == 0)
		r = options_check(mine, error);
	mine->own_arguments = own_arguments;
	return r < 0 ? error_prefix(error, r, "--variant %s", v->name) : 0;
}

static int make(const struct options *o, const char *text, struct variant *v, struct error *error)
{
	size_t length = strcspn(text, "=");
	char **rest;
	int r;

	v->o = *o;
	v->o.environment = v->o.container_args = NULL;
	v->o.n_environment = v->o.n_container_args = 0;
	v->own_name = strndup(text, length);
	if (!v->own_name)
		return error_set_errno(error, -ENOMEM, "--variant");
	v->name = v->own_name;
	v->text = text + length + 1;
	r = split(v, &rest, error);
	if (r == 0 && rest > v->words && v->words)
		r = take_options(v, rest, error);
	if (join_lists(v, o, rest) < 0 && r == 0)
		r = error_set_errno(error, -ENOMEM, "--variant %s", v->name);
	for (v->o.n_container_args = 0;
		r == 0 && v->container_args && v->container_args[v->o.n_container_args];
		v->o.n_container_args++)
		;
	return r < 0 ? r : check(v, o, rest, error);
}

int variants_make(const struct options *o, struct variant **ret, size_t *ret_n, struct error *error)
{
	size_t n = o->n_variants ? o->n_variants : 1;
	struct variant *list = calloc(n, sizeof(*list));
	int r = list ? 0 : error_set_errno(error, -ENOMEM, "--variant");

	if (r == 0 && !o->n_variants)
		list[0].o = *o;
	for (size_t i = 0; i < o->n_variants && r == 0; i++)
		r = make(o, o->variants[i], &list[i], error);
	for (size_t i = 0; i < n && r == 0; i++) {
		r = own_program_environment(&list[i].o, &list[i].environment);
		if (r < 0)
			r = error_set_errno(error, r, "--env");
	}
	if (r < 0) {
		variants_free(list, list ? n : 0);
		return r;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

void variants_free(struct variant *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(list[i].own_name);
		free(list[i].program);
		strv_free(list[i].words);
		strv_free(list[i].arguments);
		strv_free(list[i].environment);
		strv_free(list[i].own_environment);
		strv_free(list[i].container_args);
	}
	free(list);
}

/* "--kernel=FILE", and "FILE" where @row is --kernel's, which is then over. */
static void write_word(FILE *out, const char *word, const struct option_row **row)
{
	const struct option_row *own = *row;
	const char *value = word, *equals;
	_cleanup_free_ char *path = NULL, *text = NULL;

	*row = NULL;
	if (!own) {
		own = find_row(word + 2, &equals);
		value = equals;
		if (!value)
			*row = own;
	}
	if (value && own && own->type == OPTION_FILE)
		path = realpath(value, NULL);
	if (path && asprintf(&text, "%.*s%s", (int)(value - word), word, path) < 0)
		text = NULL;
	shell_word(out, text ? text : word);
}

char *variant_write_out(const struct variant *v)
{
	_cleanup_free_ char *line = NULL;
	const struct option_row *row = NULL;
	bool options = false;
	size_t size = 0;
	FILE *f = open_memstream(&line, &size);

	if (!f)
		return NULL;
	fprintf(f, "%s=", v->name);
	for (char **word = v->words; word && *word; word++)
		options |= is_end(*word);
	for (char **word = v->words; word && *word; word++) {
		if (word != v->words)
			fputc(' ', f);
		options &= !is_end(*word);
		if (options)
			write_word(f, *word, &row);
		else
			shell_word(f, *word);
	}
	return fclose(f) == 0 ? TAKE_PTR(line) : NULL;
}

json_t *variants_describe(const struct variant *list, size_t n)
{
	json_t *all = json_array();

	for (size_t i = 0; i < n; i++)
		if (json_array_append_new(all, json_pack("{s:s, s:s}", "name", list[i].name,
						       "words", list[i].text)) < 0) {
			json_decref(all);
			return NULL;
		}
	return all;
}
