/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/time/time_samples.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/timeline_code.h"
#include "reports/store/stack_order.h"
#include "reports/text/json_text.h"
#include "reports/time/base64.h"
#include "reports/time/time_data.h"

/* More rows than any collector keeps. */
#define SAMPLES_MOST (1 << 20)

bool time_has_samples(struct store_reader *store)
{
	return store_has_table(store, "sample_time") && store_has_column(store, "sample", "number");
}

void time_samples_clear(struct time_samples *s)
{
	free(s->frames);
	free(s->stacks);
	free(s->list);
	hash_index_clear(&s->frame_index);
	hash_index_clear(&s->stack_index);
	memset(s, 0, sizeof(*s));
}

/* With its end, so that two texts are not those of another border between them. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
	return hash_bytes(hash, text, strlen(text) + 1);
}

static bool is_frame(const void *frames, size_t i, const void *key)
{
	const struct time_frame *a = (const struct time_frame *)frames + i, *b = key;

	return a->inlined == b->inlined && strcmp(a->symbol, b->symbol) == 0 &&
	       strcmp(a->module, b->module) == 0 && strcmp(a->side, b->side) == 0;
}

static bool is_stack(const void *stacks, size_t i, const void *key)
{
	const struct time_stack *a = (const struct time_stack *)stacks + i, *b = key;

	return a->parent == b->parent && a->frame == b->frame;
}

static int frame_of(struct time_samples *s, const struct time_frame *frame, size_t *ret)
{
	uint64_t hash = hash_number(
		hash_text(hash_text(HASH_FIRST, frame->symbol), frame->module), frame->inlined);

	*ret = hash_index_find(&s->frame_index, hash, is_frame, s->frames, frame);
	if (*ret != HASH_NONE)
		return 0;
	*ret = s->n_frames;
	if (ARRAY_ADD(s->frames, s->n_frames, *frame) < 0)
		return -ENOMEM;
	return hash_index_add(&s->frame_index, hash, *ret);
}

static int push(struct time_samples *s, const struct time_frame *frame, int64_t *stack)
{
	struct time_stack key = {.parent = *stack};
	int r = frame_of(s, frame, &key.frame);
	uint64_t hash = hash_number(hash_number(HASH_FIRST, (uint64_t)key.parent), key.frame);
	size_t i;

	if (r < 0)
		return r;
	i = hash_index_find(&s->stack_index, hash, is_stack, s->stacks, &key);
	if (i == HASH_NONE) {
		i = s->n_stacks;
		if (ARRAY_ADD(s->stacks, s->n_stacks, key) < 0 ||
			hash_index_add(&s->stack_index, hash, i) < 0)
			return -ENOMEM;
	}
	*stack = (int64_t)i;
	return 0;
}

static int push_all(
	struct time_samples *s, const struct store_stacks *stacks, struct time_sample *sample)
{
	const struct store_frame *frames[STACK_DEPTH_MAX];
	size_t n = stack_order_frames(stacks, sample->store_stack, frames);
	int64_t stack = -1;
	int r = push(s, &(struct time_frame){"thread", "", sample->thread, false}, &stack);

	while (r >= 0 && n-- > 0)
		r = push(s,
			&(struct time_frame){frames[n]->side, frames[n]->module, frames[n]->symbol,
				frames[n]->inlined},
			&stack);
	sample->stack = (size_t)stack;
	return r;
}

static int read_row(struct store_reader *store, const struct store_stacks *stacks,
	sqlite3_stmt *query, struct time_samples *s)
{
	int64_t number = store_number(query, 0), count = store_number(query, 5);
	const char *kind = store_text(store, query, 1);
	struct time_sample sample = {.thread = store_text(store, query, 2),
		.store_stack = store_number(query, 3),
		.ns = store_number(query, 4) / (count > 0 ? count : 1)};

	if (!kind || !sample.thread)
		return -ENOMEM;
	if (number < 0 || number >= SAMPLES_MOST) /* no instant has it */
		return 0;
	sample.kind = samples_kind(kind);
	while (s->n <= (size_t)number)
		if (ARRAY_ADD(s->list, s->n, (struct time_sample){.kind = SAMPLES_KINDS}) < 0)
			return -ENOMEM;
	if (sample.kind < SAMPLES_KINDS && push_all(s, stacks, &sample) < 0)
		return -ENOMEM;
	s->list[number] = sample;
	return 0;
}

