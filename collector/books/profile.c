/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/books/profile.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "collector/books/detail.h"
#include "common/array.h"
#include "common/cleanup.h"

/* A run's memory is bounded: past this many different stacks further ones are counted as lost. */
#define ENTRIES_MAX 262144

static uint64_t hash_words(uint64_t hash, const uint64_t *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hash = hash_number(hash, words[i]);
	return hash;
}

static uint64_t pair(uint32_t a, uint32_t b)
{
	return (uint64_t)a << 32 | b;
}

static uint64_t hash_entry(
	const struct profile_entry *e, const uint64_t *kernel, const uint64_t *user)
{
	uint64_t hash = HASH_FIRST;
	uint64_t head[] = {pair(e->kind, e->phase), pair((uint32_t)e->lane, e->tgid),
		pair(e->mode, e->state), pair((uint32_t)e->syscall, e->guest_end),
		pair(e->n_kernel, e->n_user), pair(e->n_guest, e->guest_privilege), e->guest_thread,
		e->guest_caller, pair(e->guest_pushed, e->user_end), e->guest_space,
		pair(e->guest_task.process, e->guest_task.execs), pair(e->guest_task.kind, e->part),
		e->cause, 0, 0, 0, 0};

	static_assert(
		sizeof(e->thread) == 2 * sizeof(*head), "each name takes two of the last words");
	memcpy(&head[ARRAY_SIZE(head) - 2], e->thread, sizeof(e->thread));
	memcpy(&head[ARRAY_SIZE(head) - 4], e->guest_task.name, sizeof(e->guest_task.name));
	hash = hash_words(hash, head, ARRAY_SIZE(head));
	hash = hash_words(hash, kernel, e->n_kernel);
	hash = hash_words(hash, user, e->n_user);
	return hash_words(hash, e->guest, e->n_guest);
}

/* An entry that is looked for. */
struct query {
	const struct profile_entry *key;
	const uint64_t *kernel, *user;
};

static bool is_entry(const void *entries, size_t i, const void *query)
{
	const struct profile_entry *a = ((struct profile_entry *const *)entries)[i];
	const struct query *q = query;
	const struct profile_entry *key = q->key;

	return a->n_guest == key->n_guest && a->guest_end == key->guest_end &&
	       a->guest_thread == key->guest_thread && a->guest_caller == key->guest_caller &&
	       a->guest_pushed == key->guest_pushed && a->user_end == key->user_end &&
	       a->guest_space == key->guest_space && a->cause == key->cause &&
	       a->part == key->part &&
	       memcmp(&a->guest_task, &key->guest_task, sizeof(a->guest_task)) == 0 &&
	       a->guest_privilege == key->guest_privilege && a->kind == key->kind &&
	       a->phase == key->phase && a->lane == key->lane && a->tgid == key->tgid &&
	       a->mode == key->mode && a->state == key->state && a->syscall == key->syscall &&
	       a->n_kernel == key->n_kernel && a->n_user == key->n_user &&
	       memcmp(a->thread, key->thread, sizeof(a->thread)) == 0 &&
	       (!key->n_kernel ||
		       memcmp(a->frames, q->kernel, key->n_kernel * sizeof(*q->kernel)) == 0) &&
	       (!key->n_user || memcmp(a->frames + key->n_kernel, q->user,
					key->n_user * sizeof(*q->user)) == 0) &&
	       (!key->n_guest ||
		       memcmp(a->guest, key->guest, key->n_guest * sizeof(*key->guest)) == 0);
}

static struct profile_entry *new_entry(
	const struct profile_entry *key, const uint64_t *kernel, const uint64_t *user)
{
	size_t n = (size_t)key->n_kernel + key->n_user + key->n_guest;
	struct profile_entry *e = malloc(sizeof(*e) + n * sizeof(uint64_t));

	if (!e)
		return NULL;
	*e = *key;
	e->weight_ns = e->count = 0;
	e->frames = (uint64_t *)(e + 1);
	if (key->n_kernel)
		memcpy(e->frames, kernel, key->n_kernel * sizeof(*kernel));
	if (key->n_user)
		memcpy(e->frames + key->n_kernel, user, key->n_user * sizeof(*user));
	e->guest = e->frames + key->n_kernel + key->n_user;
	if (key->n_guest)
		memcpy(e->frames + key->n_kernel + key->n_user, key->guest,
			key->n_guest * sizeof(*key->guest));
	return e;
}

