/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What an experiment writes down about itself, and reads again to go on. */

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collector/experiment/experiment_internal.h"
#include "collector/machine/machine.h"
#include "common/cleanup.h"
#include "common/shell_words.h"

static int set_text(struct experiment *x, const char *key, const char *value, struct error *error)
{
	json_t *text = json_string(value ? value : "");
	int r = store_writer_set(x->store, key, text, error);

	json_decref(text);
	return r;
}

static void utc_now(char ret[static 32])
{
	time_t now = time(NULL);
	struct tm utc;

	strftime(ret, 32, "%FT%TZ", gmtime_r(&now, &utc));
}

static int write_command(struct experiment *x, char **argv, struct error *error)
{
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&line, &size);

	if (!f)
		return -ENOMEM;
	/* The program's path says nothing to others. */
	fputs("collector ", f);
	shell_words(f, argv + 1);
	fclose(f);
	return set_text(x, "command", line, error);
}

/* What is measured, for people: a program without its folders, an image, what is attached to. */
static const char *measured_name(const struct experiment *x)
{
	const char *slash = x->program ? strrchr(x->program, '/') : NULL;

	if (x->attach)
		return x->attach->title;
	if (x->o->own && x->o->image && !x->o->program)
		return x->o->image;
	if (!x->o->own)
		return NULL;
	return slash ? slash + 1 : x->program;
}

/* Its name, and that with its arguments: where there is one beside the scenario's. */
static int write_program(struct experiment *x, struct error *error)
{
	const char *name = measured_name(x);
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	FILE *f = name ? open_memstream(&line, &size) : NULL;
	int r;

	if (!name)
		return 0;
	if (!f)
		return -ENOMEM;
	shell_word(f, name);
	if (x->o->own && x->o->arguments && x->o->arguments[0]) {
		fputc(' ', f);
		shell_words(f, x->o->arguments);
	}
	if (fclose(f) != 0)
		return -ENOMEM;
	r = set_text(x, "program", name, error);
	return r < 0 ? r : set_text(x, "program_line", line, error);
}

static int write_variants(struct experiment *x, struct error *error)
{
	json_t *all;
	int r;

	if (!x->o->n_variants)
		return 0;
	all = variants_describe(x->variants, x->n_variants);
	r = all ? store_writer_set(x->store, "variants", all, error)
		: error_set_errno(error, -ENOMEM, "cannot write the variants down");
	json_decref(all);
	return r;
}

/* What was asked for, and what it came to on this machine. */
static int write_frequency(struct experiment *x, struct error *error)
{
	const struct {
		const char *key;
		json_t *value;
	} rows[] = {
		{"frequency", json_string(x->o->frequency_hz ? "set" : "auto")},
		{"frequency_hz", json_integer(x->settings.frequency_hz)},
		{"tick_cost_ns", json_integer((json_int_t)x->tick.ns)},
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (r == 0 && x->settings.frequency_hz && (i < 2 || x->tick.ns))
			r = store_writer_set(x->store, rows[i].key, rows[i].value, error);
		json_decref(rows[i].value);
	}
	return r;
}

struct warn_context {
	struct experiment *x;
	struct error *error;
	int result;
};

static void warn(const char *sentence, void *userdata)
{
	struct warn_context *c = userdata;
	struct error *error = c->error;

	if (c->result == 0)
		c->result = store_writer_warn(c->x->store, sentence, error);
}

/* machine_facts() and the topology's. A new reference, or NULL if out of memory. */
static json_t *all_facts(const struct experiment *x)
{
	_cleanup_free_ char *text = topology_describe(x->topology),
			    *shape = topology_shape(x->topology);
	json_t *facts = machine_facts(NULL);

	if (!facts || !text || !shape ||
		json_object_set_new(facts, "topology_text", json_string(text)) < 0 ||
		json_object_set_new(facts, "topology_shape", json_string(shape)) < 0) {
		json_decref(facts);
		return NULL;
	}
	return facts;
}

