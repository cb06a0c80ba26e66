/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/books/detours.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"

int detour_causes_new(struct detour_causes *ret)
{
	static const char *const fixed[DETOUR_FIXED] = {
		[DETOUR_UNMATCHED] = "unmatched",
		[DETOUR_NOT_KEPT] = "not kept",
		[DETOUR_ONCPU] = "",
		[DETOUR_LOOP] = "",
	};

	*ret = (struct detour_causes){0};
	for (size_t i = 0; i < DETOUR_FIXED; i++)
		if (ARRAY_ADD(ret->list, ret->n, (struct detour_cause){.kind = fixed[i]}) < 0)
			return -ENOMEM;
	return 0;
}

static uint64_t hash_of(const struct detour_cause *c)
{
	uint64_t hash = hash_bytes(HASH_FIRST, c->kind, strlen(c->kind));

	hash = hash_bytes(hash, c->detail, strlen(c->detail));
	return hash_number(hash, (uintptr_t)c->taken_by);
}

static bool is_same(const void *array, size_t i, const void *key)
{
	const struct detour_cause *a = (const struct detour_cause *)array + i, *b = key;

	return strcmp(a->kind, b->kind) == 0 && strcmp(a->detail, b->detail) == 0 &&
	       a->taken_by == b->taken_by;
}

int detour_cause_number(
	struct detour_causes *c, const char *kind, const char *detail, const char *taken_by)
{
	struct detour_cause fresh = {.kind = kind, .taken_by = taken_by};
	uint64_t hash;
	size_t i;

	strncpy(fresh.detail, detail, sizeof(fresh.detail) - 1);
	hash = hash_of(&fresh);
	i = hash_index_find(&c->index, hash, is_same, c->list, &fresh);
	if (i != HASH_NONE)
		return (int)i;
	if (ARRAY_ADD(c->list, c->n, fresh) < 0)
		return -ENOMEM;
	if (hash_index_add(&c->index, hash, c->n - 1) < 0) {
		c->n--;
		return -ENOMEM;
	}
	return (int)c->n - 1;
}

void detour_causes_done(struct detour_causes *c)
{
	free(c->list);
	hash_index_clear(&c->index);
	*c = (struct detour_causes){0};
}

/* Of a detour: time on the lane's CPU, between what is known. */
struct piece {
	uint64_t begin_ns, end_ns;
	uint64_t before_ns,
		after_ns;       /* length of the spans beside it in the detour; 0: there is none */
	uint32_t before, after; /* their causes */
};

/* What is being worked out of one detour. */
struct work {
	struct detour_sum *sums;
	uint64_t *ns;      /* by cause, of this detour */
	uint64_t *sampled; /* by cause: time that samples showed */
	uint32_t *touched; /* causes that have some of it */
	size_t n_touched;
	struct piece *pieces;
	size_t n_pieces;
	uint64_t open_ns; /* on its CPU, and not explained yet */
};

static void give(struct work *w, uint32_t cause, uint64_t ns)
{
	if (!ns)
		return;
	if (!w->ns[cause])
		w->touched[w->n_touched++] = cause;
	w->ns[cause] += ns;
	w->sums[cause].ns += ns;
}

/* Who is in merged spans besides the lane's own computing goes first: a detour is when that does not go on. */
static void give_merged(struct work *w, struct detour_span *s, uint64_t begin, uint64_t end)
{
	uint64_t left = end - begin;

	for (size_t turn = 0; turn < 2; turn++) {
		for (uint32_t i = 0; i <= s->n_more && left; i++) {
			uint64_t has = s[i].end_ns - s[i].begin_ns;
			uint64_t taken = has < left ? has : left;

			if ((s[i].cause == DETOUR_ONCPU) != (turn == 1))
				continue;
			if (s[i].cause == DETOUR_ONCPU)
				w->open_ns += taken;
			else
				give(w, s[i].cause, taken);
			s[i].begin_ns += taken;
			left -= taken;
		}
	}
	w->open_ns += left; /* others have had it */
}

static int add_piece(struct work *w, uint64_t begin, uint64_t end)
{
	return ARRAY_ADD(w->pieces, w->n_pieces, (struct piece){.begin_ns = begin, .end_ns = end});
}

/* Lengths of merged spans are moved out of their order, so the whole is in the first and last. */
struct extent {
	uint64_t begin_ns, end_ns;
};

/* What the spans from @first on have of @d. */
static int take_spans(struct work *w, const struct detour_lane *lane, const struct extent *extents,
	size_t first, const struct explained_detour *d)
{
	uint64_t at = d->begin_ns, known_ns = 0, known_end = 0;
	uint32_t known = DETOUR_UNMATCHED;

	w->n_pieces = 0;
	for (size_t i = first; i < lane->n_spans && extents[i].begin_ns < d->end_ns;
		i += 1 + lane->spans[i].n_more) {
		struct detour_span *s = &lane->spans[i];
		uint64_t begin = extents[i].begin_ns > at ? extents[i].begin_ns : at;
		uint64_t end = extents[i].end_ns < d->end_ns ? extents[i].end_ns : d->end_ns;
		bool is_known = s->cause != DETOUR_ONCPU || s->n_more;

		if (end <= begin)
			continue;
		give(w, DETOUR_UNMATCHED, begin - at); /* of which nothing is known */
		at = end;
		if (s->n_more)
			give_merged(w, s, begin, end);
		else if (is_known)
			give(w, s->cause, end - begin);
		else if (add_piece(w, begin, end) < 0)
			return -ENOMEM;
		if (!is_known) {
			w->pieces[w->n_pieces - 1].before = known;
			w->pieces[w->n_pieces - 1].before_ns = known_end == begin ? known_ns : 0;
			known_ns = 0;
			continue;
		}
		if (s->n_more) {
			known_ns = 0;
			continue;
		}
		if (w->n_pieces && w->pieces[w->n_pieces - 1].end_ns == begin) {
			w->pieces[w->n_pieces - 1].after = s->cause;
			w->pieces[w->n_pieces - 1].after_ns = end - begin;
		}
		known = s->cause;
		known_ns = end - begin;
		known_end = end;
	}
	give(w, DETOUR_UNMATCHED, d->end_ns - at);
	return 0;
}

