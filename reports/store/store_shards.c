/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/store/store_merge.h"

static const char *setting(const struct source *s, const char *key)
{
	return store_setting(s->reader, key);
}

/* Two whole experiments may have the same plan, measured before and after something: these are
 * compared. Only shards are parts of one. */
static bool of_one_plan(const struct source *a, const struct source *b)
{
	const char *x = setting(a, "plan_id"), *y = setting(b, "plan_id");

	return setting(a, "shard") && setting(b, "shard") && x && y && strcmp(x, y) == 0;
}

void shards_find(struct source *sources, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		sources[i].first = i;
		for (size_t j = 0; j < i; j++) {
			if (!of_one_plan(&sources[j], &sources[i]))
				continue;
			sources[i].first = j;
			break;
		}
	}
}

/** Refuse, or with @force say the same as a warning. */
static int object(sqlite3 *db, bool force, const char *sentence, struct error *error)
{
	if (force)
		return add_warning(db, sentence, error);
	return error_set(error, -EINVAL, "%s: --force merges them all the same", sentence);
}

static const struct {
	const char *key;
	const char *name;
} of_the_machine[] = {
	{"architecture", "architecture"},
	{"cpu_model", "processor"},
	{"topology_shape", "topology"},
	{"kernel", "kernel"},
	{"kernel_version", "kernel"},
};

static int check_machines(const struct source *a, const struct source *b, bool force, sqlite3 *db,
	struct error *error)
{
	for (size_t i = 0; i < ARRAY_SIZE(of_the_machine); i++) {
		const char *x = setting(a, of_the_machine[i].key);
		const char *y = setting(b, of_the_machine[i].key);
		char sentence[768];

		if (strcmp(x ? x : "", y ? y : "") == 0)
			continue;
		snprintf(sentence, sizeof(sentence),
			"the shards %s and %s were measured on different machines (%s: %.150s, "
			"%.150s)",
			a->label, b->label, of_the_machine[i].name, x ? x : "not known",
			y ? y : "not known");
		return object(db, force, sentence, error);
	}
	return 0;
}

/** What the program was told to do, malloced: its arguments where there is a plan, or NULL. */
static char *arguments_of(const struct source *s)
{
	const char *text = setting(s, "plan");
	json_t *plan = text ? json_loads(text, 0, NULL) : NULL;
	json_t *list = json_object_get(plan, "arguments"), *word;
	char *line = NULL;
	size_t size, i;
	FILE *f = json_is_array(list) ? open_memstream(&line, &size) : NULL;

	if (f) {
		json_array_foreach (list, i, word)
			fprintf(f, "%s%s", i ? " " : "",
				json_is_string(word) ? json_string_value(word) : "");
		fclose(f);
	}
	json_decref(plan);
	return line;
}

/* Stores of older collectors have but the scenario's name. */
static int check_workloads(const struct source *a, const struct source *b, bool force, sqlite3 *db,
	struct error *error)
{
	_cleanup_free_ char *x = arguments_of(a), *y = arguments_of(b);
	const char *of_a = x, *of_b = y;
	char sentence[768];

	if (!x || !y) {
		of_a = setting(a, "scenario");
		of_b = setting(b, "scenario");
	}
	if (!of_a || !of_b || strcmp(of_a, of_b) == 0)
		return 0;
	snprintf(sentence, sizeof(sentence),
		"%s and %s are experiments with different workloads (%.200s; %.200s)", a->label,
		b->label, of_a, of_b);
	return object(db, force, sentence, error);
}

/* Our own workload is compared with an older build of itself: then its picture tells. */
static int check_programs(const struct source *a, const struct source *b, bool force, sqlite3 *db,
	struct error *error)
{
	_cleanup_free_ char *x = store_plan_member(setting(a, "plan"), "files", "program");
	_cleanup_free_ char *y = store_plan_member(setting(b, "plan"), "files", "program");
	const char *scenario = setting(a, "scenario");
	char sentence[768];

	if (!x || !y || strcmp(x, y) == 0 || !scenario || strcmp(scenario, "program") != 0)
		return 0;
	snprintf(sentence, sizeof(sentence),
		"%s and %s are experiments with different programs (SHA-256 %.100s; %.100s)",
		a->label, b->label, x, y);
	return object(db, force, sentence, error);
}

/* When the first phase began, by the machine's clock; 0: no run has any. -1: cannot be read. */
static int64_t first_phase_ns(const struct source *s)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;

	if (store_prepare(s->reader, &query, "SELECT ifnull(min(start_ns), 0) FROM phase") < 0 ||
		store_step(s->reader, query) <= 0)
		return -1;
	return sqlite3_column_int64(query, 0);
}

/* A copy of a store is no other experiment: its runs would count twice. Of shards each run is looked at, as one may hold some. */
static int check_copies(const struct source *a, const struct source *b, struct error *error)
{
	static const char *const identity[] = {"started_utc", "hostname", "seed", "plan_id"};
	int64_t begin;

	if (!setting(a, "started_utc") || setting(a, "shard") || setting(b, "shard"))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(identity); i++) {
		const char *x = setting(a, identity[i]), *y = setting(b, identity[i]);

		if (strcmp(x ? x : "", y ? y : "") != 0)
			return 0;
	}
	begin = first_phase_ns(a);
	if (begin < 0 || begin != first_phase_ns(b))
		return 0;
	return error_set(
		error, -EEXIST, "%s and %s are the same experiment, given twice", a->path, b->path);
}

