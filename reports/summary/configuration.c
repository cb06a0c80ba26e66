/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Which configurations are the same, and which are compared. */

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/summary/summary_internal.h"

/* Names are interned by the store, so pointers tell them apart. */
bool configuration_has(const struct configuration *configuration, const struct store_run *run)
{
	return configuration->guest == run->guest && configuration->cores == run->cores &&
	       configuration->scenario == run->scenario && configuration->variant == run->variant &&
	       configuration->label == run->label;
}

bool configurations_are_beside(const struct configuration *a, const struct configuration *b)
{
	return a->cores == b->cores && a->scenario == b->scenario;
}

bool configurations_are_kin(const struct configuration *a, const struct configuration *b)
{
	return a->guest == b->guest && a->scenario == b->scenario && a->variant == b->variant &&
	       a->label == b->label;
}

bool configurations_are_control(const struct configuration *a, const struct configuration *b)
{
	if (!configurations_are_variants(a, b))
		return false;
	return a->variant == b->variant ||
	       (a->words && b->words && strcmp(a->words, b->words) == 0);
}

bool configurations_are_variants(const struct configuration *a, const struct configuration *b)
{
	return configurations_are_beside(a, b) && a->guest == b->guest;
}

bool configurations_are_stacks(const struct configuration *a, const struct configuration *b)
{
	return configurations_are_beside(a, b) && a->variant == b->variant;
}

bool configurations_compare(const struct configuration *a, const struct configuration *b)
{
	return configurations_are_variants(a, b) || configurations_are_stacks(a, b);
}

bool configuration_is_plain(const struct configuration *configuration)
{
	return !*configuration->variant || (configuration->words && !*configuration->words);
}

/* In merged stores what they do not agree in has the folder's name, as the stack has. */
static const char *setting_of(
	const struct store_reader *store, const struct store_run *run, const char *name)
{
	const char *folder = strchr(run->guest, '@'), *text = NULL;
	_cleanup_free_ char *key = NULL;

	if (folder && asprintf(&key, "%s (%s)", name, folder + 1) >= 0)
		text = store_setting(store, key);
	else
		key = NULL;
	return text ? text : store_setting(store, name);
}

bool run_is_weak(const struct store_reader *store, const struct store_run *run)
{
	const char *text = setting_of(store, run, "weak");

	return text && strcmp(text, "1") == 0;
}

char *variant_words(const struct store_reader *store, const struct store_run *run)
{
	const char *text = *run->variant ? setting_of(store, run, "variants") : NULL;
	json_t *all = text ? json_loads(text, 0, NULL) : NULL, *one;
	char *words = NULL;
	size_t i;

	json_array_foreach (all, i, one) {
		const char *name = json_string_value(json_object_get(one, "name"));
		const char *value = json_string_value(json_object_get(one, "words"));

		if (name && value && !words && strcmp(name, run->variant) == 0)
			words = strdup(value);
	}
	json_decref(all);
	return words;
}
