/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/books/offcpu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"

struct offcpu_pending {
	struct profile_entry key;
	uint64_t since_ns; /**< 0: it is on a CPU */
	uint32_t pid;
	uint32_t weight;
	bool unsure; /**< it may as well have been on a CPU: only its return tells */
	size_t room; /**< frames that fit */
	uint64_t frames[];
};

static bool is_of(const void *pending, size_t i, const void *pid)
{
	return ((struct offcpu_pending *const *)pending)[i]->pid == *(const uint32_t *)pid;
}

static uint64_t hash_pid(uint32_t pid)
{
	return hash_number(HASH_FIRST, pid);
}

static size_t find(const struct offcpu *o, uint32_t pid)
{
	return hash_index_find(&o->index, hash_pid(pid), is_of, o->pending, &pid);
}

/* That of thread @pid, with room for @n frames; NULL, and one more is lost, without memory. */
static struct offcpu_pending *pending_of(struct offcpu *o, uint32_t pid, size_t n)
{
	size_t i = find(o, pid);
	struct offcpu_pending *p = i == HASH_NONE ? NULL : o->pending[i], *grown = NULL;

	if (p && p->room >= n)
		return p;
	if (p || ARRAY_MORE(o->pending, o->n, 1) == 0)
		grown = realloc(p, sizeof(*p) + n * sizeof(*p->frames));
	if (grown && !p && hash_index_add(&o->index, hash_pid(pid), o->n) < 0) {
		free(grown);
		grown = NULL;
	}
	if (!grown) {
		o->lost++;
		return NULL;
	}
	grown->pid = pid;
	grown->room = n;
	o->pending[p ? i : o->n++] = grown;
	return grown;
}

void offcpu_off(struct offcpu *o, const struct record_sample *record, const uint64_t *frames)
{
	size_t n = (size_t)record->n_kernel + record->n_user;
	struct offcpu_pending *p = pending_of(o, record->pid, n);

	if (!p)
		return;
	p->key = (struct profile_entry){
		.kind = PROFILE_OFFCPU,
		.lane = record->lane,
		.tgid = record->tgid,
		.syscall = -1,
		.n_kernel = record->n_kernel,
		.n_user = record->n_user,
	};
	memcpy(p->key.thread, record->name, sizeof(p->key.thread));
	p->key.thread[sizeof(p->key.thread) - 1] = '\0';
	detail_clean_name(p->key.thread);
	p->weight = record->weight;
	p->unsure = false;
	p->since_ns = record->time_ns;
	memcpy(p->frames, frames, n * sizeof(*frames));
}

void offcpu_exit(struct offcpu *o, const struct record_sample *record, const uint64_t *frames)
{
	size_t n = record->guest.n_frames;
	struct offcpu_pending *p = pending_of(o, record->pid, n);

	if (!p)
		return;
	p->key = profile_key(PROFILE_EXITS, record, frames, 0);
	p->key.syscall = -1;
	p->weight = record->weight;
	p->unsure = true; /* without its entry it counts for nothing */
	p->since_ns = record->time_ns;
	memcpy(p->frames, p->key.guest, n * sizeof(*frames));
	p->key.guest = p->frames;
}

void offcpu_away(struct offcpu *o, const struct profile_entry *key, uint32_t pid, uint64_t since_ns,
	bool asleep)
{
	struct offcpu_pending *p = pending_of(o, pid, 0);

	if (!p)
		return;
	p->key = *key;
	p->weight = 1;
	p->unsure = !asleep;
	p->since_ns = since_ns;
}

/* It counts as @count intervals. */
static void end_one(struct offcpu *o, struct offcpu_pending *p, struct profile *profile,
	const struct phase *phases, unsigned n_phases, uint64_t now_ns, uint64_t count)
{
	double length = now_ns > p->since_ns ? (double)(now_ns - p->since_ns) : 0;

	if (p->key.lane >= 0)
		o->variance += length * length * p->weight * (p->weight - 1.0);
	for (unsigned i = 0; i < n_phases && p->since_ns; i++) {
		uint64_t begin = phases[i].start_ns;
		uint64_t end = i + 1 < n_phases ? phases[i + 1].start_ns : UINT64_MAX;
		uint64_t from = p->since_ns > begin ? p->since_ns : begin;
		uint64_t to = now_ns < end ? now_ns : end;

		if (to <= from)
			continue;
		p->key.phase = i;
		profile_note(profile,
			profile_add(profile, &p->key, p->frames, p->frames + p->key.n_kernel,
				(to - from) * p->weight, count),
			from);
	}
	p->since_ns = 0;
}

