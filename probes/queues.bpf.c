/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Double scheduling: the host takes the CPU from a vCPU for which threads of its guest are queued. How long that
 * lasts is exact; how many there are is looked at when it begins.
 */

#include "probes/queues.bpf.h"

volatile __u32 guest_queue_count = 0;
volatile struct guest_queue_place guest_queue_places[GUEST_QUEUES_MAX] = {0};
struct guest_stuck guest_stuck[GUEST_QUEUES_MAX] = {0};

/* The vCPU that @task is, or NULL. */
static __always_inline struct guest_stuck *stuck_of(struct task_struct *task, __u32 *ret_lane)
{
	__u64 key = (__u64)task;
	struct task_record *t;

	if (!may_be_of_lane(task))
		return NULL;
	t = bpf_map_lookup_elem(&tasks, &key);
	if (!t)
		return NULL;
	*ret_lane = t->lane;
	return element_of(guest_stuck, t->lane);
}

static __always_inline void leave(struct guest_stuck *s, __u32 lane, __u64 now)
{
	__u64 length = 0;

	/* In this order: behind a look that failed the verifier of Linux 6.1 takes @s for no address any more. */
	s->waiting = 0;
	s->since_ns = now;
	if (guest_queue_length(lane, &length) && length > 1)
		s->waiting = 1;
}

struct stuck_charge {
	__u64 from, until;
	__u32 lane, unused;
};

/* Up to the next part of a phase, or to the end: 1. What it adds to is looked up each time: Linux 6.1 knows no pointers in the context
 * of a loop's body. */
static long stuck_charge_step(__u32 i, void *context)
{
	struct stuck_charge *c = context;
	struct guest_stuck *s = element_of(guest_stuck, c->lane);
	__u32 part = s ? s->part : 0, next = part + 1;
	__u64 *sum = s ? element_of(s->ns, part) : NULL;
	__u64 *count = s ? element_of(s->count, part) : NULL;
	volatile __u64 *start = next < phase_count ? element_of(phase_start_ns, next) : NULL;
	__u64 until = charge_part_end(start, c->until);

	(void)i;
	if (!s || !sum || !count)
		return 1;
	if (c->from < until) {
		*sum += until - c->from;
		c->from = until;
	}
	if (until == c->until) {
		*count += 1;
		return 1;
	}
	s->part = next;
	return 0;
}

static __always_inline void come(struct guest_stuck *s, __u32 lane, __u64 now)
{
	struct stuck_charge charge = {.from = s->since_ns, .until = now, .lane = lane};

	if (!s->waiting)
		return;
	s->waiting = 0;
	if (now > charge.from)
		bpf_loop(PROBE_PARTS_MAX, stuck_charge_step, &charge, 0);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_queue_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	struct guest_stuck *s;
	__u32 lane = 0;

	if (!gate || !guest_queue_count)
		return 0;
	s = stuck_of(prev, &lane);
	if (s && (preempt || !prev->__state))
		leave(s, lane, bpf_ktime_get_ns());
	s = stuck_of(next, &lane);
	if (s)
		come(s, lane, bpf_ktime_get_ns());
	return 0;
}
