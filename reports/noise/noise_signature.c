/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The detours of one run, one by one. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "reports/noise/noise_internal.h"

void noise_signature_free(struct noise_signature *s)
{
	if (!s)
		return;
	free(s->points);
	free(s->causes);
	free(s);
}

static int cause_of(struct noise_signature *s, const char *name, size_t *ret)
{
	struct noise_cause cause = {.name = name};

	for (*ret = 0; *ret < s->n_causes; ++*ret)
		if (s->causes[*ret].name == name)
			return 0;
	return *ret == DETOUR_CAUSES_MAX ? -EBADMSG : ARRAY_ADD(s->causes, s->n_causes, cause);
}

static int take(const struct summary *summary, sqlite3_stmt *row, struct noise_signature *s)
{
	const char *name = store_text(summary->store, row, 3);
	struct noise_point p = {.lane = store_number(row, 0),
		.begin_ns = sqlite3_column_double(row, 1) - s->begin_ns,
		.length_ns = sqlite3_column_double(row, 2)};
	int r = name ? cause_of(s, name, &p.cause) : -ENOMEM;

	if (r == -EBADMSG)
		store_damaged(summary->store, "detour", s->run->id);

	if (r >= 0)
		r = ARRAY_ADD(s->points, s->n, p);
	if (r < 0)
		return r;
	s->causes[p.cause].detours++;
	s->causes[p.cause].ns += sqlite3_column_double(row, 4);
	return 0;
}

static double first_begin(const struct summary *s, const struct store_run *run)
{
	const struct store_tables *t = store_tables(s->store);

	for (size_t i = 0; i < t->n_phases; i++)
		if (t->phases[i].run == run->id && strcmp(t->phases[i].name, "measure") == 0)
			return (double)t->phases[i].start_ns;
	return (double)run->start_ns;
}

static int by_time(const void *a, const void *b)
{
	const struct noise_cause *x = a, *y = b;

	return (x->ns < y->ns) - (x->ns > y->ns);
}

/* The causes that took most come first, in the points as well. */
static void sort_causes(struct noise_signature *s)
{
	size_t place[DETOUR_CAUSES_MAX] = {0};

	for (size_t i = 0; i < s->n_causes; i++)
		s->causes[i].first = i;
	qsort(s->causes, s->n_causes, sizeof(*s->causes), by_time);
	for (size_t i = 0; i < s->n_causes; i++)
		place[s->causes[i].first] = i;
	for (size_t i = 0; i < s->n; i++)
		s->points[i].cause = place[s->points[i].cause];
}

int noise_signature_make(
	const struct summary *summary, const struct configuration *c, struct noise_signature **ret)
{
	const struct store_run *run = configuration_median(c);
	_cleanup_query_ sqlite3_stmt *query = NULL;
	struct noise_signature *s;
	int r;

	if (!run || !store_has_table(summary->store, "detour"))
		return 0;
	r = store_prepare(summary->store, &query,
		"SELECT lane, start_ns, length_ns, cause, cause_ns FROM detour WHERE run = ?1"
		" AND typeof(lane) = 'integer' AND typeof(start_ns) = 'integer'"
		" AND typeof(length_ns) = 'integer' AND typeof(cause_ns) = 'integer'"
		" AND length_ns > 0 ORDER BY length_ns DESC");
	s = calloc(1, sizeof(*s));
	if (r < 0 || !s) {
		free(s);
		return r < 0 ? r : -ENOMEM;
	}
	s->run = run;
	s->begin_ns = first_begin(summary, run);
	sqlite3_bind_int64(query, 1, run->id);
	while ((r = store_step(summary->store, query)) > 0) {
		r = take(summary, query, s);
		if (r < 0)
			break;
	}
	if (r >= 0 && s->n)
		sort_causes(s);
	if (r < 0 || !s->n)
		noise_signature_free(s);
	else
		*ret = s;
	return r;
}