int shards_check(
	const struct source *sources, size_t n, bool force, sqlite3 *db, struct error *error)
{
	for (size_t i = 1; i < n; i++) {
		const struct source *s = &sources[i];
		int r = 0;

		for (size_t j = 0; r == 0 && j < i; j++)
			r = check_copies(&sources[j], s, error);
		if (r == 0)
			r = check_workloads(&sources[0], s, force, db, error);
		if (r == 0)
			r = check_programs(&sources[0], s, force, db, error);
		if (r == 0 && s->first != i)
			r = check_machines(&sources[s->first], s, force, db, error);
		if (r < 0)
			return r;
	}
	return 0;
}

#define TWICE_SQL(same_variant)                                                                    \
	"SELECT new.guest, new.cores, new.block FROM src.run AS new JOIN main.run AS old"          \
	" ON old.guest = new.guest || ?1 AND old.cores = new.cores AND old.block = new.block"      \
	" AND old.label = new.label AND " same_variant " WHERE new.block > 0 LIMIT 1"

static int check_twice(const struct source *s, sqlite3 *db, struct error *error)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	int step;

	if (sqlite3_prepare_v2(db,
		    store_has_column(s->reader, "run", "variant")
			    ? TWICE_SQL("old.variant IS new.variant")
			    : TWICE_SQL("old.variant IS NULL"),
		    -1, &query, NULL) != SQLITE_OK)
		return merge_error(db, s->path, error);
	sqlite3_bind_text(query, 1, s->suffix, -1, SQLITE_STATIC);
	step = sqlite3_step(query);
	if (step == SQLITE_DONE)
		return 0;
	if (step != SQLITE_ROW)
		return merge_error(db, s->path, error);
	return error_set(error, -EEXIST,
		"the run of block %lld (%.40s, %lld cores) in %s is in a store before it, too: is "
		"the same shard given twice?",
		(long long)sqlite3_column_int64(query, 2),
		(const char *)sqlite3_column_text(query, 0),
		(long long)sqlite3_column_int64(query, 1), s->path);
}

static int check_accel(const struct source *s, bool force, sqlite3 *db, struct error *error)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	char sentence[256];

	if (sqlite3_prepare_v2(db,
		    "SELECT new.guest, old.accel, new.accel FROM src.run AS new JOIN main.run AS"
		    " old ON old.guest = new.guest || ?1 AND old.accel <> new.accel LIMIT 1",
		    -1, &query, NULL) != SQLITE_OK)
		return merge_error(db, s->path, error);
	sqlite3_bind_text(query, 1, s->suffix, -1, SQLITE_STATIC);
	if (sqlite3_step(query) != SQLITE_ROW)
		return 0;
	snprintf(sentence, sizeof(sentence),
		"the shards were measured on different machines (%.40s ran by %.8s, in %.80s by "
		"%.8s)",
		(const char *)sqlite3_column_text(query, 0),
		(const char *)sqlite3_column_text(query, 1), s->label,
		(const char *)sqlite3_column_text(query, 2));
	return object(db, force, sentence, error);
}

int shards_check_runs(
	const struct source *sources, size_t i, bool force, sqlite3 *db, struct error *error)
{
	int r;

	if (sources[i].first == i)
		return 0;
	r = check_twice(&sources[i], db, error);
	return r < 0 ? r : check_accel(&sources[i], force, db, error);
}

#define SHARDS_MAX 4096

/** "I/N" to numbers; false if it is no such text. */
static bool parse_shard(const struct source *s, unsigned *ret_shard, unsigned *ret_shards)
{
	const char *text = setting(s, "shard");

	return text && sscanf(text, "%u/%u", ret_shard, ret_shards) == 2 && *ret_shard >= 1 &&
	       *ret_shard <= *ret_shards && *ret_shards <= SHARDS_MAX;
}

static int warn_missing(
	const struct source *sources, size_t n, size_t first, sqlite3 *db, struct error *error)
{
	bool there[SHARDS_MAX + 1] = {};
	unsigned shards, shard, missing = 0;
	char list[256] = "", sentence[512];

	if (!parse_shard(&sources[first], &shard, &shards))
		return 0;
	for (size_t i = first; i < n; i++) {
		unsigned i_shard, i_shards;

		if (sources[i].first == first && parse_shard(&sources[i], &i_shard, &i_shards) &&
			i_shards == shards)
			there[i_shard] = true;
	}
	for (shard = 1; shard <= shards; shard++) {
		if (there[shard])
			continue;
		if (strlen(list) < sizeof(list) - 16)
			snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%u",
				missing ? ", " : "", shard);
		missing++;
	}
	if (!missing)
		return 0;
	snprintf(sentence, sizeof(sentence), "of the experiment's %u shards, %u %s missing: %s",
		shards, missing, missing == 1 ? "is" : "are", list);
	return add_warning(db, sentence, error);
}

int shards_warn_missing(const struct source *sources, size_t n, sqlite3 *db, struct error *error)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		_cleanup_free_ char *sentence = NULL;

		r = store_unfinished(sources[i].reader, sources[i].label, &sentence);
		if (r == -ENOMEM)
			return error_set_errno(error, r, "cannot merge");
		if (r > 0)
			r = add_warning(db, sentence, error);
		if (r == 0 && sources[i].first == i)
			r = warn_missing(sources, n, i, db, error);
	}
	return r;
}
