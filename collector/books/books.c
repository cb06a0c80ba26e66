/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/books/books.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/detail_words.h"

static int add(struct books *b, const struct account *a)
{
	if (a->ns == 0 && a->count == 0)
		return 0;
	return ARRAY_ADD(b->accounts, b->n, *a);
}

/* Accounts with equal words are one: details of different numbers may have the same name. */
static int add_merged(struct books *b, const struct account *a)
{
	for (size_t i = 0; i < b->n; i++) {
		struct account *other = &b->accounts[i];

		if (other->phase == a->phase && other->lane == a->lane &&
			other->state == a->state && other->exact == a->exact &&
			other->taker == a->taker && strcmp(other->detail, a->detail) == 0) {
			other->ns += a->ns;
			other->count += a->count;
			return 0;
		}
	}
	return add(b, a);
}

/** One way in which on-CPU time was spent, by the samples of a lane and phase. */
struct share {
	unsigned state;
	char detail[DETAIL_SIZE];
	uint64_t samples;
};

struct split {
	struct share *shares;
	size_t n;
	uint64_t samples;
};

static int split_add(struct split *s, unsigned state, const char *detail, uint64_t samples)
{
	struct share *share;

	s->samples += samples;
	for (size_t i = 0; i < s->n; i++) {
		if (s->shares[i].state == state && strcmp(s->shares[i].detail, detail) == 0) {
			s->shares[i].samples += samples;
			return 0;
		}
	}
	share = ARRAY_PUSH(s->shares, s->n);
	if (!share)
		return -ENOMEM;
	*share = (struct share){.state = state, .samples = samples};
	snprintf(share->detail, DETAIL_SIZE, "%s", detail);
	return 0;
}

/*
 * Time in @state is what samples of it can split: all that is on the CPU, where events do not tell;
 * the guest's, where they do (KVM). The interrupt that takes a sample makes the vCPU leave its guest,
 * and newer kernels (6.12) report that before the interrupt is let in: by then the lane's state is
 * the kernel's.
 */
static bool is_sample_of(const struct profile_entry *e, unsigned state)
{
	if (state == STATE_GUEST)
		return e->mode == SAMPLE_GUEST && e->state != STATE_ONCPU;
	return state == STATE_ONCPU && e->state == STATE_ONCPU;
}

/** @phase < 0: of the whole run. */
static int split_collect(
	struct split *s, const struct books_input *in, unsigned of_state, int phase, int lane)
{
	for (size_t i = 0; i < in->profile->n; i++) {
		const struct profile_entry *e = in->profile->entries[i];
		char detail[DETAIL_SIZE] = "";
		unsigned state;
		int r;

		if (e->kind != PROFILE_ONCPU || e->lane != lane || e->mode == SAMPLE_IRQ ||
			!is_sample_of(e, of_state) || (phase >= 0 && e->phase != (unsigned)phase))
			continue;
		state = in->classify(e, detail, in->userdata);
		r = split_add(s, state, detail, e->count);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Without a detail the samples only repeat what is exact already. */
static bool split_says_more(const struct split *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->shares[i].detail[0])
			return true;
	return false;
}

/* Hand out @ns in proportion to the samples; rounding never loses or makes a nanosecond. */
static int split_apply(
	struct books *b, const struct split *s, struct account *a, uint64_t ns, unsigned unsampled)
{
	uint64_t given = 0, seen = 0;
	int r = 0;

	a->exact = false;
	a->samples = s->samples;
	a->count = 0;
	if (!s->samples) {
		a->state = unsampled;
		a->ns = ns;
		a->detail[0] = '\0';
		return add(b, a);
	}
	for (size_t i = 0; i < s->n && r == 0; i++) {
		uint64_t until;

		seen += s->shares[i].samples;
		until = (uint64_t)((unsigned __int128)ns * seen / s->samples);
		a->state = s->shares[i].state;
		memcpy(a->detail, s->shares[i].detail, sizeof(a->detail));
		a->ns = until - given;
		given = until;
		r = add(b, a);
	}
	return r;
}

static int take_account(struct books *b, const struct counted_account *counted, unsigned n_phases)
{
	const struct account_key *key = &counted->key;
	struct account a = {
		.phase = key->phase,
		.lane = key->lane == PROBE_LANE_HELPER ? PROBE_LANE_NONE : key->lane,
		.state = key->state,
		.ns = counted->value.ns,
		.exact = true,
		.count = counted->value.count,
	};

	if (key->phase >= n_phases)
		return 0;
	if (a.lane == PROBE_LANE_NONE) {
		memcpy(a.detail, key->detail.name, PROBE_NAME_SIZE - 1);
		detail_clean_name(a.detail);
	} else {
		detail_text(key->state, &key->detail, a.detail);
		if (key->state == STATE_PREEMPTED)
			a.taker = PROBE_DETAIL_TAKER(&key->detail);
	}
	return add_merged(b, &a);
}

static int close_lane_phase(
	struct books *b, const struct books_input *in, unsigned phase, unsigned lane)
{
	const struct lane_record *l = &in->lanes[lane];
	int r = 0;

