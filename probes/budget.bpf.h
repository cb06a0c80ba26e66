/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** How many of the events that come in storms are recorded with their stacks. */

#include "probes/lane.bpf.h"

#define STACK_WINDOW_NS 100000000ULL

/* After so many windows of a phase that had too many, there are enough stacks of it: from then on a part of the budget
 * will do. */
#define STACK_STORM_WINDOWS 10
#define STACK_STORM_SHARE   4

/* xorshift32 (Marsaglia, Xorshift RNGs, 2003): a call of the kernel's generator costs more than all
 * the rest of the decision. */
static __always_inline __u32 next_random(struct cpu_state *cpu)
{
	__u32 x = cpu->random;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	cpu->random = x;
	return x;
}

static __always_inline __u32 stack_budget(const struct stack_rate *rate, __u32 budget)
{
	return rate->storm >= STACK_STORM_WINDOWS ? budget / STACK_STORM_SHARE : budget;
}

static __always_inline void stack_new_window(struct stack_rate *rate, __u32 budget, __u64 now)
{
	__u32 phase = phase_count, had = stack_budget(rate, budget);

	if (rate->phase != phase || rate->seen <= had ||
		now - rate->window_ns > 2 * STACK_WINDOW_NS)
		rate->storm = 0;
	else if (rate->storm < STACK_STORM_WINDOWS)
		rate->storm++;
	rate->phase = phase;
	rate->weight = rate->seen / stack_budget(rate, budget) + 1;
	rate->window_ns = now;
	rate->seen = 0;
}

/**
 * In a storm of switches a stack at each would cost more than the work itself: past @budget in a
 * window one in two, three, ... intervals is taken, by chance, for that many times its length.
 * Returns the weight, or 0. Storms that last begin with the weight that the last window came to;
 * one that just begins is slowed down as it goes, so that it cannot fill the ring buffer.
 */
static __always_inline __u32 stack_weight(
	struct cpu_state *cpu, struct stack_rate *rate, __u32 budget, __u64 now)
{
	__u32 weight;

	if (now - rate->window_ns > STACK_WINDOW_NS)
		stack_new_window(rate, budget, now);
	weight = rate->seen++ / stack_budget(rate, budget) + 1;
	if (weight < rate->weight)
		weight = rate->weight;
	if (weight > 1 && (__u64)next_random(cpu) * weight >> 32)
		return 0;
	return weight;
}
