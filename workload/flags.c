/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workload/flags.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "workload/pin.h"
#include "workload/runtime.h"

static int bad_number(
	const struct flag *o, const char *value, const char *what, struct error *error)
{
	return error_set_user(error, -EINVAL, "-%s: '%s' is no %s between %.15g and %.15g", o->name,
		value, what, o->minimum, o->maximum);
}

int flag_integer(const struct flag *o, const char *value, void *field, struct error *error)
{
	long long number;
	char *end;

	errno = 0;
	number = strtoll(value, &end, 0);
	if (errno || end == value || *end || isspace((unsigned char)*value) ||
		(double)number < o->minimum || (double)number > o->maximum)
		return bad_number(o, value, "whole number", error);
	*(int64_t *)field = number;
	return 0;
}

int flag_count(const struct flag *o, const char *value, void *field, struct error *error)
{
	int64_t number;
	int r = flag_integer(o, value, &number, error);

	if (r == 0)
		*(unsigned *)field = (unsigned)number;
	return r;
}

int flag_real(const struct flag *o, const char *value, void *field, struct error *error)
{
	double number;
	char *end;

	number = strtod(value, &end);
	/* Written so that NaN fails. */
	if (end == value || *end || isspace((unsigned char)*value) ||
		!(number >= o->minimum && number <= o->maximum))
		return bad_number(o, value, "number", error);
	*(double *)field = number;
	return 0;
}

int flag_pin(const struct flag *o, const char *value, void *field, struct error *error)
{
	if (!isdigit((unsigned char)*value) && strcmp(value, "cores") != 0 &&
		strcmp(value, "none") != 0)
		return error_set_user(error, -EINVAL,
			"-%s: '%s' is neither 'cores', 'none' nor a list such as 4,0,2-3", o->name,
			value);
	*(const char **)field = value;
	return 0;
}

int flag_schedule(const struct flag *o, const char *value, void *field, struct error *error)
{
	const struct schedule *s = schedule_find(value);

	if (!s)
		return error_set_user(error, -EINVAL,
			"-%s: there is no schedule '%s'; there are %s", o->name, value,
			schedule_names());
	*(const struct schedule **)field = s;
	return 0;
}

int flag_text(const struct flag *o, const char *value, void *field, struct error *error)
{
	(void)o;
	(void)error;
	*(const char **)field = value;
	return 0;
}

int flag_switch(const struct flag *o, const char *value, void *field, struct error *error)
{
	static const char *const words[2][6] = {
		{"0", "f", "F", "false", "False", "FALSE"},
		{"1", "t", "T", "true", "True", "TRUE"},
	};

	for (int i = 0; i < 2; i++)
		for (size_t j = 0; j < ARRAY_SIZE(words[i]); j++)
			if (strcmp(value, words[i][j]) == 0) {
				*(bool *)field = i;
				return 0;
			}
	return error_set_user(
		error, -EINVAL, "-%s: '%s' is neither 'true' nor 'false'", o->name, value);
}

int flag_help(const struct flag *o, const char *value, void *field, struct error *error)
{
	(void)o;
	(void)value;
	(void)error;
	*(enum options_action *)field = ACTION_HELP;
	return 0;
}

int flag_version(const struct flag *o, const char *value, void *field, struct error *error)
{
	(void)o;
	(void)value;
	(void)error;
	*(enum options_action *)field = ACTION_VERSION;
	return 0;
}

const struct flag *flags_find(const struct flag_table *t, const char *name, size_t length)
{
	for (size_t i = 0; i < t->n; i++)
		if (strlen(t->flags[i].name) == length &&
			memcmp(t->flags[i].name, name, length) == 0)
			return &t->flags[i];
	return NULL;
}

static int parse_one(const struct flag_table *t, int argc, char **argv, int *index, void *options,
	struct error *error)
{
	const char *word = argv[*index], *name = word + 1, *value;
	const struct flag *o;
	size_t length;

	if (*word != '-' || !word[1])
		return error_set_user(error, -EINVAL, "'%s' is no option; %s takes options only",
			word, t->program);
	name += *name == '-';
	length = strcspn(name, "=");
	value = name[length] ? name + length + 1 : NULL;
	o = flags_find(t, name, length);
	if (!o)
		return error_set_user(
			error, -EINVAL, "there is no option '%s'; -help lists them", word);
	if (!value && o->value_name) {
		if (*index + 1 >= argc)
			return error_set_user(error, -EINVAL, "-%s needs a value", o->name);
		value = argv[++*index];
	}
	return o->set(o, value ? value : "true", (char *)options + o->field, error);
}

int flags_parse(const struct flag_table *t, int argc, char **argv, void *options,
	const enum options_action *action, struct error *error)
{
	const struct flag *pin = flags_find(t, "pin", strlen("pin"));
	const char *where = pin_from_environment();
	int r = where ? pin->set(pin, where, (char *)options + pin->field, error) : 0;

	for (int i = 1; i < argc && r == 0 && *action == ACTION_RUN; i++)
		r = parse_one(t, argc, argv, &i, options, error);
	return r;
}

void flags_help(const struct flag_table *t, FILE *to)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct flag *o = &t->flags[i];
		char left[32];

		if (!o->help)
			continue;
		snprintf(left, sizeof(left), "-%s %s", o->name, o->value_name ? o->value_name : "");
		fprintf(to, "  %-20s %s\n", left, o->help);
	}
	fputs("\nOptions take one or two dashes, and their value as the next word or after '='.\n",
		to);
}

bool flags_ask_for_markers(int argc, char **argv)
{
	bool asked = false;

	for (int i = 1; i < argc; i++)
		asked |= strcmp(argv[i], "-markers") == 0 || strcmp(argv[i], "--markers") == 0;
	return asked;
}
