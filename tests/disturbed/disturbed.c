/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * noise, whose kernel detour disturbs itself at instants that it tells: another function computes for 4 ms, every
 * 40 ms. "disturbed kind=burn worker=K begin=TICKS end=TICKS" comes before the end marker. It is linked to the kernel
 * of bare, and is an ordinary program as well.
 */
#define noise_quanta_kernels undisturbed
/* Its static functions, too. NOLINTNEXTLINE(bugprone-suspicious-include) */
#include "workload/noise-quanta.c"
#undef noise_quanta_kernels

#include <inttypes.h>

#include "workload/emit.h"

#define EVERY_NS 40000000
#define BURN_NS  4000000
#define MOST     1000

struct disturbance {
	uint64_t begin, end;
};

/* A function of its own, which a sample can hit. */
__attribute__((noinline)) static void disturb_burn(uint64_t turns)
{
	for (uint64_t i = 0; i < turns; i++)
		__asm__ volatile("" ::: "memory");
}

static int disturbed_measure(struct noise *n, unsigned lane)
{
	static struct disturbance all[MOST];
	struct noise_lane *l = &n->lanes[lane];
	uint64_t duration = noise_as_ticks(n, n->duration_ns), every = noise_as_ticks(n, EVERY_NS);
	uint64_t turns = turns_of(n, BURN_NS), last, next;
	size_t k = 0;

	noise_begin(n, l);
	last = l->begin;
	next = last + every;
	while (noise_gap(l->begin, last) < duration) {
		uint64_t now = noise_ticks();

		if (noise_gap(last, now) > l->threshold) {
			noise_add(n, l, noise_ns(n, now - last), now);
			detours_add(&l->detours, last, now);
			now = noise_ticks();
		}
		last = now;
		if (now < next || lane || k == MOST)
			continue;
		all[k].begin = now;
		disturb_burn(turns);
		all[k++].end = noise_ticks();
		next += every;
	}
	noise_end(l);
	l->lost_ns = l->found->sum;
	for (size_t i = 0; i < k; i++)
		emit_marker("disturbed kind=burn worker=%u begin=%" PRIu64 " end=%" PRIu64, lane,
			all[i].begin, all[i].end);
	return 0;
}

const struct noise_kernel noise_quanta_kernels[] = {
	{"detour", "the same loop, disturbed by itself", false, false, true, detour_calibrate,
		disturbed_measure},
	{.name = NULL},
};
