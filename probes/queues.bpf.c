/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Double scheduling: the host takes the CPU from a vCPU for which threads of its guest wait. How long that
 * lasts is exact; how many wait is looked at when it begins.
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
	s->waiting = 0;
	if (guest_queue_length(lane) > 1) {
		s->waiting = 1;
		s->since_ns = now;
	}
}

static __always_inline void come(struct guest_stuck *s, __u64 now)
{
	__u32 part = phase_count - 1;
	__u64 *sum = element_of(s->ns, part), *count = element_of(s->count, part);

	if (!s->waiting)
		return;
	s->waiting = 0;
	if (!sum || !count || now <= s->since_ns)
		return;
	*sum += now - s->since_ns;
	*count += 1;
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
		come(s, bpf_ktime_get_ns());
	return 0;
}