	for (unsigned state = 0; state < STATE_COUNT && r == 0; state++) {
		struct split split = {0};
		struct account a = {
			.phase = phase,
			.lane = (int)lane,
			.state = state,
			.ns = l->ns[phase][state],
			.count = l->count[phase][state],
			.exact = true,
		};

		if (a.ns && (state == STATE_ONCPU || state == STATE_GUEST)) {
			r = split_collect(&split, in, state, (int)phase, (int)lane);
			if (r == 0 && !split.samples)
				r = split_collect(&split, in, state, -1, (int)lane);
		}
		if (r == 0 && state == STATE_ONCPU)
			r = a.ns ? split_apply(b, &split, &a, a.ns, in->unsampled) : 0;
		else if (r == 0 && split_says_more(&split))
			r = split_apply(b, &split, &a, a.ns, state);
		else if (r == 0)
			r = add_merged(b, &a);
		free(split.shares);
	}
	return r;
}

static void measure_residual(
	struct books *b, const struct phase *phases, unsigned n_phases, unsigned lanes)
{
	for (unsigned phase = 0; phase < n_phases; phase++) {
		uint64_t wall = phases[phase].end_ns - phases[phase].start_ns;

		for (unsigned lane = 0; lane < lanes; lane++) {
			uint64_t sum = 0, residual;

			for (size_t i = 0; i < b->n; i++)
				if (b->accounts[i].phase == phase &&
					b->accounts[i].lane == (int)lane)
					sum += b->accounts[i].ns;
			residual = sum > wall ? sum - wall : wall - sum;
			b->residual_ns += residual;
			if (wall)
				b->worst_residual =
					fmax(b->worst_residual, (double)residual / (double)wall);
		}
	}
}

int books_close(struct books *b, const struct books_input *in)
{
	int r = 0;

	for (size_t i = 0; i < in->n_accounts && r == 0; i++)
		r = take_account(b, &in->accounts[i], in->n_phases);
	for (unsigned phase = 0; phase < in->n_phases && r == 0; phase++)
		for (unsigned lane = 0; lane < in->n_lanes && r == 0; lane++)
			r = close_lane_phase(b, in, phase, lane);
	if (r == 0)
		measure_residual(b, in->phases, in->n_phases, in->n_lanes);
	return r;
}

static bool on_cpu(const struct account *a)
{
	switch (a->state) {
	case STATE_ONCPU:
	case STATE_GUEST:
	case STATE_USER:
	case STATE_VMM:
	case STATE_KERNEL:
	case STATE_IRQ:
		return true;
	case STATE_BLOCKED:
		return strcmp(a->detail, DETAIL_HALT_POLL) == 0;
	default:
		return false;
	}
}

uint64_t books_cpu_ns(const struct books *b, unsigned phase, int lane)
{
	uint64_t ns = 0;

	for (size_t i = 0; i < b->n; i++)
		if (b->accounts[i].phase == phase && b->accounts[i].lane == lane &&
			on_cpu(&b->accounts[i]))
			ns += b->accounts[i].ns;
	return ns;
}

uint64_t books_state_ns(const struct books *b, unsigned phase, int lane, unsigned state)
{
	uint64_t ns = 0;

	for (size_t i = 0; i < b->n; i++)
		if (b->accounts[i].phase == phase && b->accounts[i].lane == lane &&
			b->accounts[i].state == state)
			ns += b->accounts[i].ns;
	return ns;
}

uint64_t books_strangers_ns(const struct books *b, unsigned first_phase)
{
	uint64_t ns = 0;

	for (size_t i = 0; i < b->n; i++)
		if (b->accounts[i].phase >= first_phase &&
			b->accounts[i].state == STATE_PREEMPTED &&
			b->accounts[i].taker == TAKER_OTHER)
			ns += b->accounts[i].ns;
	return ns;
}

void books_done(struct books *b)
{
	free(b->accounts);
	memset(b, 0, sizeof(*b));
}
