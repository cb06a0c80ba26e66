/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/books/timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/timeline_code.h"

/* So many of a lane's records may be here before one that comes before them. */
#define EARLY_MAX 64
/* Details that are told apart. Of more, the state alone is kept. */
#define DETAILS_MAX 65536

/* A record, whichever kind. */
struct early {
	struct timeline_item item;
	unsigned part;
};

struct timeline_lane {
	uint64_t end_ns; /* of what is in its blocks */
	uint32_t cpu;    /* of the last interval in the open block */
	struct timeline_block open;
	struct early *early; /* in no order */
	size_t n_early;
};

int timeline_new(unsigned lanes, size_t bytes_most, struct timeline **ret)
{
	struct timeline *t = calloc(1, sizeof(*t));

	if (t)
		t->lanes = calloc(lanes, sizeof(*t->lanes));
	if (!t || !t->lanes) {
		free(t);
		return -ENOMEM;
	}
	t->n_lanes = lanes;
	t->bytes_most = bytes_most;
	*ret = t;
	return 0;
}

void timeline_begin(struct timeline *t, uint64_t begin_ns)
{
	for (unsigned i = 0; i < t->n_lanes; i++)
		t->lanes[i].end_ns = begin_ns;
}

static uint64_t hash_of(const struct timeline_detail *d)
{
	uint64_t words[2];

	memcpy(words, &d->detail, sizeof(words));
	return hash_number(hash_number(hash_number(HASH_FIRST, words[0]), words[1]), d->state);
}

static bool is_same(const void *array, size_t i, const void *key)
{
	const struct timeline_detail *a = (const struct timeline_detail *)array + i, *b = key;

	return a->state == b->state &&
	       memcmp(a->detail.name, b->detail.name, sizeof(a->detail.name)) == 0;
}

/* The number of what an interval is. UINT32_MAX: no memory. */
static uint32_t number_of(struct timeline *t, uint32_t state, const struct probe_detail *detail)
{
	struct timeline_detail what = {.state = state};
	uint64_t hash;
	size_t i;

	if (detail)
		what.detail = *detail;
	hash = hash_of(&what);
	i = hash_index_find(&t->index, hash, is_same, t->details, &what);
	if (i != HASH_NONE)
		return (uint32_t)i;
	if (t->n_details >= DETAILS_MAX && detail)
		return number_of(t, state, NULL);
	if (ARRAY_ADD(t->details, t->n_details, what) < 0)
		return UINT32_MAX;
	t->bytes += 2 * sizeof(what); /* and the index */
	if (hash_index_add(&t->index, hash, t->n_details - 1) < 0) {
		t->n_details--;
		return UINT32_MAX;
	}
	return (uint32_t)t->n_details - 1;
}

static void end_block(struct timeline *t, struct timeline_lane *l)
{
	struct timeline_block *b = &l->open;
	uint8_t *exact;

	if (!b->bytes)
		return;
	exact = realloc(b->data, b->bytes);
	if (exact)
		b->data = exact;
	if (ARRAY_ADD(t->blocks, t->n_blocks, *b) < 0) {
		t->failed = true;
		free(b->data);
	}
	t->bytes += sizeof(*b);
	*b = (struct timeline_block){0};
}

static void begin_block(struct timeline_lane *l, int lane, unsigned part)
{
	l->open.lane = lane;
	l->open.part = part;
	l->open.begin_ns = l->open.end_ns = l->end_ns;
	l->cpu = TIMELINE_CPU_NONE;
}

/* @item comes next in its lane. What finds no room is missed by the next that does. */
static void put(struct timeline *t, struct timeline_lane *l, const struct timeline_item *item,
	unsigned part)
{
	struct timeline_block *b = &l->open;
	uint8_t bytes[TIMELINE_ITEM_BYTES];
	size_t n;

	if (t->bytes_most && t->bytes >= t->bytes_most) {
		t->failed = true;
		return;
	}
	if (b->bytes && (b->part != part || b->bytes > TIMELINE_BLOCK_BYTES - sizeof(bytes)))
		end_block(t, l);
	if (!b->bytes)
		begin_block(l, (int)(l - t->lanes), part);
	n = timeline_put(bytes, item, l->cpu);
	if (ARRAY_MORE(b->data, b->bytes, n) < 0) {
		t->failed = true;
		return;
	}
	memcpy(b->data + b->bytes, bytes, n);
	b->bytes += n;
	t->bytes += n;
	if (item->kind == TIMELINE_INTERVAL && item->cpu != TIMELINE_CPU_NONE)
		l->cpu = item->cpu;
	b->intervals += item->kind == TIMELINE_INTERVAL;
	b->merged += item->count;
	b->merged_ns += item->kind == TIMELINE_MERGED ? item->ns : 0;
	b->lost_ns += item->kind == TIMELINE_GAP ? item->ns : 0;
	b->end_ns = l->end_ns = l->end_ns + item->ns;
}