void offcpu_join(struct offcpu *o, struct profile *profile, const struct phase *phases,
	unsigned n_phases, uint32_t pid, int lane, uint64_t since_ns)
{
	size_t i = find(o, pid);
	struct offcpu_pending *p = i == HASH_NONE ? NULL : o->pending[i];

	if (!p || !p->since_ns)
		return;
	if (p->since_ns < since_ns) {
		end_one(o, p, profile, phases, n_phases, since_ns, 0); /* which goes on */
		p->since_ns = since_ns;
	}
	p->key.lane = lane;
}

void offcpu_on(struct offcpu *o, struct profile *profile, const struct phase *phases,
	unsigned n_phases, uint32_t pid, uint64_t now_ns)
{
	size_t i = find(o, pid);

	if (i != HASH_NONE && o->pending[i]->since_ns)
		end_one(o, o->pending[i], profile, phases, n_phases, now_ns, o->pending[i]->weight);
}

/* What is known of all exits for one reason. */
static void sum_exit(struct offcpu *o, const struct offcpu_pending *p, double length)
{
	struct exit_sum *s = NULL;

	for (size_t i = 0; i < o->n_exits && !s; i++)
		if (o->exits[i].cause == p->key.cause)
			s = &o->exits[i];
	if (!s && o->n_exits < EXIT_CAUSES_MAX) {
		s = &o->exits[o->n_exits++];
		*s = (struct exit_sum){.cause = p->key.cause};
	}
	if (!s)
		return;
	s->stacks++;
	s->variance += length * length * p->weight * (p->weight - 1.0);
}

/* What the time is, piece by piece; the time itself counts as so many exits. */
static void end_exit(struct offcpu *o, struct offcpu_pending *p, struct profile *profile,
	const struct phase *phases, unsigned n_phases, const struct record_entry *record,
	bool of_window)
{
	uint64_t length = record->time_ns - record->begin_ns;
	uint64_t irq_ns = record->irq_ns < length ? record->irq_ns : length;

	p->key.cause = record->cause;
	if (of_window)
		sum_exit(o, p, (double)length);
	p->since_ns = record->begin_ns;
	end_one(o, p, profile, phases, n_phases, record->time_ns - irq_ns, p->weight);
	p->key.part = PART_INTERRUPTS;
	p->since_ns = record->time_ns - irq_ns;
	end_one(o, p, profile, phases, n_phases, record->time_ns, 0);
	/* Of no exit more than was taken. */
	p->key.part = PART_OWN;
	p->weight = 1;
	p->since_ns = record->begin_ns - record->own_ns;
	end_one(o, p, profile, phases, n_phases, record->begin_ns, 0);
}

void offcpu_entry(struct offcpu *o, struct profile *profile, const struct phase *phases,
	unsigned n_phases, const struct record_entry *record, bool of_window)
{
	size_t i = find(o, record->pid);
	struct offcpu_pending *p = i == HASH_NONE ? NULL : o->pending[i];

	if (!p || !p->since_ns || record->time_ns < record->begin_ns)
		return;
	end_exit(o, p, profile, phases, n_phases, record, of_window);
}

void offcpu_finish(struct offcpu *o, struct profile *profile, const struct phase *phases,
	unsigned n_phases, uint64_t end_ns)
{
	for (size_t i = 0; i < o->n; i++) {
		struct offcpu_pending *p = o->pending[i];

		if (!p->unsure && p->since_ns && p->since_ns < end_ns)
			end_one(o, p, profile, phases, n_phases, end_ns, p->weight);
	}
}

void offcpu_done(struct offcpu *o)
{
	for (size_t i = 0; i < o->n; i++)
		free(o->pending[i]);
	free(o->pending);
	hash_index_clear(&o->index);
	memset(o, 0, sizeof(*o));
}
