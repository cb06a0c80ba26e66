/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/books/profile.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

/* A run's memory is bounded: past this many different stacks further ones are counted as lost. */
#define ENTRIES_MAX 262144
#define SLOTS_FIRST 1024

/* FNV-1a, but for words in place of bytes. A product's low bits know nothing of the high ones that
 * went into it: they are folded in. */
static uint64_t hash_words(uint64_t hash, const uint64_t *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		hash = (hash ^ words[i]) * 0x100000001b3ULL;
		hash ^= hash >> 32;
	}
	return hash;
}

static uint64_t pair(uint32_t a, uint32_t b)
{
	return (uint64_t)a << 32 | b;
}

static uint64_t hash_entry(
	const struct profile_entry *e, const uint64_t *kernel, const uint64_t *user)
{
	uint64_t hash = 0xcbf29ce484222325ULL;
	uint64_t head[] = {pair(e->kind, e->phase), pair((uint32_t)e->lane, e->tgid),
		pair(e->mode, e->state), pair((uint32_t)e->syscall, e->guest_end),
		pair(e->n_kernel, e->n_user), pair(e->n_guest, e->guest_privilege), e->guest_thread,
		e->guest_caller, e->guest_pushed, 0, 0};

	static_assert(sizeof(e->thread) == 2 * sizeof(*head), "the name takes the last two words");
	memcpy(&head[ARRAY_SIZE(head) - 2], e->thread, sizeof(e->thread));
	hash = hash_words(hash, head, ARRAY_SIZE(head));
	hash = hash_words(hash, kernel, e->n_kernel);
	hash = hash_words(hash, user, e->n_user);
	return hash_words(hash, e->guest, e->n_guest);
}

/* A slot tells most stacks apart by itself: the entry, which is hardly ever in the cache, is only
 * looked at where the hash is the same. */
static uint64_t slot_of(uint64_t hash, size_t index)
{
	return (hash >> 32) << 32 | (index + 1);
}

static struct profile_entry *entry_of(const struct profile *p, uint64_t slot)
{
	return p->entries[(uint32_t)slot - 1];
}

static size_t first_place(uint64_t hash_or_slot, size_t n_slots)
{
	return (size_t)(hash_or_slot >> 32) & (n_slots - 1);
}

static bool same_entry(const struct profile_entry *a, const struct profile_entry *key,
	const uint64_t *kernel, const uint64_t *user)
{
	return a->n_guest == key->n_guest && a->guest_end == key->guest_end &&
	       a->guest_thread == key->guest_thread && a->guest_caller == key->guest_caller &&
	       a->guest_pushed == key->guest_pushed && a->guest_privilege == key->guest_privilege &&
	       a->kind == key->kind && a->phase == key->phase && a->lane == key->lane &&
	       a->tgid == key->tgid && a->mode == key->mode && a->state == key->state &&
	       a->syscall == key->syscall && a->n_kernel == key->n_kernel &&
	       a->n_user == key->n_user && memcmp(a->thread, key->thread, sizeof(a->thread)) == 0 &&
	       (!key->n_kernel ||
		       memcmp(a->frames, kernel, key->n_kernel * sizeof(*kernel)) == 0) &&
	       (!key->n_user ||
		       memcmp(a->frames + key->n_kernel, user, key->n_user * sizeof(*user)) == 0) &&
	       (!key->n_guest ||
		       memcmp(a->guest, key->guest, key->n_guest * sizeof(*key->guest)) == 0);
}

static int grow_slots(struct profile *p)
{
	size_t n_slots = p->n_slots ? 2 * p->n_slots : SLOTS_FIRST;
	uint64_t *slots = calloc(n_slots, sizeof(*slots));
	struct profile_entry **entries;

	if (!slots)
		return -ENOMEM;
	entries = realloc(p->entries, n_slots / 2 * sizeof(*entries));
	if (!entries) {
		free(slots);
		return -ENOMEM;
	}
	p->entries = entries;
	for (size_t i = 0; i < p->n_slots; i++) {
		size_t at = first_place(p->slots[i], n_slots);

		while (p->slots[i] && slots[at])
			at = (at + 1) & (n_slots - 1);
		if (p->slots[i])
			slots[at] = p->slots[i];
	}
	free(p->slots);
	p->slots = slots;
	p->n_slots = n_slots;
	return 0;
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

struct profile_entry profile_key(
	const struct record_sample *s, const uint64_t *frames, uint32_t phase)
{
	return (struct profile_entry){
		.kind = PROFILE_ONCPU,
		.phase = phase,
		.lane = s->lane,
		.tgid = s->tgid,
		.mode = s->mode,
		.state = s->state,
		.syscall = s->syscall,
		.ip = s->ip,
		.n_kernel = s->n_kernel,
		.n_user = s->n_user,
		.n_guest = s->guest.n_frames,
		.guest = frames + s->n_kernel + s->n_user,
		.guest_end = s->guest.end,
		.guest_thread = s->guest.fs_base,
		.guest_caller = s->guest.caller,
		.guest_pushed = s->guest.pushed,
		.guest_privilege = s->guest.privilege,
	};
}

void profile_add(struct profile *p, const struct profile_entry *key, const uint64_t *kernel,
	const uint64_t *user, uint64_t weight_ns, uint64_t count)
{
	struct profile_entry *e;
	uint64_t hash, slot;
	size_t at;

	/* Where the table cannot grow, what is in it already still counts. */
	if (p->n >= p->n_slots / 2 && p->n < ENTRIES_MAX && grow_slots(p) < 0 && !p->n_slots) {
		p->lost += count;
		return;
	}
	hash = hash_entry(key, kernel, user);
	at = first_place(hash, p->n_slots);
	while ((slot = p->slots[at]) != 0 &&
		(slot >> 32 != hash >> 32 || !same_entry(entry_of(p, slot), key, kernel, user)))
		at = (at + 1) & (p->n_slots - 1);
	if (!slot) {
		e = p->n < p->n_slots / 2 ? new_entry(key, kernel, user) : NULL;
		if (!e) {
			p->lost += count;
			return;
		}
		slot = p->slots[at] = slot_of(hash, p->n);
		p->entries[p->n++] = e;
	}
	e = entry_of(p, slot);
	e->weight_ns += weight_ns;
	e->count += count;
}

void profile_done(struct profile *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->entries[i]);
	free(p->entries);
	free(p->slots);
	memset(p, 0, sizeof(*p));
}