/* The one with the most lanes: what is said of it holds for the experiment; NULL: attached. */
static const struct placement *widest(const struct experiment *x)
{
	const struct placement *most = x->placements;

	for (size_t i = 1; most && i < x->n_placements; i++)
		if (x->placements[i].lanes > most->lanes)
			most = &x->placements[i];
	return most;
}

static void warn_of_kernel_names(const struct experiment *x, struct warn_context *c)
{
	struct error why = {0};

	if (symbols_kernel_status(x->names, &why) < 0)
		warn(why.text, c);
}

static int write_machine(struct experiment *x, struct error *error)
{
	json_t *facts = all_facts(x), *value;
	struct warn_context c = {x, error, 0};
	const char *key;
	int r = 0;

	if (!facts)
		return -ENOMEM;
	json_object_foreach (facts, key, value) {
		r = store_writer_set(x->store, key, value, error);
		if (r < 0)
			break;
	}
	if (r == 0) {
		machine_warnings(facts, x->topology, widest(x), warn, &c);
		warn_of_kernel_names(x, &c);
		r = c.result;
	}
	for (size_t i = 0; i < x->o->n_guests && r == 0; i++) {
		if (x->accel[i] == ACCEL_TCG) {
			r = store_writer_warn(x->store, x->accel_note, error);
			break;
		}
	}
	json_decref(facts);
	return r;
}

static int write_planned(struct experiment *x, struct error *error)
{
	json_t *runs = json_integer((json_int_t)x->plan.n);
	int r = store_writer_set(x->store, "planned_runs", runs, error);

	json_decref(runs);
	return r;
}

int experiment_note_stopping(struct experiment *x, struct error *error)
{
	json_t *record = stopping_record(&x->stopping);
	int r = record ? store_writer_set(x->store, "until", record, error) : -ENOMEM;

	json_decref(record);
	return r < 0 || x->stopping.end == STOPPING_NOT ? r : write_planned(x, error);
}

static int write_plan(struct experiment *x, struct error *error)
{
	char id[SHA256_HEX_SIZE], seed[32], shard[32];
	int r;

	snprintf(seed, sizeof(seed), "%llu", (unsigned long long)x->o->seed);
	r = set_text(x, "seed", seed, error);
	if (r < 0 || x->attach)
		return r;
	r = plan_document_id(&x->document, id);
	if (r == 0)
		r = store_writer_set(x->store, "plan", x->document.plan, error);
	if (r == 0)
		r = store_writer_set(x->store, "local", x->document.local, error);
	if (r == 0)
		r = set_text(x, "plan_id", id, error);
	snprintf(shard, sizeof(shard), "%u/%u", x->o->shard, x->o->shards);
	if (r == 0 && x->o->shards)
		r = set_text(x, "shard", shard, error);
	if (r == 0 && x->o->until.share > 0)
		r = experiment_note_stopping(x, error);
	return r < 0 ? r : write_planned(x, error);
}

static int write_experiment(struct experiment *x, char **argv, struct error *error)
{
	_cleanup_free_ char *xml = NULL;
	char now[32];
	int r;

	utc_now(now);
	r = topology_xml(x->topology, &xml, error);
	if (r == 0)
		r = set_text(x, "topology", xml, error);
	if (r == 0)
		r = set_text(x, "started_utc", now, error);
	if (r == 0)
		r = set_text(x, "guestscope", GUESTSCOPE_VERSION, error);
	if (r == 0)
		r = set_text(x, "scenario", x->settings.scenario, error);
	if (r == 0)
		r = write_program(x, error);
	if (r == 0)
		r = set_text(x, "pin", x->o->pin, error);
	if (r == 0 && x->o->client)
		r = set_text(x, "client", x->o->client, error);
	if (r == 0)
		r = set_text(x, "overcommit", x->o->overcommit ? "1" : "0", error);
	if (r == 0)
		r = set_text(x, "boot_only", x->o->boot_only ? "1" : "0", error);
	if (r == 0 && x->o->weak)
		r = set_text(x, "weak", "1", error);
	if (r == 0)
		r = write_variants(x, error);
	if (r == 0)
		r = write_frequency(x, error);
	if (r == 0)
		r = write_plan(x, error);
	if (r == 0)
		r = write_command(x, argv, error);
	if (r == 0)
		r = write_machine(x, error);
	return r;
}

