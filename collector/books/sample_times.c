/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/books/sample_times.h"

#include <string.h>

#include "common/array.h"
#include "common/timeline_code.h"

struct sample_times *sample_times_new(size_t bytes_most)
{
	struct sample_times *t = calloc(1, sizeof(*t));

	if (t)
		t->bytes_most = bytes_most;
	return t;
}

/* The lane's last block, if there is room; else a new one. NULL: no memory. */
static struct sample_block *block_of(struct sample_times *t, int lane, uint64_t time_ns)
{
	struct sample_block *b;

	for (size_t i = t->n; i-- > 0;) {
		b = &t->blocks[i];
		if (b->lane == lane && b->bytes <= SAMPLE_BLOCK_BYTES - SAMPLE_TIME_BYTES)
			return b;
		if (b->lane == lane)
			break;
	}
	b = ARRAY_PUSH(t->blocks, t->n);
	if (b)
		*b = (struct sample_block){.lane = lane, .begin_ns = time_ns, .last_ns = time_ns};
	return b;
}

void sample_times_add(struct sample_times *t, int lane, uint64_t time_ns, size_t number)
{
	bool full = t->bytes_most && t->bytes >= t->bytes_most;
	struct sample_block *b = full ? NULL : block_of(t, lane, time_ns);
	uint8_t bytes[SAMPLE_TIME_BYTES];
	size_t n;

	if (!b) {
		t->missing++;
		return;
	}
	n = sample_time_put(bytes, (int64_t)(time_ns - b->last_ns), number);
	if (ARRAY_MORE(b->data, b->bytes, n) < 0) {
		t->missing++;
		return;
	}
	memcpy(b->data + b->bytes, bytes, n);
	b->bytes += n;
	b->last_ns = time_ns;
	b->samples++;
	t->bytes += n;
}

void sample_times_free(struct sample_times *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++)
		free(t->blocks[i].data);
	free(t->blocks);
	free(t);
}
