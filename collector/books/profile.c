/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/books/profile.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A run's memory is bounded: past this many different stacks further ones are counted as lost. */
#define ENTRIES_MAX 262144
#define SLOTS_FIRST 1024

/* FNV-1a, 64 bits. */
static uint64_t hash_bytes(uint64_t hash, const void *data, size_t length)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3ULL;
	return hash;
}

static uint64_t hash_entry(
	const struct profile_entry *e, const uint64_t *kernel, const uint64_t *user)
{
	uint64_t hash = 0xcbf29ce484222325ULL;
	const uint32_t head[] = {e->kind, e->phase, (uint32_t)e->lane, e->tgid, e->mode, e->state,
		(uint32_t)e->syscall, e->n_kernel, e->n_user, e->n_guest, e->guest_end};
	const uint64_t inside[] = {
		e->guest_thread, e->guest_caller, e->guest_pushed, e->guest_privilege};

	hash = hash_bytes(hash, head, sizeof(head));
	hash = hash_bytes(hash, inside, sizeof(inside));
	hash = hash_bytes(hash, e->thread, sizeof(e->thread));
	hash = hash_bytes(hash, kernel, e->n_kernel * sizeof(*kernel));
	hash = hash_bytes(hash, user, e->n_user * sizeof(*user));
	return hash_bytes(hash, e->guest, e->n_guest * sizeof(*e->guest));
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
	size_t *slots = calloc(n_slots, sizeof(*slots));
	struct profile_entry **entries;

	if (!slots)
		return -ENOMEM;
	entries = realloc(p->entries, n_slots / 2 * sizeof(*entries));
	if (!entries) {
		free(slots);
		return -ENOMEM;
	}
	p->entries = entries;
	for (size_t i = 0; i < p->n; i++) {
		const struct profile_entry *e = entries[i];
		size_t at = hash_entry(e, e->frames, e->frames + e->n_kernel) & (n_slots - 1);

		while (slots[at])
			at = (at + 1) & (n_slots - 1);
		slots[at] = i + 1;
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
	size_t at;

	/* Where the table cannot grow, what is in it already still counts. */
	if (p->n >= p->n_slots / 2 && p->n < ENTRIES_MAX && grow_slots(p) < 0 && !p->n_slots) {
		p->lost += count;
		return;
	}
	at = hash_entry(key, kernel, user) & (p->n_slots - 1);
	while (p->slots[at] && !same_entry(p->entries[p->slots[at] - 1], key, kernel, user))
		at = (at + 1) & (p->n_slots - 1);
	if (!p->slots[at]) {
		e = p->n < p->n_slots / 2 ? new_entry(key, kernel, user) : NULL;
		if (!e) {
			p->lost += count;
			return;
		}
		p->entries[p->n++] = e;
		p->slots[at] = p->n;
	}
	e = p->entries[p->slots[at] - 1];
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