size_t profile_add(struct profile *p, const struct profile_entry *key, const uint64_t *kernel,
	const uint64_t *user, uint64_t weight_ns, uint64_t count)
{
	const struct query query = {key, kernel, user};
	uint64_t hash = hash_entry(key, kernel, user);
	size_t i = hash_index_find(&p->index, hash, is_entry, p->entries, &query);
	struct profile_entry *e;

	if (i == HASH_NONE) {
		e = p->n < ENTRIES_MAX ? new_entry(key, kernel, user) : NULL;
		if (!e || ARRAY_MORE(p->entries, p->n, 1) < 0 ||
			hash_index_add(&p->index, hash, p->n) < 0) {
			free(e);
			p->lost += count;
			return PROFILE_LOST;
		}
		i = p->n++;
		p->entries[i] = e;
	}
	p->entries[i]->weight_ns += weight_ns;
	p->entries[i]->count += count;
	return i;
}

void profile_note(struct profile *p, size_t i, uint64_t time_ns)
{
	if (p->times && i != PROFILE_LOST)
		sample_times_add(p->times, p->entries[i]->lane, time_ns, i);
}

void profile_thread_name(const struct guest_task *t, char ret[static PROBE_NAME_SIZE])
{
	memset(ret, 0, PROBE_NAME_SIZE);
	if (t->kind != GUEST_TASK_THREAD)
		return;
	memcpy(ret, t->name, strnlen(t->name, PROBE_NAME_SIZE - 1));
	detail_clean_name(ret);
}

/*
 * Threads of a guest's kernel are as many as it has CPUs and more, and what they are called behind
 * a sign changes with what they do: kworker/0:1-events is one of kworker.
 */
static void clean_task(struct guest_task *t)
{
	size_t n;

	if (t->kind == GUEST_TASK_THREAD) { /* threads of one name are one here */
		struct guest_task named = {.kind = t->kind};

		profile_thread_name(t, named.name);
		*t = named;
		return;
	}
	if (t->kind != GUEST_TASK_PROCESS && t->kind != GUEST_TASK_KERNEL) {
		*t = (struct guest_task){.kind = t->kind};
		return;
	}
	t->name[sizeof(t->name) - 1] = '\0';
	n = t->kind == GUEST_TASK_KERNEL ? strcspn(t->name, "/:") : strlen(t->name);
	memset(t->name + n, 0, sizeof(t->name) - n);
	detail_clean_name(t->name);
}

struct profile_entry profile_key(enum profile_kind kind, const struct record_sample *s,
	const uint64_t *frames, uint32_t phase)
{
	struct profile_entry key = {
		.kind = kind,
		.phase = phase,
		.lane = s->lane,
		.tgid = s->tgid,
		.mode = s->mode,
		.state = s->state,
		.syscall = s->syscall,
		.ip = s->ip,
		.n_kernel = s->n_kernel,
		.n_user = s->n_user,
		.user_end = s->user_end,
		.n_guest = s->guest.n_frames,
		.guest = frames + s->n_kernel + s->n_user,
		.guest_end = s->guest.end,
		.guest_thread = s->guest.fs_base,
		.guest_caller = s->guest.caller,
		.guest_pushed = s->guest.pushed,
		.guest_privilege = s->guest.privilege,
		.guest_space = s->guest.space,
		.guest_task = s->guest.task,
	};

	memcpy(key.thread, s->name, sizeof(key.thread) - 1);
	detail_clean_name(key.thread);
	clean_task(&key.guest_task);
	return key;
}

void profile_add_sample(struct profile *p, const struct record_sample *s, const uint64_t *frames,
	uint32_t phase, uint64_t weight_ns)
{
	struct profile_entry key = profile_key(PROFILE_ONCPU, s, frames, phase);

	profile_note(
		p, profile_add(p, &key, frames, frames + s->n_kernel, weight_ns, 1), s->time_ns);
}

void profile_take_back(struct profile *p)
{
	/* Where the index has them they are not found any more. */
	for (size_t i = 0; i < p->n; i++)
		p->entries[i]->phase = 0;
}

void profile_done(struct profile *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->entries[i]);
	free(p->entries);
	hash_index_clear(&p->index);
	sample_times_free(p->times);
	memset(p, 0, sizeof(*p));
}