static char *name_output(const struct experiment *x)
{
	char names[256] = "";

	if (x->o->output)
		return strdup(x->o->output);
	if (x->attach)
		snprintf(names, sizeof(names), "-%s-%d", x->attach->ops.name, x->attach->pid);
	for (size_t i = 0; i < x->o->n_guests && !x->attach; i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "-%s",
			x->o->guests[i]->name);
	if (x->o->shards)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "-%u-of-%u",
			x->o->shard, x->o->shards);
	return output_folder_name(names);
}

int experiment_check_output(const struct experiment *x, struct error *error)
{
	_cleanup_free_ char *path = name_output(x);
	int r;

	if (!path)
		return -ENOMEM;
	/* A folder that was not asked for gets another name where there is one already: what it will be in
	 * has to be writable. */
	if (!x->o->output)
		*strrchr(path, '/') = '\0';
	r = output_folder_check(path, error);
	return r < 0 || !x->o->output ? r : store_writer_check_new(path, error);
}

int experiment_create(struct experiment *x, char **argv, struct error *error)
{
	_cleanup_free_ char *path = name_output(x);
	int r;

	if (!path)
		return -ENOMEM;
	r = x->o->output ? output_folder_make(path, &x->output, error)
			 : output_folder_make_new(path, &x->output, error);
	if (r < 0)
		return r;
	r = store_writer_create(x->output.path, &x->store, error);
	if (r == 0)
		r = write_experiment(x, argv, error);
	if (r == 0)
		r = store_writer_publish(x->store, error);
	return r;
}

/* To continue */

int experiment_reopen(struct experiment *x, struct error *error)
{
	_cleanup_free_ char *plan = NULL, *local = NULL;
	const char *path = x->o->resume;
	int r = output_folder_take(path, &x->output, error);

	if (r < 0)
		return r;
	r = store_writer_open(path, &x->store, error);
	if (r < 0) {
		rmdir(x->output.log_path); /* what is no experiment's folder stays as it was */
		return r;
	}
	r = store_writer_get(x->store, "plan", &plan, error);
	if (r == 0)
		r = store_writer_get(x->store, "local", &local, error);
	if (r == -ENODATA)
		return error_set(error, r,
			"the experiment in %s has no plan to continue: it was made by --attach, "
			"or by an older collector",
			path);
	if (r == 0)
		r = plan_document_parse(plan, local, &x->document, error);
	return r < 0 ? r : plan_document_apply(&x->document, x->o, error);
}

int experiment_is_finished(struct experiment *x, struct error *error)
{
	_cleanup_free_ char *planned = NULL;
	int n = store_writer_done(x->store, NULL, 0, &x->n_failed, error), r;

	if (n < 0)
		return n;
	r = store_writer_get(x->store, "planned_runs", &planned, error);
	if (r < 0)
		return r == -ENODATA ? 0 : r;
	return (unsigned long)n >= strtoul(planned, NULL, 10);
}

/* Without --force that is the end; with it, the store tells. */
static int object(struct experiment *x, const char *sentence, struct error *error)
{
	if (x->o->force)
		return store_writer_warn(x->store, sentence, error);
	return error_set(error, -EXDEV, "%s; --force continues all the same", sentence);
}

static int check_files(struct experiment *x, struct error *error)
{
	const json_t *then = json_object_get(x->document.plan, "files");
	const char *name;
	json_t *now;
	int r = 0;

	json_object_foreach (x->files, name, now) {
		const char *was = json_string_value(json_object_get(then, name));
		char sentence[256];

		if (was && strcmp(was, json_string_value(now)) == 0)
			continue;
		snprintf(sentence, sizeof(sentence),
			"the %s is not what it was when the experiment began (SHA-256 %.12s..., "
			"now %.12s...)",
			name, was ? was : "none", json_string_value(now));
		r = object(x, sentence, error);
		if (r < 0)
			break;
	}
	return r;
}

