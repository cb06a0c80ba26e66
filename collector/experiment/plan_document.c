/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/experiment/plan_document.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/options/option_table.h"
#include "common/cleanup.h"
#include "common/store_format.h"

#define PLAN_VERSION 2

static int json_words(const json_t *list, char ***ret)
{
	size_t n = json_array_size(list);
	char **words;

	if (!json_is_array(list))
		return -EBADMSG;
	words = calloc(n + 1, sizeof(*words));
	if (!words)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		words[i] = (char *)(uintptr_t)json_string_value(json_array_get(list, i));
		if (!words[i]) {
			free(words);
			return -EBADMSG;
		}
	}
	free(*ret);
	*ret = words;
	return 0;
}

static json_t *document_of(const struct plan_document *d, const struct option_row *row)
{
	return row->owner == OWNER_MACHINE ? d->local : d->plan;
}

int plan_document_make(const struct options *o, json_t *files, struct plan_document *ret)
{
	struct plan_document d = {.plan = json_object(), .local = json_object()};
	int r = json_object_set_new(d.plan, "version", json_integer(PLAN_VERSION));

	for (size_t i = 0; i < n_option_rows && r == 0; i++)
		if (option_rows[i].owner != OWNER_NOBODY)
			r = json_object_set_new(document_of(&d, &option_rows[i]),
				option_key(&option_rows[i]), option_get(&option_rows[i], o));
	if (r == 0)
		r = json_object_set(d.plan, "files", files);
	if (r < 0) {
		plan_document_done(&d);
		return -EILSEQ;
	}
	*ret = d;
	return 0;
}

int plan_document_parse(
	const char *plan, const char *local, struct plan_document *ret, struct error *error)
{
	struct plan_document d = {
		.plan = json_loads(plan, 0, NULL), .local = json_loads(local, 0, NULL)};
	json_int_t version = json_integer_value(json_object_get(d.plan, "version"));

	if (!json_is_object(d.plan) || !json_is_object(d.local) || version < 1) {
		plan_document_done(&d);
		return error_set(error, -EBADMSG, "the store's plan is damaged");
	}
	if (version != PLAN_VERSION) {
		plan_document_done(&d);
		return error_set(error, -EPROTONOSUPPORT,
			"the experiment's plan has version %d, this collector knows version %d",
			(int)version, PLAN_VERSION);
	}
	*ret = d;
	return 0;
}

/* What is in a file counts, not where it is. */
static bool has_moved(const struct option_row *row, const struct options *o)
{
	return row->type == OPTION_FILE && option_given(row, o);
}

/* Whoever goes on with an experiment may say what he wants as long as it is what was planned. */
static int check_given(const struct option_row *row, const struct options *o, const json_t *planned,
	struct error *error)
{
	bool given = row->type == OPTION_REST ? o->own_arguments : option_given(row, o), same;
	_cleanup_free_ char *text = NULL;
	json_t *value;

	if (!given || has_moved(row, o))
		return 0;
	value = option_get(row, o);
	same = json_equal(value, planned);
	json_decref(value);
	if (same)
		return 0;
	text = json_dumps(planned, JSON_ENCODE_ANY | JSON_COMPACT);
	return error_set_user(error, -EINVAL,
		"%s%s differs from the experiment's plan (%s): leave it out, or begin another "
		"experiment",
		row->name[0] == '-' ? "" : "--", row->name, text ? text : "?");
}

static int apply_row(struct plan_document *d, const struct option_row *row, struct options *o,
	const json_t *value)
{
	int r;

	if (row->type != OPTION_REST)
		return option_set(row, o, value);
	r = json_words(value, &d->arguments);
	if (r == 0)
		o->arguments = d->arguments;
	return r;
}

/* @check: only see whether the command line agrees. */
static int go_through(struct plan_document *d, struct options *o, bool check, struct error *error)
{
	for (size_t i = 0; i < n_option_rows; i++) {
		const struct option_row *row = &option_rows[i];
		const char *key = option_key(row);
		const json_t *value = json_object_get(document_of(d, row), key);
		int r = 0;

		if (row->owner == OWNER_NOBODY || (!value && row->may_lack))
			continue;
		if (!value)
			return error_set(error, -EBADMSG,
				"the store's plan is damaged: it lacks \"%s\"", key);
		if (check)
			r = check_given(row, o, value, error);
		else if (!has_moved(row, o))
			r = apply_row(d, row, o, value);
		if (r < 0)
			return check ? r
				     : error_set_errno(error, r,
					       "the store's plan cannot be read at \"%s\"", key);
	}
	return 0;
}

int plan_document_apply(struct plan_document *d, struct options *o, struct error *error)
{
	const char *scenario = json_string_value(json_object_get(d->plan, "scenario"));
	int r = go_through(d, o, true, error);

	if (r < 0)
		return r;
	o->own = scenario && strcmp(scenario, SCENARIO_PROGRAM) == 0;
	o->own_arguments = o->own || (scenario && strcmp(scenario, SCENARIO_OWN) == 0);
	o->has_seed = true;
	return go_through(d, o, false, error);
}

int plan_document_id(const struct plan_document *d, char ret[SHA256_HEX_SIZE])
{
	_cleanup_free_ char *text = json_dumps(d->plan, JSON_COMPACT);

	if (!text)
		return -ENOMEM;
	sha256_hex(text, strlen(text), ret);
	return 0;
}

void plan_document_done(struct plan_document *d)
{
	json_decref(d->plan);
	json_decref(d->local);
	free(d->arguments);
	*d = (struct plan_document){0};
}
