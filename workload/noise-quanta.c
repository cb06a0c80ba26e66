/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernels that only compute: fixed work quanta and fixed time quanta (Sottile and Minnich,
 * "Analysis of microbenchmarks for performance tuning of clusters", Cluster 2004), and selfish
 * detour (Beckman et al., "The influence of operating systems on the performance of collective
 * operations at extreme scale", Cluster 2006; the same loop is called hourglass by others).
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "workload/noise.h"

#define CALIBRATE_TURNS  10000
#define CALIBRATE_ROUNDS 200
#define CALIBRATE_GAPS   200000
/* Work between two looks at the clock, as a share of the quantum. */
#define FTQ_LOOKS 1000

/* Work that no compiler takes away and that needs no memory. */
static void turn(uint64_t turns)
{
	for (uint64_t i = 0; i < turns; i++)
		__asm__ volatile("" ::: "memory");
}

/* Turns that take @ns where nothing disturbs: by the quickest of many rounds. */
static uint64_t turns_of(const struct noise *n, uint64_t ns)
{
	uint64_t best = UINT64_MAX, turns;

	for (int i = 0; i < CALIBRATE_ROUNDS; i++) {
		uint64_t begin = noise_ticks(), took;

		turn(CALIBRATE_TURNS);
		took = noise_gap(begin, noise_ticks());
		if (took && took < best)
			best = took;
	}
	turns = (uint64_t)((double)noise_as_ticks(n, ns) * CALIBRATE_TURNS / (double)best);
	return turns ? turns : 1;
}

static int fwq_calibrate(struct noise *n, unsigned lane)
{
	n->lanes[lane].turns = turns_of(n, n->quantum_ns);
	return 0;
}

static int fwq_measure(struct noise *n, unsigned lane)
{
	struct noise_lane *l = &n->lanes[lane];
	uint64_t turns = l->turns;

	noise_begin(n, l);
	for (uint64_t i = 0; i < n->quanta; i++) {
		uint64_t begin = noise_ticks(), now;

		turn(turns);
		now = noise_ticks();
		noise_add(n, l, noise_ns(n, noise_gap(begin, now)), now);
	}
	noise_end(l);
	l->lost_ns = l->found->sum - l->found->n * l->found->min;
	return 0;
}

static int ftq_calibrate(struct noise *n, unsigned lane)
{
	struct noise_lane *l = &n->lanes[lane];

	l->turns = turns_of(n, n->quantum_ns / FTQ_LOOKS);
	l->series = calloc(n->quanta, sizeof(*l->series));
	if (!l->series)
		return -ENOMEM;
	/* Pages come to life now, not while it is measured. */
	for (uint64_t i = 0; i < n->quanta; i++)
		((volatile uint32_t *)l->series)[i] = 1;
	return 0;
}

static int ftq_measure(struct noise *n, unsigned lane)
{
	struct noise_lane *l = &n->lanes[lane];
	uint64_t quantum = noise_as_ticks(n, n->quantum_ns), turns = l->turns;
	uint32_t most = 1;

	noise_begin(n, l);
	for (uint64_t i = 0; i < n->quanta; i++) {
		/* Quanta lie on a grid: what one is late does not move the next. */
		uint64_t end = l->begin + (i + 1) * quantum;
		uint32_t done = 0;

		for (; noise_gap(noise_ticks(), end); done++)
			turn(turns);
		l->series[i] = done;
	}
	noise_end(l);
	for (uint64_t i = 0; i < n->quanta; i++)
		if (l->series[i] > most)
			most = l->series[i];
	/* What is missing to the best quantum, as time. */
	for (uint64_t i = 0; i < n->quanta; i++) {
		l->series[i] = (uint32_t)((double)n->quantum_ns * (most - l->series[i]) / most);
		noise_add(n, l, l->series[i], l->begin + (i + 1) * quantum);
	}
	l->lost_ns = l->found->sum;
	return 0;
}

/*
 * A gap is a detour if it is more than twice as long as 99 in 100 of the loop's own. Where loops
 * are quick, interrupts are far rarer than that; where each look at the clock costs a microsecond
 * (emulation) the loop's own unevenness stays below.
 */
static int detour_calibrate(struct noise *n, unsigned lane)
{
	struct noise_lane *l = &n->lanes[lane];
	struct distribution *d = l->found;
	uint64_t last = noise_ticks();

	if (n->threshold_ns) {
		l->threshold = noise_as_ticks(n, n->threshold_ns);
		return 0;
	}
	for (int i = 0; i < CALIBRATE_GAPS; i++) {
		uint64_t now = noise_ticks(), gap = noise_gap(last, now);

		distribution_add(d, gap, 0);
		last = noise_ticks();
	}
	l->threshold = 2 * distribution_quantile(d->buckets, d->n, d->max, 0.99);
	*d = (struct distribution){.n = 0};
	return 0;
}

static int detour_measure(struct noise *n, unsigned lane)
{
	struct noise_lane *l = &n->lanes[lane];
	uint64_t duration = noise_as_ticks(n, n->duration_ns), threshold = l->threshold, last;

	noise_begin(n, l);
	last = l->begin;
	while (noise_gap(l->begin, last) < duration) {
		uint64_t now = noise_ticks();

		if (noise_gap(last, now) > threshold) {
			noise_add(n, l, noise_ns(n, now - last), now);
			detours_add(&l->detours, last, now);
			now = noise_ticks(); /* what counting took is no detour */
		}
		last = now;
	}
	noise_end(l);
	l->lost_ns = l->found->sum;
	return 0;
}

const struct noise_kernel noise_quanta_kernels[] = {
	{"fwq", "fixed work: how long does the same work take?", true, true, false, fwq_calibrate,
		fwq_measure},
	{"ftq", "fixed time: how much less work than in the best quantum, expressed as time?", true,
		true, false, ftq_calibrate, ftq_measure},
	{"detour", "the clock is read in a loop: how long are the gaps above a measured threshold?",
		false, false, true, detour_calibrate, detour_measure},
	{.name = NULL},
};