/* What must not differ between the runs of one experiment. */
static const struct {
	const char *key;
	const char *name;
} same_facts[] = {
	{"architecture", "architecture"},
	{"cpu_model", "processor"},
	{"topology_shape", "topology"},
	{"kernel", "kernel"},
	{"kernel_version", "kernel"},
};

static int check_machine(struct experiment *x, const json_t *facts, struct error *error)
{
	for (size_t i = 0; i < ARRAY_SIZE(same_facts); i++) {
		const char *now = json_string_value(json_object_get(facts, same_facts[i].key));
		_cleanup_free_ char *was = NULL;
		char sentence[512];
		int r = store_writer_get(x->store, same_facts[i].key, &was, error);

		if (r < 0 && r != -ENODATA)
			return r;
		if (strcmp(was ? was : "", now ? now : "") == 0)
			continue;
		snprintf(sentence, sizeof(sentence),
			"this is not the machine that the experiment began on: its %s was %.180s, "
			"here it is %.180s",
			same_facts[i].name, was ? was : "not known", now ? now : "not known");
		r = object(x, sentence, error);
		if (r < 0)
			return r;
	}
	return 0;
}

static int find_measured(struct experiment *x, struct error *error)
{
	size_t most = 0;
	_cleanup_free_ bool *by_id = NULL;
	int r;

	for (size_t i = 0; i < x->plan.n; i++)
		if (x->plan.runs[i].id > most)
			most = x->plan.runs[i].id;
	by_id = calloc(most + 1, sizeof(*by_id));
	x->measured = calloc(x->plan.n + 1, sizeof(*x->measured));
	x->times_ns = calloc(most + 1, sizeof(*x->times_ns));
	if (!by_id || !x->measured || !x->times_ns)
		return -ENOMEM;
	for (size_t i = 0; i < most; i++)
		x->times_ns[i] = NAN;
	r = store_writer_done(x->store, by_id, most, &x->n_failed, error);
	if (r >= 0)
		r = store_writer_times(x->store, x->times_ns, most, error);
	if (r < 0)
		return r;
	for (size_t i = 0; i < x->plan.n; i++) {
		x->measured[i] = by_id[x->plan.runs[i].id - 1];
		x->n_measured += x->measured[i];
	}
	return 0;
}

int experiment_check_same(struct experiment *x, struct error *error)
{
	json_t *facts = all_facts(x);
	int r;

	if (!facts)
		return -ENOMEM;
	r = check_machine(x, facts, error);
	json_decref(facts);
	if (r == 0)
		r = check_files(x, error);
	return r < 0 ? r : find_measured(x, error);
}

static int warn_of_other_host(struct experiment *x, const char *here, struct error *error)
{
	_cleanup_free_ char *began = NULL;
	char sentence[512];
	int r = store_writer_get(x->store, "hostname", &began, error);

	if (r < 0)
		return r == -ENODATA ? 0 : r;
	if (!here || strcmp(began, here) == 0)
		return 0;
	snprintf(sentence, sizeof(sentence),
		"begun on host %.200s, gone on with on %.200s after %zu runs", began, here,
		x->n_measured);
	return store_writer_warn(x->store, sentence, error);
}

int experiment_note_resumed(struct experiment *x, struct error *error)
{
	_cleanup_free_ char *before = NULL;
	json_t *facts, *all, *one;
	const char *hostname;
	char now[32];
	int r = store_writer_get(x->store, "resumed", &before, error);

	if (r < 0 && r != -ENODATA)
		return r;
	facts = machine_facts(NULL);
	hostname = json_string_value(json_object_get(facts, "hostname"));
	all = before ? json_loads(before, 0, NULL) : NULL;
	if (!json_is_array(all)) {
		json_decref(all);
		all = json_array();
	}
	utc_now(now);
	one = json_pack("{s:s, s:s*, s:i}", "utc", now, "hostname", hostname, "after_runs",
		(int)x->n_measured);
	if (json_array_append_new(all, one) < 0)
		r = -ENOMEM;
	else
		r = store_writer_set(x->store, "resumed", all, error);
	if (r == 0)
		r = warn_of_other_host(x, hostname, error);
	json_decref(all);
	json_decref(facts);
	return r;
}
