/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Command lines of the workloads: options in Go's manner, a row of a table for each. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/error.h"

enum options_action { ACTION_RUN, ACTION_HELP, ACTION_VERSION };

struct flag {
	const char *name;
	const char *value_name; /**< NULL: a switch */
	/** Put @value into @field. 0, or -EINVAL with a message. */
	int (*set)(const struct flag *o, const char *value, void *field, struct error *error);
	size_t field; /**< where it is in the struct of options */
	double minimum, maximum;
	const char *help; /**< NULL: not in the help text */
};

struct flag_table {
	const char *program;
	const struct flag *flags;
	size_t n;
};

/* What a field may be: int64_t, unsigned, double, const char * (where to bind workers), const
 * struct schedule *, const char * as it is, bool, and enum options_action for the two that say what to do instead. */
int flag_integer(const struct flag *o, const char *value, void *field, struct error *error);
int flag_count(const struct flag *o, const char *value, void *field, struct error *error);
int flag_real(const struct flag *o, const char *value, void *field, struct error *error);
int flag_pin(const struct flag *o, const char *value, void *field, struct error *error);
int flag_schedule(const struct flag *o, const char *value, void *field, struct error *error);
int flag_text(const struct flag *o, const char *value, void *field, struct error *error);
int flag_switch(const struct flag *o, const char *value, void *field, struct error *error);
int flag_help(const struct flag *o, const char *value, void *field, struct error *error);
int flag_version(const struct flag *o, const char *value, void *field, struct error *error);

/** The flag of that name, or NULL. */
const struct flag *flags_find(const struct flag_table *t, const char *name, size_t length);

/**
 * The whole command line, as Go's flag package reads it: -x v, --x v, -x=v, --x=v; as far as an option that puts something else
 * than ACTION_RUN into @action, a field of @options. Where to bind workers (the option pin) the environment says before. -EINVAL with
 * a message.
 */
int flags_parse(const struct flag_table *t, int argc, char **argv, void *options,
	const enum options_action *action, struct error *error);

/** Write what each option is for, and how they are written. */
void flags_help(const struct flag_table *t, FILE *to);

/** Are markers asked for anywhere, even if the rest cannot be read? A host can be told then. */
bool flags_ask_for_markers(int argc, char **argv);