/* The cause that is said of @p by the sample that ended it, which was taken in the interrupt after it. DETOUR_LOOP: none. */
static uint32_t hint_of(const struct detour_lane *lane, const struct piece *p)
{
	uint64_t until = p->end_ns + p->after_ns;
	size_t i = ARRAY_BISECT(lane->hints, lane->n_hints, h, h->time_ns < p->end_ns);

	for (; i < lane->n_hints && lane->hints[i].time_ns <= until; i++)
		if (lane->hints[i].cause != DETOUR_LOOP)
			return lane->hints[i].cause;
	return DETOUR_LOOP;
}

static uint64_t around(uint64_t beside_ns, uint64_t left)
{
	uint64_t most = beside_ns > DETOUR_AROUND_NS ? beside_ns : DETOUR_AROUND_NS;

	return !beside_ns ? 0 : most < left ? most : left;
}

static void take_around(struct work *w, uint32_t cause, uint64_t ns)
{
	give(w, cause, ns);
	w->sums[cause].around_ns += ns;
}

static void explain_piece(struct work *w, const struct detour_lane *lane, const struct piece *p)
{
	uint64_t left = p->end_ns - p->begin_ns, part;
	uint32_t hint = hint_of(lane, p);

	/* A sample at the begin of a detour shows what was before it. */
	if (hint != DETOUR_LOOP && (left > DETOUR_AROUND_NS || !p->after_ns)) {
		give(w, hint, left);
		w->sampled[hint] += left;
		w->sums[hint].sampled_ns += left;
		return;
	}
	part = around(p->before_ns, left);
	take_around(w, p->before, part);
	left -= part;
	part = around(p->after_ns, left);
	take_around(w, p->after, part);
	w->open_ns += left - part;
}

/* In the proportion of what samples showed of the rest, the last cause taking what rounding leaves. */
static void split_open(struct work *w)
{
	uint64_t whole = 0, open = w->open_ns, left = open;
	uint32_t last = DETOUR_UNMATCHED;

	for (size_t i = 0; i < w->n_touched; i++) {
		uint32_t cause = w->touched[i];

		whole += w->sampled[cause];
		last = w->sampled[cause] ? cause : last;
	}
	for (size_t i = 0, n = w->n_touched; i < n && whole; i++) {
		uint32_t cause = w->touched[i];
		uint64_t part = (uint64_t)((unsigned __int128)open * w->sampled[cause] / whole);

		part = cause == last ? left : part < left ? part : left;
		if (!w->sampled[cause])
			continue;
		give(w, cause, part);
		w->sums[cause].sampled_ns += part;
		left -= part;
	}
	give(w, last, left);
}

static void finish(struct work *w, struct explained_detour *d)
{
	uint32_t most = DETOUR_UNMATCHED;

	for (size_t i = 0; i < w->n_touched; i++)
		if (w->ns[w->touched[i]] > w->ns[most])
			most = w->touched[i];
	d->cause = most;
	d->cause_ns = w->ns[most];
	w->sums[most].detours++;
	for (size_t i = 0; i < w->n_touched; i++)
		w->ns[w->touched[i]] = w->sampled[w->touched[i]] = 0;
	w->n_touched = 0;
	w->open_ns = 0;
}

static int explain_all(struct work *w, const struct detour_lane *lane, const struct extent *extents,
	struct explained_detour *d, size_t n)
{
	size_t first = 0;

	for (size_t i = 0; i < n; i++) {
		while (first < lane->n_spans && extents[first].end_ns <= d[i].begin_ns)
			first += 1 + lane->spans[first].n_more;
		if (take_spans(w, lane, extents, first, &d[i]) < 0)
			return -ENOMEM;
		for (size_t k = 0; k < w->n_pieces; k++)
			explain_piece(w, lane, &w->pieces[k]);
		split_open(w);
		finish(w, &d[i]);
	}
	return 0;
}

int detours_explain(const struct detour_lane *lane, const struct detour_causes *causes,
	struct explained_detour *d, size_t n, struct detour_sum *sums)
{
	_cleanup_free_ struct extent *extents = calloc(lane->n_spans + 1, sizeof(*extents));
	_cleanup_free_ uint64_t *ns = calloc(causes->n, sizeof(*ns));
	_cleanup_free_ uint64_t *sampled = calloc(causes->n, sizeof(*sampled));
	_cleanup_free_ uint32_t *touched = calloc(causes->n, sizeof(*touched));
	struct work w = {.sums = sums, .ns = ns, .sampled = sampled, .touched = touched};
	int r = extents && ns && sampled && touched ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < lane->n_spans; i++)
		extents[i] = (struct extent){
			lane->spans[i].begin_ns, lane->spans[i + lane->spans[i].n_more].end_ns};
	if (r == 0)
		r = explain_all(&w, lane, extents, d, n);
	free(w.pieces);
	return r;
}
