/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/output_rule.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"

#define NAME_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define NAME_OTHERS  "0123456789._-"

static const char *const wishes[] = {[WISH_HIGHER] = "higher", [WISH_LOWER] = "lower"};

const char *output_wish_name(enum output_wish wish)
{
	return wishes[wish];
}

/* Every run has a phase boot; "all" is the store's word for all phases. */
static bool is_reserved(enum output_form form, const char *name)
{
	return form == OUTPUT_PHASE && (strcmp(name, "boot") == 0 || strcmp(name, "all") == 0);
}

static int check_name(const struct output_rules *rules, enum output_form form, const char *option,
	const struct output_rule *rule, struct error *error)
{
	const char *name = rule->name;

	if (!strchr(NAME_LETTERS, name[0]) || name[strspn(name, NAME_LETTERS NAME_OTHERS)])
		return error_set_user(error, -EINVAL,
			"--%s: '%s' is no name: it begins with a letter, and letters, digits, '.', "
			"'_' and '-' follow",
			option, name);
	if (is_reserved(form, name))
		return error_set_user(error, -EINVAL,
			"--%s: '%s' has a meaning of its own: choose another name", option, name);
	for (size_t i = 0; i < rules->n; i++)
		if (strcmp(rules->list[i].name, name) == 0)
			return error_set_user(
				error, -EINVAL, "--%s names '%s' twice", option, name);
	return 0;
}

/* The name, up to the first '='. Returns what follows, or NULL with a message. */
static const char *take_name(const char *option, struct output_rule *rule, struct error *error)
{
	const char *equals = strchr(rule->text, '=');
	size_t length = equals ? (size_t)(equals - rule->text) : 0;

	if (!length) {
		error_set_user(error, -EINVAL,
			"--%s takes NAME=REGEX, a name and a regular expression, not '%s'", option,
			rule->text);
		return NULL;
	}
	if (length > OUTPUT_NAME_MAX) {
		error_set_user(error, -EINVAL, "--%s: the name '%.*s' is longer than %d bytes",
			option, (int)length, rule->text, OUTPUT_NAME_MAX);
		return NULL;
	}
	memcpy(rule->name, rule->text, length);
	rule->name[length] = '\0';
	return equals + 1;
}

/* Take ":higher" or ":lower" off the end. */
static enum output_wish take_wish(char *expression)
{
	char *colon = strrchr(expression, ':');

	for (size_t i = 0; colon && i < ARRAY_SIZE(wishes); i++) {
		if (wishes[i] && strcmp(colon + 1, wishes[i]) == 0) {
			*colon = '\0';
			return (enum output_wish)i;
		}
	}
	return WISH_NONE;
}

/* They are no part of extended regular expressions, and with them one line may take for ever. */
static bool has_back_reference(const char *expression)
{
	for (const char *p = strchr(expression, '\\'); p && p[1]; p = strchr(p + 2, '\\'))
		if (p[1] >= '1' && p[1] <= '9')
			return true;
	return false;
}

static int compile(
	const char *option, const char *expression, struct output_rule *rule, struct error *error)
{
	char why[128];
	int r;

	if (!*expression)
		return error_set_user(
			error, -EINVAL, "--%s '%s' has no regular expression", option, rule->text);
	if (has_back_reference(expression))
		return error_set_user(error, -EINVAL,
			"--%s: '%s' has a back-reference (\\1), which extended regular expressions do "
			"not have",
			option, expression);
	rule->expression = malloc(sizeof(*rule->expression));
	if (!rule->expression)
		return -ENOMEM;
	r = regcomp(rule->expression, expression, REG_EXTENDED);
	if (r == 0)
		return 0;
	regerror(r, rule->expression, why, sizeof(why));
	free(rule->expression);
	return r == REG_ESPACE
		       ? -ENOMEM
		       : error_set_user(error, -EINVAL, "--%s: '%s' is no regular expression: %s",
				 option, expression, why);
}

static int parse(const struct output_rules *rules, enum output_form form, const char *option,
	struct output_rule *rule, struct error *error)
{
	_cleanup_free_ char *expression = NULL;
	const char *begin = rule->text;
	int r;

	if (form != OUTPUT_RESULT) {
		begin = take_name(option, rule, error);
		if (!begin)
			return -EINVAL;
		r = check_name(rules, form, option, rule, error);
		if (r < 0)
			return r;
	}
	expression = strdup(begin);
	if (!expression)
		return -ENOMEM;
	if (form == OUTPUT_METRIC)
		rule->wish = take_wish(expression);
	return compile(option, expression, rule, error);
}

int output_rules_add(struct output_rules *rules, enum output_form form, const char *option,
	const char *text, struct error *error)
{
	struct output_rule rule = {.text = text};
	int r = parse(rules, form, option, &rule, error);

	if (r == 0 && ARRAY_ADD(rules->list, rules->n, rule) < 0) {
		regfree(rule.expression);
		free(rule.expression);
		r = -ENOMEM;
	}
	return r;
}

void output_rules_done(struct output_rules *rules)
{
	for (size_t i = 0; i < rules->n; i++) {
		regfree(rules->list[i].expression);
		free(rules->list[i].expression);
	}
	free(rules->list);
	*rules = (struct output_rules){0};
}

bool output_rule_find(
	const struct output_rule *rule, const char *line, const char **ret_text, size_t *ret_length)
{
	regmatch_t found[2];
	size_t at = rule->expression->re_nsub ? 1 : 0;

	if (regexec(rule->expression, line, 2, found, 0) != 0 || found[at].rm_so < 0)
		return false;
	*ret_text = line + found[at].rm_so;
	*ret_length = (size_t)(found[at].rm_eo - found[at].rm_so);
	return true;
}

int output_number(const char *text, size_t length, double *ret)
{
	char number[64], *end;
	double value;

	while (length && strchr(" \t", text[length - 1]))
		length--;
	while (length && strchr(" \t", *text))
		text++, length--;
	if (!length || length >= sizeof(number))
		return -EINVAL;
	memcpy(number, text, length);
	number[length] = '\0';
	/* strtod() takes more: hexadecimal digits, "inf", "nan". */
	if (number[strspn(number, "0123456789+-.eE")])
		return -EINVAL;
	value = strtod(number, &end);
	if (*end || !isfinite(value))
		return -EINVAL;
	*ret = value;
	return 0;
}
