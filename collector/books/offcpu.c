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
	uint32_t others; /**< a long one: so many more like it are taken to be among the missed */
	bool unsure;     /**< it may as well have been on a CPU: only its return tells */
	size_t room;     /**< frames that fit */
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

/* Without a stack. */
static struct profile_entry key_of(int lane, uint32_t tgid, const char *name)
{
	struct profile_entry key = {
		.kind = PROFILE_OFFCPU,
		.lane = lane,
		.tgid = tgid,
		.syscall = -1,
	};

	memcpy(key.thread, name, sizeof(key.thread));
	key.thread[sizeof(key.thread) - 1] = '\0';
	detail_clean_name(key.thread);
	return key;
}

void offcpu_off(struct offcpu *o, const struct record_sample *record, const uint64_t *frames)
{
	size_t n = (size_t)record->n_kernel + record->n_user;
	struct offcpu_pending *p = pending_of(o, record->pid, n);

	if (!p)
		return;
	p->key = key_of(record->lane, record->tgid, record->name);
	p->key.n_kernel = record->n_kernel;
	p->key.n_user = record->n_user;
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

/* A long one of a lane counts as itself: those that were not taken come by offcpu_long(). */
static void weigh(struct offcpu *o, struct offcpu_pending *p, uint64_t now_ns)
{
	uint64_t ns = now_ns > p->since_ns ? now_ns - p->since_ns : 0;

	p->others = 0;
	if (p->key.lane < 0)
		return;
	if (ns >= OFFCPU_LONG_NS) {
		p->others = p->weight - 1;
		p->weight = 1;
	}
	o->variance += (double)ns * (double)ns * p->weight * (p->weight - 1.0);
}

/* Entry @entry of the profile is to have a part of the missed time, in proportion to all @ns. */
static void share_add(struct offcpu *o, size_t entry, uint64_t ns)
{
	if (!ns || entry == PROFILE_LOST)
		return;
	if (ARRAY_MORE(o->shares, o->n_shares, 1) < 0) {
		o->lost++;
		return;
	}
	o->shares[o->n_shares++] = (struct offcpu_share){entry, ns};
}

struct piece {
	uint64_t from, ns;
};

/* What of the time from @from to @to lies in phase @k. The last has no end. */
static struct piece time_in_phase(
	const struct phase *phases, unsigned n_phases, unsigned k, uint64_t from, uint64_t to)
{
	uint64_t begin = phases[k].start_ns;
	uint64_t end = k + 1 < n_phases ? phases[k + 1].start_ns : UINT64_MAX;

	from = from > begin ? from : begin;
	to = to < end ? to : end;
	return (struct piece){from, to > from ? to - from : 0};
}

/* It counts as @count intervals. */
static void end_one(struct offcpu *o, struct offcpu_pending *p, struct profile *profile,
	const struct phase *phases, unsigned n_phases, uint64_t now_ns, uint64_t count)
{
	for (unsigned i = 0; i < n_phases && p->since_ns; i++) {
		struct piece piece = time_in_phase(phases, n_phases, i, p->since_ns, now_ns);
		size_t entry;

		if (!piece.ns)
			continue;
		p->key.phase = i;
		entry = profile_add(profile, &p->key, p->frames, p->frames + p->key.n_kernel,
			piece.ns * p->weight, count);
		profile_note(profile, entry, piece.from);
		share_add(o, entry, piece.ns * p->others);
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

	if (i == HASH_NONE || !o->pending[i]->since_ns)
		return;
	weigh(o, o->pending[i], now_ns);
	end_one(o, o->pending[i], profile, phases, n_phases, now_ns, o->pending[i]->weight);
}

void offcpu_long(struct offcpu *o, const struct record_long *record)
{
	if (ARRAY_MORE(o->missed, o->n_missed, 1) < 0)
		o->lost++;
	else
		o->missed[o->n_missed++] = *record;
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

static bool is_share_of(const struct offcpu_share *s, const struct profile *profile,
	const struct profile_entry *key)
{
	const struct profile_entry *e = profile->entries[s->entry];

	return e->lane == key->lane && e->phase == key->phase;
}

/* So much time of @key's lane and phase, of which no stack is known, is divided among those of which one is. */
static void share_out(
	const struct offcpu *o, struct profile *profile, const struct profile_entry *key)
{
	struct offcpu_share *most = NULL;
	uint64_t left = key->weight_ns;
	double all = 0;

	for (size_t i = 0; i < o->n_shares; i++) {
		if (!is_share_of(&o->shares[i], profile, key))
			continue;
		all += (double)o->shares[i].ns;
		if (!most || o->shares[i].ns > most->ns)
			most = &o->shares[i];
	}
	if (!most) {
		profile_add(profile, key, NULL, NULL, left, key->count);
		return;
	}
	for (size_t i = 0; i < o->n_shares; i++) {
		uint64_t part =
			(uint64_t)((double)key->weight_ns * ((double)o->shares[i].ns / all));

		if (!is_share_of(&o->shares[i], profile, key))
			continue;
		part = part < left ? part : left;
		profile->entries[o->shares[i].entry]->weight_ns += part;
		left -= part;
	}
	profile->entries[most->entry]->weight_ns += left;
	profile->entries[most->entry]->count += key->count;
}

/* The time of all intervals that were missed, by lane, phase and thread. */
struct gaps {
	struct profile_entry *keys;
	size_t n;
};

static void gap_add(struct offcpu *o, struct gaps *gaps, const struct record_long *m,
	unsigned phase, uint64_t ns)
{
	struct profile_entry *key = NULL;

	for (size_t i = gaps->n; i-- > 0 && !key;)
		if (gaps->keys[i].lane == m->lane && gaps->keys[i].phase == phase &&
			gaps->keys[i].tgid == m->tgid)
			key = &gaps->keys[i];
	if (!key && ARRAY_MORE(gaps->keys, gaps->n, 1) == 0) {
		key = &gaps->keys[gaps->n++];
		*key = key_of(m->lane, m->tgid, m->name);
		key->phase = phase;
	}
	if (!key) {
		o->lost++;
		return;
	}
	key->weight_ns += ns;
	key->count++;
}

static void finish_missed(struct offcpu *o, struct profile *profile, const struct phase *phases,
	unsigned n_phases, uint64_t end_ns)
{
	struct gaps gaps = {0};

	for (size_t i = 0; i < o->n_missed; i++) {
		const struct record_long *m = &o->missed[i];
		uint64_t end = m->time_ns < end_ns ? m->time_ns : end_ns;

		for (unsigned k = 0; k < n_phases; k++) {
			uint64_t ns = time_in_phase(phases, n_phases, k, m->begin_ns, end).ns;

			if (ns)
				gap_add(o, &gaps, m, k, ns);
		}
	}
	for (size_t i = 0; i < gaps.n; i++)
		share_out(o, profile, &gaps.keys[i]);
	free(gaps.keys);
}

void offcpu_finish(struct offcpu *o, struct profile *profile, const struct phase *phases,
	unsigned n_phases, uint64_t end_ns)
{
	for (size_t i = 0; i < o->n; i++) {
		struct offcpu_pending *p = o->pending[i];

		if (p->unsure || !p->since_ns || p->since_ns >= end_ns)
			continue;
		weigh(o, p, end_ns);
		end_one(o, p, profile, phases, n_phases, end_ns, p->weight);
	}
	finish_missed(o, profile, phases, n_phases, end_ns);
}

void offcpu_done(struct offcpu *o)
{
	for (size_t i = 0; i < o->n; i++)
		free(o->pending[i]);
	free(o->pending);
	free(o->shares);
	free(o->missed);
	hash_index_clear(&o->index);
	memset(o, 0, sizeof(*o));
}
