/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The timeline: every interval of a lane is a record for user space. A lane has a budget of records.
 * Past it, intervals shorter than a threshold are merged with their neighbours to one record, which
 * has the time by state: the order within it and the details are gone, no time is. The threshold
 * doubles while there are too many records, and halves when there are few for some time. What is
 * merged is decided under the lane's lock.
 */

#include "probes/lane.bpf.h"

#define TIMELINE_WINDOW_NS     100000000ULL
#define TIMELINE_THRESHOLD_NS  1000ULL /* the least */
#define TIMELINE_QUIET_WINDOWS 8       /* after which the threshold halves */
/* Records that follow each other in a storm come at most as often as to use up a part of the budget. */
#define TIMELINE_SHARE 4

static __always_inline __u64 timeline_wakeup(void)
{
	return bpf_ringbuf_query(&timeline_ring, BPF_RB_AVAIL_DATA) > TIMELINE_RING_BYTES / 4
		       ? BPF_RB_FORCE_WAKEUP
		       : BPF_RB_NO_WAKEUP;
}

static __always_inline void timeline_send(__u32 id, const struct lane_change *c)
{
	struct record_interval *record = bpf_ringbuf_reserve(&timeline_ring, sizeof(*record), 0);

	if (!record) {
		count_loss(&losses.timeline);
		return;
	}
	record->type = RECORD_INTERVAL;
	record->lane = (__u16)id;
	record->first_part = (__u8)c->begin_phase;
	record->last_part = (__u8)c->from_phase;
	record->state = c->begin_state;
	record->cpu = bpf_get_smp_processor_id();
	record->begin_ns = c->begin_ns;
	record->woken_ns = c->woken;
	record->end_ns = c->now;
	record->detail = c->begin_detail;
	bpf_ringbuf_submit(record, timeline_wakeup());
}

/** What was merged before @c's interval. */
static __always_inline void timeline_flush(__u32 id, struct lane_change *c)
{
	struct record_merged *record = bpf_ringbuf_reserve(&timeline_ring, sizeof(*record), 0);

	if (!record) {
		count_loss(&losses.timeline);
		return;
	}
	record->type = RECORD_MERGED;
	record->lane = id;
	record->merged = c->flushed;
	bpf_ringbuf_submit(record, timeline_wakeup());
}

static __always_inline void timeline_new_window(struct lane_timeline *t, __u32 budget, __u64 now)
{
	if (now - t->window_ns > TIMELINE_QUIET_WINDOWS * TIMELINE_WINDOW_NS)
		t->threshold_ns = 0; /* a storm that was is over */
	t->window_ns = now;
	t->quiet = t->seen * 2 < budget ? t->quiet + 1 : 0;
	t->seen = 0;
	if (t->quiet < TIMELINE_QUIET_WINDOWS)
		return;
	t->quiet = 0;
	t->threshold_ns = t->threshold_ns > TIMELINE_THRESHOLD_NS ? t->threshold_ns / 2 : 0;
}

static __always_inline void timeline_merge(struct merged_intervals *m, __u32 state, __u64 ns)
{
	__u64 *sum = element_of(m->ns, state);

	if (!sum || !ns)
		return;
	*sum += ns;
	m->count++;
}

/** It joins those that were merged. Under the lane's lock. */
static __always_inline void timeline_join(struct merged_intervals *m, const struct lane_change *c)
{
	__u64 woken = c->woken ? c->woken : c->now;

	if (!m->count) {
		m->begin_ns = c->begin_ns;
		m->part = c->begin_phase;
	}
	m->end_ns = c->now;
	timeline_merge(m, c->begin_state, woken - c->begin_ns);
	timeline_merge(m, STATE_WAKEUP, c->now - woken);
}

static __always_inline void timeline_take_merged(struct lane_timeline *t, struct lane_change *c)
{
	c->flushed = t->merged;
	__builtin_memset(&t->merged, 0, sizeof(t->merged));
	t->seen++;
}

/** Too many: from now on longer ones are merged, too. */
static __always_inline void timeline_check(struct lane_timeline *t, __u32 budget)
{
	if (t->seen < budget)
		return;
	t->seen = budget / 2;
	t->quiet = 0;
	t->threshold_ns = t->threshold_ns ? 2 * t->threshold_ns : TIMELINE_THRESHOLD_NS;
}

/**
 * Is @c's interval merged? Under the lane's lock. Another CPU's, which was taken before it, may be
 * here after it: what does not go on where the others ended begins anew.
 */
static __always_inline bool timeline_take(
	struct lane_timeline *t, struct lane_change *c, __u32 budget)
{
	struct merged_intervals *m = &t->merged;
	bool merges;

	if (c->now - t->window_ns > TIMELINE_WINDOW_NS)
		timeline_new_window(t, budget, c->now);
	merges = c->now - c->begin_ns < t->threshold_ns && c->begin_phase == c->from_phase;
	if (m->count && (!merges || m->end_ns != c->begin_ns || m->part != c->begin_phase))
		timeline_take_merged(t, c);
	if (!merges)
		t->seen += c->woken ? 2 : 1;
	else
		timeline_join(m, c);
	/* At most one of both: had the first been, there would be one interval now. */
	if (merges && c->now - m->begin_ns >= TIMELINE_SHARE * TIMELINE_WINDOW_NS / budget &&
		!c->flushed.count)
		timeline_take_merged(t, c);
	timeline_check(t, budget);
	return merges;
}

/**
 * This CPU's change @which of lane @id was made and charged: it comes into the timeline. Returns 0. A
 * global function, as lane_make_change() is.
 */
__weak __noinline int timeline_change(__u32 id, __u32 which)
{
	__u32 zero = 0, budget = timeline_budget;
	struct cpu_state *cpu = bpf_map_lookup_elem(&cpus, &zero);
	struct lane_mutex *mutex = bpf_map_lookup_elem(&lane_mutexes, &id);
	struct lane_record *l = lane_get(id);
	struct lane_change *c;
	bool merged = false;

	if (!cpu || !mutex || !l)
		return 0;
	c = element_of(cpu->change, which);
	if (!c || c->kept || c->step == LANE_FOUND || c->now <= c->begin_ns)
		return 0;
	if (budget) {
		c->flushed.count = 0;
		bpf_spin_lock(&mutex->lock);
		merged = timeline_take(&l->timeline, c, budget);
		bpf_spin_unlock(&mutex->lock);
		if (c->flushed.count)
			timeline_flush(id, c);
	}
	if (!merged)
		timeline_send(id, c);
	return 0;
}