/* A gap is in the block of what comes after it. */
static void put_late(struct timeline *t, struct timeline_lane *l, const struct early *e)
{
	struct timeline_item gap = {.kind = TIMELINE_GAP, .ns = e->item.begin_ns - l->end_ns};

	if (e->item.begin_ns < l->end_ns) { /* its place was given up */
		t->failed = true;
		return;
	}
	if (gap.ns)
		put(t, l, &gap, e->part);
	if (l->end_ns == e->item.begin_ns)
		put(t, l, &e->item, e->part);
}

/* Those that are next, and while there are more than @most the first. */
static void take_early(struct timeline *t, struct timeline_lane *l, size_t most)
{
	while (l->n_early) {
		size_t first = 0;
		struct early e;

		for (size_t i = 1; i < l->n_early; i++)
			/* realloc() keeps what was there. NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
			if (l->early[i].item.begin_ns < l->early[first].item.begin_ns)
				first = i;
		e = l->early[first];
		if (e.item.begin_ns > l->end_ns && l->n_early <= most)
			return;
		l->early[first] = l->early[--l->n_early];
		put_late(t, l, &e);
	}
}

static void add(struct timeline *t, unsigned lane, const struct early *e)
{
	struct timeline_lane *l = &t->lanes[lane];

	if (e->item.begin_ns == l->end_ns) {
		put(t, l, &e->item, e->part);
		take_early(t, l, EARLY_MAX);
		return;
	}
	if (ARRAY_ADD(l->early, l->n_early, *e) < 0) {
		t->failed = true;
		return;
	}
	take_early(t, l, EARLY_MAX);
}

void timeline_add(struct timeline *t, const struct timeline_interval *interval)
{
	struct early e = {
		.item = {.kind = TIMELINE_INTERVAL,
			.begin_ns = interval->begin_ns,
			.ns = interval->end_ns - interval->begin_ns,
			.cpu = interval->cpu},
		.part = interval->part,
	};

	if (interval->lane >= t->n_lanes || interval->begin_ns >= interval->end_ns)
		return;
	e.item.what = number_of(t, interval->state, &interval->detail);
	if (e.item.what == UINT32_MAX)
		t->failed = true;
	else
		add(t, interval->lane, &e);
}

void timeline_add_merged(struct timeline *t, unsigned lane, const struct merged_intervals *merged)
{
	struct early e = {
		.item = {.kind = TIMELINE_MERGED,
			.begin_ns = merged->begin_ns,
			.count = merged->count},
		.part = merged->part,
	};

	_Static_assert(STATE_COUNT <= TIMELINE_PARTS_MAX, "an item has a part for each state");
	if (lane >= t->n_lanes)
		return;
	for (uint32_t state = 0; state < STATE_COUNT; state++) {
		uint32_t what = merged->ns[state] ? number_of(t, state, NULL) : 0;

		if (!merged->ns[state])
			continue;
		if (what == UINT32_MAX) {
			t->failed = true;
			return;
		}
		e.item.parts[e.item.n_parts++] =
			(struct timeline_part){.what = what, .ns = merged->ns[state]};
		e.item.ns += merged->ns[state];
	}
	add(t, lane, &e);
}

static void close_lane(struct timeline *t, struct timeline_lane *l, uint64_t end_ns)
{
	struct timeline_item gap = {.kind = TIMELINE_GAP};

	take_early(t, l, 0);
	if (l->end_ns < end_ns) {
		gap.ns = end_ns - l->end_ns;
		put(t, l, &gap, l->open.part);
	}
	end_block(t, l);
	free(l->early);
	l->early = NULL;
}

void timeline_close(
	struct timeline *t, uint64_t end_ns, const uint8_t phase_of_part[static PROBE_PARTS_MAX])
{
	t->bytes_most = 0; /* there is room for what remains */
	for (unsigned i = 0; i < t->n_lanes; i++)
		close_lane(t, &t->lanes[i], end_ns);
	for (size_t i = 0; i < t->n_blocks; i++)
		if (t->blocks[i].part < PROBE_PARTS_MAX)
			t->blocks[i].part = phase_of_part[t->blocks[i].part];
}

void timeline_free(struct timeline *t)
{
	if (!t)
		return;
	for (unsigned i = 0; i < t->n_lanes; i++) {
		free(t->lanes[i].open.data);
		free(t->lanes[i].early);
	}
	for (size_t i = 0; i < t->n_blocks; i++)
		free(t->blocks[i].data);
	free(t->lanes);
	free(t->blocks);
	free(t->details);
	hash_index_clear(&t->index);
	free(t);
}
