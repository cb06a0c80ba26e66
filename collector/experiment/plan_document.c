/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/experiment/plan_document.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

#define PLAN_VERSION 1

/* Lists of words, ended by NULL */

/* NULL where one of them is no UTF-8, which JSON cannot hold. */
static json_t *words_json(char *const *words)
{
	json_t *list = json_array();

	for (; words && *words; words++) {
		if (json_array_append_new(list, json_string(*words)) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

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

/* What is more than a number, a truth or a text */

static json_t *get_guests(const struct options *o)
{
	json_t *list = json_array();

	for (size_t i = 0; i < o->n_guests; i++)
		json_array_append_new(list, json_string(o->guests[i]->name));
	return list;
}

static int set_guests(struct plan_document *d, struct options *o, const json_t *value)
{
	size_t n = json_array_size(value);

	(void)d;
	if (n < 1 || n > OPTIONS_LIST_MAX)
		return -EBADMSG;
	for (size_t i = 0; i < n; i++) {
		const char *name = json_string_value(json_array_get(value, i));

		o->guests[i] = name ? guest_find(name) : NULL;
		if (!o->guests[i])
			return -EBADMSG;
	}
	o->n_guests = n;
	return 0;
}

static json_t *get_cores(const struct options *o)
{
	json_t *list = json_array();

	for (size_t i = 0; i < o->n_cores; i++)
		json_array_append_new(list, json_integer(o->cores[i]));
	return list;
}

static int set_cores(struct plan_document *d, struct options *o, const json_t *value)
{
	size_t n = json_array_size(value);

	(void)d;
	if (n < 1 || n > OPTIONS_LIST_MAX)
		return -EBADMSG;
	for (size_t i = 0; i < n; i++) {
		json_int_t cores = json_integer_value(json_array_get(value, i));

		if (cores < 1 || cores > 65536)
			return -EBADMSG;
		o->cores[i] = (unsigned)cores;
	}
	o->n_cores = n;
	return 0;
}

static json_t *get_scenario(const struct options *o)
{
	return json_string(o->own_arguments ? "own" : o->scenario->name);
}

static int set_scenario(struct plan_document *d, struct options *o, const json_t *value)
{
	const char *name = json_string_value(value);

	(void)d;
	o->own_arguments = name && strcmp(name, "own") == 0;
	if (o->own_arguments)
		return 0;
	o->scenario = name ? scenario_find(name) : NULL;
	return o->scenario ? 0 : -EBADMSG;
}

static json_t *get_arguments(const struct options *o)
{
	return words_json(o->arguments);
}

static int set_arguments(struct plan_document *d, struct options *o, const json_t *value)
{
	int r = json_words(value, &d->arguments);

	if (r == 0)
		o->arguments = d->arguments;
	return r;
}

static json_t *get_container_args(const struct options *o)
{
	return words_json(o->container_args);
}

static int set_container_args(struct plan_document *d, struct options *o, const json_t *value)
{
	int r = json_words(value, &d->container_args);

	if (r < 0)
		return r;
	free(o->container_args);
	o->n_container_args = json_array_size(value);
	o->container_args = o->n_container_args ? TAKE_PTR(d->container_args) : NULL;
	return 0;
}

static json_t *get_seed(const struct options *o)
{
	return json_integer((json_int_t)o->seed);
}

static int set_seed(struct plan_document *d, struct options *o, const json_t *value)
{
	(void)d;
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return -EBADMSG;
	o->seed = (uint64_t)json_integer_value(value);
	o->has_seed = true;
	return 0;
}

static json_t *get_accel(const struct options *o)
{
	return json_string(accel_name(o->accel));
}

static int set_accel(struct plan_document *d, struct options *o, const json_t *value)
{
	static const enum accel all[] = {ACCEL_AUTO, ACCEL_KVM, ACCEL_TCG};
	const char *name = json_string_value(value);

	(void)d;
	for (size_t i = 0; name && i < ARRAY_SIZE(all); i++) {
		if (strcmp(name, accel_name(all[i])) == 0) {
			o->accel = all[i];
			return 0;
		}
	}
	return -EBADMSG;
}

static json_t *get_profile(const struct options *o)
{
	json_t *list = json_array();

	if (o->oncpu)
		json_array_append_new(list, json_string("oncpu"));
	if (o->offcpu)
		json_array_append_new(list, json_string("offcpu"));
	return list;
}

static int set_profile(struct plan_document *d, struct options *o, const json_t *value)
{
	(void)d;
	if (!json_is_array(value))
		return -EBADMSG;
	o->oncpu = o->offcpu = false;
	for (size_t i = 0; i < json_array_size(value); i++) {
		const char *word = json_string_value(json_array_get(value, i));

		o->oncpu |= word && strcmp(word, "oncpu") == 0;
		o->offcpu |= word && strcmp(word, "offcpu") == 0;
	}
	return 0;
}

static json_t *get_counters(const struct options *o)
{
	if (!o->count)
		return json_string("none");
	return o->counters ? json_string(o->counters) : json_null();
}

static int set_counters(struct plan_document *d, struct options *o, const json_t *value)
{
	const char *list = json_string_value(value);

	(void)d;
	if (!list && !json_is_null(value))
		return -EBADMSG;
	o->count = !list || strcmp(list, "none") != 0;
	o->counters = o->count ? list : NULL;
	return 0;
}

static json_t *get_split(const struct options *o)
{
	return json_string(o->exact_split ? "exact" : "sampled");
}

static int set_split(struct plan_document *d, struct options *o, const json_t *value)
{
	const char *how = json_string_value(value);

	(void)d;
	o->exact_split = how && strcmp(how, "exact") == 0;
	return how ? 0 : -EBADMSG;
}

static json_t *get_shard(const struct options *o)
{
	return o->shards ? json_sprintf("%u/%u", o->shard, o->shards) : json_null();
}

static int set_shard(struct plan_document *d, struct options *o, const json_t *value)
{
	const char *text = json_string_value(value);

	(void)d;
	o->shard = o->shards = 0;
	if (json_is_null(value))
		return 0;
	if (!text || sscanf(text, "%5u/%5u", &o->shard, &o->shards) != 2 || o->shard < 1 ||
		o->shard > o->shards)
		return -EBADMSG;
	return 0;
}

/* The table */

enum kind { KIND_OWN, KIND_UNSIGNED, KIND_TRUTH, KIND_TEXT };

struct field {
	const char *key; /**< in the document; as the option's long name */
	const char *option;
	bool is_local;
	bool may_move; /**< a file: what is in it counts, not where it is */
	enum kind kind;
	size_t offset;
	json_t *(*get)(const struct options *o);
	int (*set)(struct plan_document *d, struct options *o, const json_t *value);
};

#define OWN(name)       .kind = KIND_OWN, .get = get_##name, .set = set_##name
#define AT(k, member)   .kind = KIND_##k, .offset = offsetof(struct options, member)
#define FILE_AT(member) AT(TEXT, member), .is_local = true, .may_move = true

/* A new option that decides what is measured has its row here. */
static const struct field fields[] = {
	{"guests", "guest", OWN(guests)},
	{"cores", "cores", OWN(cores)},
	{"scenario", "scenario", OWN(scenario)},
	{"arguments", "-- ARGUMENTS", OWN(arguments)},
	{"repeat", "repeat", AT(UNSIGNED, repeat)},
	{"warmup", "warmup", AT(UNSIGNED, warmup)},
	{"aa", "aa", AT(TRUTH, aa)},
	{"seed", "seed", OWN(seed)},
	{"cooldown_s", "cooldown", AT(UNSIGNED, cooldown_s)},
	{"timeout_s", "timeout", AT(UNSIGNED, timeout_s)},
	{"accel", "accel", OWN(accel)},
	{"pin", "pin", AT(TEXT, pin)},
	{"container_options", "container-option", OWN(container_args)},
	{"profile", "profile", OWN(profile)},
	{"counters", "counters", OWN(counters)},
	{"split", "split", OWN(split)},
	{"boot_only", "boot-only", AT(TRUTH, boot_only)},
	{"frequency_hz", "frequency", AT(UNSIGNED, frequency_hz)},
	{"shard", "shard", OWN(shard), .is_local = true},
	{"program", "program", FILE_AT(program)},
	{"kernel", "kernel", FILE_AT(kernel)},
	{"symbols", "symbols", FILE_AT(symbols)},
	{"disk", "disk", FILE_AT(disk)},
};

static void *member(struct options *o, const struct field *f)
{
	return (char *)o + f->offset;
}

static json_t *get_field(const struct field *f, const struct options *o)
{
	const void *at = (const char *)o + f->offset;
	const char *text;

	switch (f->kind) {
	case KIND_UNSIGNED:
		return json_integer(*(const unsigned *)at);
	case KIND_TRUTH:
		return json_boolean(*(const bool *)at);
	case KIND_TEXT:
		text = *(const char *const *)at;
		return text ? json_string(text) : json_null();
	default:
		return f->get(o);
	}
}

static int set_field(
	struct plan_document *d, const struct field *f, struct options *o, const json_t *value)
{
	json_int_t n = json_integer_value(value);

	switch (f->kind) {
	case KIND_UNSIGNED:
		if (!json_is_integer(value) || n < 0 || n > INT32_MAX)
			return -EBADMSG;
		*(unsigned *)member(o, f) = (unsigned)n;
		return 0;
	case KIND_TRUTH:
		*(bool *)member(o, f) = json_is_true(value);
		return json_is_boolean(value) ? 0 : -EBADMSG;
	case KIND_TEXT:
		*(const char **)member(o, f) = json_string_value(value);
		return json_is_string(value) || json_is_null(value) ? 0 : -EBADMSG;
	default:
		return f->set(d, o, value);
	}
}

/* The documents */

int plan_document_make(const struct options *o, json_t *files, struct plan_document *ret)
{
	struct plan_document d = {.plan = json_object(), .local = json_object()};
	int r = json_object_set_new(d.plan, "version", json_integer(PLAN_VERSION));

	for (size_t i = 0; i < ARRAY_SIZE(fields) && r == 0; i++)
		r = json_object_set_new(fields[i].is_local ? d.local : d.plan, fields[i].key,
			get_field(&fields[i], o));
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

static bool was_given(const struct options *o, const struct field *f)
{
	return f->get == get_arguments ? o->own_arguments : options_given(o, f->option);
}

static int check_field(
	const struct field *f, const struct options *o, const json_t *planned, struct error *error)
{
	json_t *given = get_field(f, o);
	_cleanup_free_ char *text = NULL;
	bool same = json_equal(given, planned);

	json_decref(given);
	if (same)
		return 0;
	text = json_dumps(planned, JSON_ENCODE_ANY | JSON_COMPACT);
	return error_set_user(error, -EINVAL,
		"%s%s differs from the experiment's plan (%s): leave it out, or begin another "
		"experiment",
		f->option[0] == '-' ? "" : "--", f->option, text ? text : "?");
}

int plan_document_apply(struct plan_document *d, struct options *o, struct error *error)
{
	const struct options given = *o;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const struct field *f = &fields[i];
		const json_t *value = json_object_get(f->is_local ? d->local : d->plan, f->key);
		int r = 0;

		if (!value)
			return error_set(error, -EBADMSG,
				"the store's plan is damaged: it lacks \"%s\"", f->key);
		if (was_given(&given, f) && !f->may_move)
			r = check_field(f, o, value, error);
		if (r < 0)
			return r;
		if (f->may_move && was_given(&given, f))
			continue;
		r = set_field(d, f, o, value);
		if (r < 0)
			return error_set_errno(
				error, r, "the store's plan cannot be read at \"%s\"", f->key);
	}
	return 0;
}

const char *plan_document_file(const struct plan_document *d, const char *name)
{
	return json_string_value(json_object_get(json_object_get(d->plan, "files"), name));
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
	free(d->container_args);
	*d = (struct plan_document){0};
}
