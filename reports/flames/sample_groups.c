/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/flames/sample_groups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "reports/flames/flames.h"

/* A power of two; a column has few texts. */
#define RECENT 16

/** Texts of a column that were seen lately: the same ones come again, and need no cleaning then. */
struct recent_texts {
	char *raw[RECENT];
	const char *clean[RECENT];
};

/** Where a row goes. */
struct reader {
	const struct summary *s;
	struct sample_groups *groups;
	sqlite3_stmt *query;
	struct recent_texts kind;
	struct recent_texts phase;
	struct recent_texts thread;
	int64_t run;
	const struct configuration *configuration; /**< of that run; NULL: it does not count */
	const char *seen_phase;                    /**< for which @outside was worked out */
	bool outside;
};

void sample_groups_free(struct sample_groups *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++) {
		free(p->groups[i].entries);
		hash_index_clear(&p->groups[i].index);
	}
	free(p->groups);
	free(p);
}

static void sample_groups_freep(struct sample_groups **p)
{
	sample_groups_free(*p);
}

static bool is_entry(const void *entries, size_t i, const void *key)
{
	const struct group_entry *e = (const struct group_entry *)entries + i, *k = key;

	/* Strings are interned: equal ones have equal addresses. */
	return e->stack == k->stack && e->thread == k->thread && e->lane == k->lane;
}

static int add(struct sample_group *p, const struct group_entry *sample)
{
	uint64_t hash =
		hash_number((uint64_t)sample->stack * 2 + sample->lane, (uintptr_t)sample->thread);
	size_t i = hash_index_find(&p->index, hash, is_entry, p->entries, sample);

	if (i == HASH_NONE) {
		if (ARRAY_MORE(p->entries, p->n, 1) < 0 ||
			hash_index_add(&p->index, hash, p->n) < 0)
			return -ENOMEM;
		p->entries[p->n++] = *sample;
		return 0;
	}
	p->entries[i].ns += sample->ns;
	p->entries[i].count += sample->count;
	return 0;
}

static const char *read_text(struct reader *r, int column, struct recent_texts *recent)
{
	const char *raw = (const char *)sqlite3_column_text(r->query, column);
	size_t length = raw ? strlen(raw) : 0, at;

	if (!raw)
		return NULL;
	at = (length + (length ? (unsigned char)raw[length - 1] : 0)) & (RECENT - 1);
	if (recent->raw[at] && strcmp(recent->raw[at], raw) == 0)
		return recent->clean[at];
	free(recent->raw[at]);
	recent->raw[at] = strdup(raw);
	recent->clean[at] = store_text(r->s->store, r->query, column);
	return recent->clean[at];
}

static void recent_clear(struct recent_texts *recent)
{
	for (size_t i = 0; i < RECENT; i++)
		free(recent->raw[i]);
}

static void find_configuration(struct reader *r, int64_t run_id)
{
	const struct store_run *run;

	if (r->run == run_id)
		return;
	r->run = run_id;
	run = store_run(r->s->store, run_id);
	r->configuration = run ? summary_configuration(r->s, run) : NULL;
	if (r->configuration && !configuration_counts(r->configuration, run))
		r->configuration = NULL;
}

/** The group for samples of that kind and phase; NULL: none. */
static struct sample_group *find_group(struct reader *r, const char *kind, const char *phase)
{
	struct sample_group *groups =
		&r->groups->groups[(size_t)(r->configuration - r->s->configurations) * FLAME_KINDS];

	if (phase != r->seen_phase) {
		r->seen_phase = phase;
		r->outside = phase_is_outside(phase);
	}
	for (size_t k = 0; k < FLAME_KINDS; k++)
		if (flame_table[k].boot == r->outside && strcmp(flame_table[k].kind, kind) == 0)
			return &groups[k];
	return NULL;
}

static int add_row(struct reader *r)
{
	const char *kind, *phase, *thread;
	struct group_entry sample;
	struct sample_group *group;
	int64_t count = store_number(r->query, 7);

	find_configuration(r, store_number(r->query, 0));
	if (!r->configuration)
		return 0;
	kind = read_text(r, 1, &r->kind);
	phase = read_text(r, 2, &r->phase);
	thread = read_text(r, 4, &r->thread);
	if (!kind || !phase || !thread)
		return -ENOMEM;
	group = find_group(r, kind, phase);
	if (!group)
		return 0;
	sample = (struct group_entry){.thread = *thread ? thread : "[thread]",
		.lane = store_number(r->query, 3) >= 0,
		.stack = store_number(r->query, 5),
		.ns = (uint64_t)store_number(r->query, 6),
		.count = count > 0 ? (uint64_t)count : 0};
	return add(group, &sample);
}

static int read_all(struct reader *reader)
{
	int r = store_prepare(reader->s->store, &reader->query,
		"SELECT run, kind, phase, lane, thread, stack, weight_ns, count FROM sample"
		" WHERE weight_ns > 0");

	while (r >= 0 && (r = store_step(reader->s->store, reader->query)) > 0)
		r = add_row(reader);
	sqlite3_finalize(reader->query);
	recent_clear(&reader->kind);
	recent_clear(&reader->phase);
	recent_clear(&reader->thread);
	return r;
}

int sample_groups_make(const struct summary *s, struct sample_groups **ret)
{
	__attribute__((cleanup(sample_groups_freep))) struct sample_groups *p =
		calloc(1, sizeof(*p));
	struct reader reader = {.s = s, .groups = p, .run = STORE_NULL};
	int r;

	if (!p)
		return -ENOMEM;
	p->groups = calloc(s->n_configurations * FLAME_KINDS + 1, sizeof(*p->groups));
	if (!p->groups)
		return -ENOMEM;
	p->n = s->n_configurations * FLAME_KINDS;
	for (size_t i = 0; i < p->n; i++)
		p->groups[i].n_runs = s->configurations[i / FLAME_KINDS].n_ok;
	r = read_all(&reader);
	if (r < 0)
		return r;
	/* What was needed while reading alone. */
	for (size_t i = 0; i < p->n; i++)
		hash_index_clear(&p->groups[i].index);
	*ret = TAKE_PTR(p);
	return 0;
}