int time_samples_read(struct store_reader *store, int64_t run, struct time_samples *ret)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	const struct store_stacks *stacks;
	int r = store_stacks(store, &stacks);

	if (r >= 0)
		r = store_prepare(store, &query,
			"SELECT number, kind, thread, stack, weight_ns, count FROM sample"
			" WHERE run = ?1 AND number IS NOT NULL ORDER BY number");
	if (r < 0)
		return r;
	sqlite3_bind_int64(query, 1, run);
	while ((r = store_step(store, query)) > 0) {
		r = read_row(store, stacks, query, ret);
		if (r < 0)
			break;
	}
	return r;
}

static int walk_row(sqlite3_stmt *query, size_t n, time_sample_visit_t visit, void *userdata)
{
	const void *data = sqlite3_column_blob(query, 2);
	struct timeline_reader reader = timeline_read(data, (size_t)sqlite3_column_bytes(query, 2),
		(uint64_t)sqlite3_column_int64(query, 1));
	struct sample_time at;
	int r;

	while ((r = sample_time_next(&reader, &at)) > 0) {
		r = at.number < n
			    ? visit(sqlite3_column_int64(query, 0), at.time_ns, at.number, userdata)
			    : -EBADMSG;
		if (r < 0)
			return r;
	}
	return r;
}

int time_samples_walk(struct store_reader *store, int64_t run, size_t n, time_sample_visit_t visit,
	void *userdata)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	int r = store_prepare(store, &query,
		"SELECT lane, begin_ns, data FROM sample_time WHERE run = ?1 ORDER BY lane, begin_ns");

	if (r < 0)
		return r;
	sqlite3_bind_int64(query, 1, run);
	while ((r = store_step(store, query)) > 0) {
		r = walk_row(query, n, visit, userdata);
		if (r < 0)
			return r;
	}
	return r;
}

static void put_stacks(const struct time_samples *s, FILE *out)
{
	fputs(",\n\"frames\":[", out);
	for (size_t i = 0; i < s->n_frames; i++) {
		const struct time_frame *f = &s->frames[i];

		fputs(i ? ",[" : "[", out);
		json_put_text(out, f->side);
		fputc(',', out);
		json_put_text(out, f->module);
		fputc(',', out);
		json_put_text(out, f->symbol);
		fprintf(out, ",%d]", f->inlined);
	}
	fputs("],\n\"stacks\":[", out);
	for (size_t i = 0; i < s->n_stacks; i++)
		fprintf(out, "%s%" PRId64 ",%zu", i ? "," : "", s->stacks[i].parent,
			s->stacks[i].frame);
	fputs("],\n\"samples\":[", out);
	for (size_t i = 0; i < s->n; i++)
		fprintf(out, "%s%d,%zu,%" PRId64, i ? "," : "", (int)s->list[i].kind,
			s->list[i].stack, s->list[i].ns);
	fputc(']', out);
}

static int put_times(struct store_reader *store, const struct store_run *run, FILE *out)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	int n = 0, r = store_prepare(store, &query,
			   "SELECT lane, begin_ns, data FROM sample_time WHERE run = ?1"
			   " ORDER BY lane, begin_ns");

	if (r < 0)
		return r;
	sqlite3_bind_int64(query, 1, run->id);
	fputs(",\n\"times\":[", out);
	while ((r = store_step(store, query)) > 0) {
		const void *data = sqlite3_column_blob(query, 2);

		fprintf(out, "%s[%" PRId64 ",%" PRId64 ",\"", n++ ? "," : "",
			store_number(query, 0), time_since(run, store_number(query, 1)));
		base64_put(out, data, (size_t)sqlite3_column_bytes(query, 2));
		fputs("\"]", out);
	}
	fputc(']', out);
	return r;
}

int time_samples_write(struct store_reader *store, const struct store_run *run, FILE *out)
{
	_cleanup_time_samples_ struct time_samples s = {};
	int r = time_samples_read(store, run->id, &s);

	if (r < 0)
		return r;
	put_stacks(&s, out);
	return put_times(store, run, out);
}
