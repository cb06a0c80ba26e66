/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * How a lane's time is charged: the same rules for the eBPF programs, which charge an interval when
 * an event ends it, and for user space, which charges those that are open when the books end. Where
 * the sums are, and that several CPUs add to them at once, is each side's own.
 */

#include "probes/records.h"

/**
 * An interval that ends at @until is charged part by part, as phases are divided. Until when the
 * first part of what is left goes, if the next part begins at *@next (NULL: there is none).
 */
static inline __u64 charge_part_end(const volatile __u64 *next, __u64 until)
{
	__u64 begin = next ? *next : until;

	return begin < until ? begin : until;
}

/** Where a state's time is kept: without a detail in the lane's own record, else in an account. */
static inline int charge_has_account(const struct probe_detail *detail)
{
	return detail->number != 0;
}

static inline struct account_key charge_account(
	__u32 lane, __u32 part, __u32 state, const struct probe_detail *detail)
{
	return (struct account_key){
		.lane = (__u16)lane, .phase = (__u8)part, .state = (__u8)state, .detail = *detail};
}

/** Whose CPU time a helper's account is: the thread's, by its name. */
static inline struct probe_detail charge_helper(const struct task_record *t)
{
	struct probe_detail detail;

	__builtin_memcpy(detail.name, t->name, sizeof(detail.name));
	return detail;
}

/** A thread slept for @ns, for its cause. */
static inline void charge_sleep(struct thread_record *th, __u64 ns)
{
	for (int i = 0; i < PROBE_THREAD_CAUSES; i++) {
		struct thread_cause *c = &th->blocked[i];

		if (c->ns && c->number != th->cause)
			continue;
		c->number = th->cause;
		c->ns += ns;
		return;
	}
	th->blocked_other_ns += ns;
}

/** How many of enum probe_event @event @t has made since it became a lane's. */
static inline __u64 charge_events(const struct task_record *t, unsigned int event)
{
	return t->events[event] - t->events_begin[event];
}
