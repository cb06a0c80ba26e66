/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The run queues of a guest's CPUs, each a word of its kernel's memory: how many threads could run there, the
 * one that does included, and an idle thread not. User space says where QEMU has it. The guest's CPU n is taken to be
 * QEMU's vCPU n, which is lane n.
 */

#include "probes/lane.bpf.h"

/* Defined in queues.bpf.c. */
extern volatile __u32 guest_queue_count; /* of the places; written last */
extern volatile struct guest_queue_place guest_queue_places[GUEST_QUEUES_MAX];
extern struct guest_stuck guest_stuck[GUEST_QUEUES_MAX];

/** How many threads there are for CPU @cpu. False: that is not known. */
static __always_inline bool guest_queue_length(__u32 cpu, __u64 *ret)
{
	volatile struct guest_queue_place *place = element_of(guest_queue_places, cpu);
	__u64 word = 0;

	if (!place || cpu >= guest_queue_count ||
		bpf_probe_read_user(&word, sizeof(word), (const void *)place->host))
		return false;
	*ret = (word >> place->shift) & place->mask;
	return true;
}

struct guest_queue_look {
	struct guest_queues *ret;
	__u32 lane;
};

static long guest_queue_step(__u32 cpu, void *context)
{
	struct guest_queue_look *look = context;
	struct guest_queues *q = look->ret;
	struct lane_record *l = lane_get(cpu);
	__u64 length;

	if (cpu >= guest_queue_count || !l)
		return 1;
	q->cpus++;
	if (!guest_queue_length(cpu, &length)) {
		q->unread++;
		return 0;
	}
	q->idle += length == 0;
	q->halted += length == 0 && l->state == STATE_BLOCKED;
	if (length > 1) {
		q->waiting += length - 1;
		q->own = cpu == look->lane ? length - 1 : q->own;
		q->stuck += l->state == STATE_PREEMPTED;
	}
	q->running += l->state != STATE_PREEMPTED && l->state != STATE_WAKEUP &&
		      l->state != STATE_BLOCKED && l->state != STATE_THROTTLED;
	return 0;
}

/** Look at all of them, from @lane. */
static __always_inline void guest_queues_take(struct guest_queues *ret, __u32 lane)
{
	struct guest_queue_look look = {.ret = ret, .lane = lane};

	__builtin_memset(ret, 0, sizeof(*ret));
	if (guest_queue_count)
		bpf_loop(GUEST_QUEUES_MAX, guest_queue_step, &look, 0);
}
