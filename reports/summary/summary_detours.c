/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Where the time of detours went, of the workload noise. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "common/hash_index.h"
#include "reports/summary/summary_internal.h"

static const char sql[] =
	"SELECT run, cause, detail, ifnull(taken_by, ''), total(detours), total(ns), total(around_ns), total(sampled_ns)"
	" FROM detour_cause GROUP BY 1, 2, 3, 4";

static const char threshold_sql[] =
	"SELECT run, min(threshold_ns), max(threshold_ns) FROM distribution"
	" WHERE kernel = 'detour' AND typeof(threshold_ns) = 'integer' AND threshold_ns > 0 GROUP BY 1";

/* Where the rows of all configurations are, and which causes there are. */
struct rows {
	struct place {
		struct configuration *configuration;
		size_t i; /* of its detours */
	} * list;
	size_t n;
	struct hash_index index;
	const char *causes[DETOUR_CAUSES_MAX];
	size_t n_causes;
};

/* A row as it is looked for. Names are interned. */
struct key {
	struct configuration *configuration;
	const char *cause, *detail, *taken_by;
};

static bool is_same(const void *array, size_t i, const void *key)
{
	const struct place *p = (const struct place *)array + i;
	const struct key *k = key;
	const struct detour_share *d;

	if (p->configuration != k->configuration)
		return false;
	d = &p->configuration->detours[p->i];
	return d->cause == k->cause && d->detail == k->detail && d->taken_by == k->taken_by;
}

static int add_cause(struct rows *rows, const char *cause)
{
	for (size_t i = 0; i < rows->n_causes; i++)
		if (rows->causes[i] == cause)
			return 0;
	if (rows->n_causes == DETOUR_CAUSES_MAX)
		return -EBADMSG;
	rows->causes[rows->n_causes++] = cause;
	return 0;
}

/* The row of a cause, made if need be. -ENOMEM; -EBADMSG: too many causes. */
static int find_row(struct rows *rows, const struct key *k, struct detour_share **ret)
{
	struct configuration *c = k->configuration;
	uint64_t hash = hash_number(
		hash_number(hash_number(hash_number(HASH_FIRST, (uintptr_t)k->configuration),
				    (uintptr_t)k->cause),
			(uintptr_t)k->detail),
		(uintptr_t)k->taken_by);
	size_t at = hash_index_find(&rows->index, hash, is_same, rows->list, k);
	struct detour_share fresh = {
		.cause = k->cause, .detail = k->detail, .taken_by = k->taken_by};
	int r;

	if (at != HASH_NONE) {
		*ret = &c->detours[rows->list[at].i];
		return 0;
	}
	r = add_cause(rows, k->cause);
	if (r >= 0)
		r = ARRAY_ADD(rows->list, rows->n, (struct place){c, c->n_detours});
	if (r >= 0)
		r = ARRAY_ADD(c->detours, c->n_detours, fresh);
	if (r >= 0)
		r = hash_index_add(&rows->index, hash, rows->n - 1);
	if (r >= 0)
		*ret = &c->detours[c->n_detours - 1];
	return r;
}

static int take_row(struct summary *s, sqlite3_stmt *row, struct rows *rows)
{
	const struct store_run *run = store_run(s->store, store_number(row, 0));
	const char *cause = store_text(s->store, row, 1), *detail = store_text(s->store, row, 2);
	const char *taken_by = store_text(s->store, row, 3);
	struct configuration *c =
		run && run->ok && run->counted ? summary_configuration(s, run) : NULL;
	const struct key key = {c, cause, detail, taken_by};
	struct detour_share *d;
	int r;

	if (!cause || !detail || !taken_by)
		return -ENOMEM;
	if (!c)
		return 0;
	r = find_row(rows, &key, &d);
	if (r == -EBADMSG)
		store_damaged(s->store, "detour_cause", run->id);
	if (r < 0)
		return r;
	d->detours += sqlite3_column_double(row, 4);
	d->ns += sqlite3_column_double(row, 5);
	d->around_ns += sqlite3_column_double(row, 6);
	d->sampled_ns += sqlite3_column_double(row, 7);
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct detour_share *x = a, *y = b;

	return x->ns < y->ns ? 1 : x->ns > y->ns ? -1 : 0;
}

/* Sums of all runs become means. */
static void finish(struct configuration *c)
{
	double whole = 0, runs = c->n_ok ? (double)c->n_ok : 1;

	for (size_t i = 0; i < c->n_detours; i++) {
		struct detour_share *d = &c->detours[i];

		d->detours /= runs;
		d->ns /= runs;
		d->around_ns /= runs;
		d->sampled_ns /= runs;
		whole += d->ns;
	}
	for (size_t i = 0; i < c->n_detours; i++)
		c->detours[i].whole_ns = whole;
	if (c->n_detours)
		qsort(c->detours, c->n_detours, sizeof(*c->detours), by_time);
}

static void take_threshold(const struct summary *s, sqlite3_stmt *row)
{
	const struct store_run *run = store_run(s->store, store_number(row, 0));
	struct configuration *c =
		run && run->ok && run->counted ? summary_configuration(s, run) : NULL;
	double low = sqlite3_column_double(row, 1), high = sqlite3_column_double(row, 2);

	if (!c)
		return;
	if (c->threshold_low_ns <= 0 || low < c->threshold_low_ns)
		c->threshold_low_ns = low;
	if (high > c->threshold_high_ns)
		c->threshold_high_ns = high;
}

static int make_thresholds(struct summary *s)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	int r;

	if (!store_has_table(s->store, "distribution"))
		return 0;
	r = store_prepare(s->store, &query, threshold_sql);
	while (r >= 0 && (r = store_step(s->store, query)) > 0)
		take_threshold(s, query);
	return r;
}

int summary_make_detours(struct summary *s)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	struct rows rows = {.n = 0};
	int r = make_thresholds(s);

	if (r < 0 || !store_has_table(s->store, "detour_cause"))
		return r;
	r = store_prepare(s->store, &query, sql);
	while (r >= 0 && (r = store_step(s->store, query)) > 0)
		r = take_row(s, query, &rows);
	hash_index_clear(&rows.index);
	free(rows.list);
	for (size_t i = 0; i < s->n_configurations && r >= 0; i++)
		finish(&s->configurations[i]);
	return r < 0 ? r : 0;
}
