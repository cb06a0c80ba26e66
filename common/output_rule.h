/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * What is looked for in a program's output: a POSIX extended regular expression, mostly with a name.
 *
 * What it finds in a line is its first group (in parentheses) if it has one, else all that it
 * matches. The text is untrusted; a NUL in it is seen as a blank.
 */

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

/** How much of a line an expression sees. */
#define OUTPUT_LINE_MAX 4096

#define OUTPUT_NAME_MAX 31 /* bytes of a rule's name */

/** Which of two values of a metric is the better one. */
enum output_wish {
	WISH_NONE,
	WISH_HIGHER,
	WISH_LOWER,
};

/** "higher" or "lower"; NULL: no wish. */
const char *output_wish_name(enum output_wish wish);

struct output_rule {
	const char *text; /**< as it was typed; borrowed */
	char name[OUTPUT_NAME_MAX + 1];
	enum output_wish wish;
	regex_t *expression;
};

struct output_rules {
	struct output_rule *list;
	size_t n;
};

/** The grammar of a rule. */
enum output_form {
	OUTPUT_PHASE,  /**< NAME=REGEX; not the name of a phase that is always there */
	OUTPUT_METRIC, /**< NAME=REGEX, then perhaps :higher or :lower */
	OUTPUT_RESULT, /**< REGEX */
};

/**
 * Add the rule @text, which must outlive it, given by --@option. A mistake is -EINVAL with a message
 * marked as the user's; -ENOMEM.
 */
int output_rules_add(struct output_rules *rules, enum output_form form, const char *option,
	const char *text, struct error *error);

void output_rules_done(struct output_rules *rules);

/** Does @line, a NUL-ended text, match? Then what it finds, as a slice. */
bool output_rule_find(const struct output_rule *rule, const char *line, const char **ret_text,
	size_t *ret_length);

/** The slice as a decimal number: 0, or -EINVAL: it is none, or more than a double holds. */
int output_number(const char *text, size_t length, double *ret);
