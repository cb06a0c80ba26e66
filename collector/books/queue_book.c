/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/books/queue_book.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"

#define ROWS_MAX ((size_t)QUEUE_SLICES_MAX * 64)

static struct queue_slice *find_slice(
	struct queue_book *b, uint32_t phase, uint32_t lane, uint64_t begin_ns)
{
	struct queue_slice *s;

	/* They come nearly in order of time. */
	for (size_t i = b->n; i-- > 0 && b->slices[i].begin_ns + 2 * b->slice_ns > begin_ns;)
		if (b->slices[i].phase == phase && b->slices[i].lane == lane &&
			b->slices[i].begin_ns == begin_ns)
			return &b->slices[i];
	if (b->n >= ROWS_MAX)
		return NULL;
	s = ARRAY_PUSH(b->slices, b->n);
	if (s)
		*s = (struct queue_slice){.phase = phase, .lane = lane, .begin_ns = begin_ns};
	return s;
}

static uint64_t begin_of(const struct queue_book *b, uint64_t time_ns)
{
	return b->start_ns + (time_ns - b->start_ns) / b->slice_ns * b->slice_ns;
}

static void add_slice(struct queue_book *b, const struct queue_slice *from)
{
	struct queue_slice *s = find_slice(b, from->phase, from->lane, begin_of(b, from->begin_ns));

	if (!s) {
		b->lost += from->ticks;
		return;
	}
	s->ticks += from->ticks;
	s->queued += from->queued;
	s->most = from->most > s->most ? from->most : s->most;
	s->lost_ticks += from->lost_ticks;
	s->lost_ns += from->lost_ns;
	s->lost_blocked_ns += from->lost_blocked_ns;
}

/* Slices become twice as long. */
static void widen(struct queue_book *b)
{
	struct queue_slice *old = b->slices;
	size_t n = b->n;

	b->slices = NULL;
	b->n = 0;
	b->slice_ns *= 2;
	for (size_t i = 0; i < n; i++)
		add_slice(b, &old[i]);
	free(old);
}

void queue_book_add(struct queue_book *b, uint32_t phase, uint32_t lane, uint64_t time_ns,
	const struct guest_queues *q, uint64_t period_ns)
{
	struct queue_slice s = {.phase = phase,
		.lane = lane,
		.begin_ns = time_ns,
		.ticks = 1,
		.queued = q->own,
		.most = q->own};
	uint64_t useful = q->idle < q->waiting ? q->idle : q->waiting;

	if (!q->cpus)
		return;
	b->ticks++;
	if (q->unread) {
		b->lost++;
		return;
	}
	if (!b->slice_ns) {
		b->start_ns = time_ns;
		b->slice_ns = QUEUE_SLICE_NS;
	}
	if (time_ns < b->start_ns) /* of another CPU */
		s.begin_ns = b->start_ns;
	while ((s.begin_ns - b->start_ns) / b->slice_ns >= QUEUE_SLICES_MAX)
		widen(b);
	if (useful) {
		s.lost_ticks = 1;
		s.lost_ns = (double)useful * (double)period_ns / (q->running ? q->running : 1);
		s.lost_blocked_ns = s.lost_ns * (double)q->halted / (double)q->idle;
	}
	add_slice(b, &s);
}

void queue_book_done(struct queue_book *b)
{
	free(b->slices);
	memset(b, 0, sizeof(*b));
}
