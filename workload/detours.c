/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workload/detours.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "workload/digits.h"

static bool is_shorter(const struct detour *a, const struct detour *b)
{
	return a->end - a->begin < b->end - b->begin;
}

static bool is_later(const struct detour *a, const struct detour *b)
{
	return a->begin > b->begin;
}

/* What is at @i of a heap of @n moves down to its place. */
static void sift_down(struct detour *heap, size_t n, size_t i,
	bool (*goes_up)(const struct detour *a, const struct detour *b))
{
	for (;;) {
		size_t best = i, left = 2 * i + 1;
		struct detour held = heap[i];

		if (left < n && goes_up(&heap[left], &heap[best]))
			best = left;
		if (left + 1 < n && goes_up(&heap[left + 1], &heap[best]))
			best = left + 1;
		if (best == i)
			return;
		heap[i] = heap[best];
		heap[best] = held;
		i = best;
	}
}

void detours_add(struct detours *d, uint64_t begin, uint64_t end)
{
	struct detour fresh = {begin, end};
	size_t i = d->n_kept;

	d->n++;
	d->ticks += end - begin;
	if (d->n_kept == d->room) {
		if (d->room && is_shorter(&d->kept[0], &fresh)) {
			d->kept[0] = fresh;
			sift_down(d->kept, d->n_kept, 0, is_shorter);
		}
		return;
	}
	d->n_kept++;
	for (; i > 0 && is_shorter(&fresh, &d->kept[(i - 1) / 2]); i = (i - 1) / 2)
		d->kept[i] = d->kept[(i - 1) / 2];
	d->kept[i] = fresh;
}

void detours_sort(struct detours *d)
{
	for (size_t i = d->n_kept / 2; i-- > 0;)
		sift_down(d->kept, d->n_kept, i, is_later);
	for (size_t n = d->n_kept; n > 1; n--) {
		struct detour last = d->kept[0];

		d->kept[0] = d->kept[n - 1];
		d->kept[n - 1] = last;
		sift_down(d->kept, n - 1, 0, is_later);
	}
}

void detours_encode_head(char ret_body[MARKER_LINE_MAX], const char *kernel, unsigned worker,
	const struct detours *d)
{
	snprintf(ret_body, MARKER_LINE_MAX,
		"detours kernel=%s worker=%u n=%" PRIu64 " ticks=%" PRIu64 " kept=%zu", kernel,
		worker, d->n, d->ticks, d->n_kept);
}

int detours_encode_times(char ret_body[MARKER_LINE_MAX], const char *kernel, unsigned worker,
	const struct detours *d, size_t *from)
{
	char data[DISTRIBUTION_DATA_MAX], *to = data;
	uint64_t first, end;

	if (*from >= d->n_kept)
		return 0;
	first = end = d->kept[*from].begin;
	for (; *from < d->n_kept; ++*from) {
		const struct detour *one = &d->kept[*from];

		if ((size_t)(to - data) + 2UL * DIGITS_MAX > sizeof(data))
			break;
		to = digits_put(to, one->begin - end);
		to = digits_put(to, one->end - one->begin);
		end = one->end;
	}
	snprintf(ret_body, MARKER_LINE_MAX,
		"detour-times kernel=%s worker=%u t=%" PRIu64 " data=%.*s", kernel, worker, first,
		(int)(to - data), data);
	return 1;
}

/* No store holds more. */
static int get(const struct marker *m, const char *key, uint64_t *ret)
{
	int r = marker_get_u64(m, key, ret);

	if (r < 0)
		return r == -ENODATA ? r : -EBADMSG;
	return *ret > INT64_MAX ? -EBADMSG : 0;
}

int detours_decode_head(const struct marker *m, struct detours_head *ret)
{
	const char *kernel = marker_get(m, "kernel");
	struct detours_head h = {.worker = 0};
	int r;

	if (strcmp(m->kind, "detours") != 0 || !kernel)
		return -ENODATA;
	if (!*kernel || strlen(kernel) >= sizeof(h.kernel))
		return -EBADMSG;
	memcpy(h.kernel, kernel, strlen(kernel) + 1);
	r = get(m, "worker", &h.worker);
	if (r == 0)
		r = get(m, "n", &h.n);
	if (r == 0)
		r = get(m, "ticks", &h.ticks);
	if (r == 0)
		r = get(m, "kept", &h.kept);
	if (r < 0)
		return r;
	if (h.kept > h.n || h.kept > DETOURS_KEPT_MAX)
		return -EBADMSG;
	*ret = h;
	return 0;
}

int detours_decode_times(const struct marker *m, struct detour *ret, size_t room, size_t *n)
{
	const char *text = marker_get(m, "data");
	uint64_t at, gap, length;

	if (strcmp(m->kind, "detour-times") != 0 || !text || get(m, "t", &at) < 0)
		return -ENODATA;
	while (*text) {
		if (digits_get(&text, &gap) < 0 || digits_get(&text, &length) < 0 || *n >= room ||
			gap > INT64_MAX - at || length > INT64_MAX - at - gap)
			return -EBADMSG;
		ret[*n].begin = at + gap;
		at += gap + length;
		ret[(*n)++].end = at;
	}
	return 0;
}
