/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/probes/tick_cost.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "collector/probes/probe_accounts.h"
#include "collector/probes/probe_follow.h"
#include "collector/probes/probe_phases.h"
#include "collector/probes/probe_set.h"
#include "common/cleanup.h"
#include "common/clock.h"

/* Ticks are the dearer the rarer they are, since caches cool down between them: measure at about
 * the frequency that will be chosen. */
#define MEASURE_HZ   499
#define MEASURE_NS   350000000ULL
#define GAP_MIN_NS   400 /* two readings of the clock take a tenth of that */
#define GAPS_MAX     65536
#define TICKS_MAX    512
#define TICKS_ENOUGH 20
/* A program loses more than the gap that it sees: afterwards caches and branch predictors have
 * cooled, and its samples have to be read. bench/overhead: about as much again. */
#define LOSS_TO_GAP 2
#define NS_PER_S    1e9

struct gap {
	uint64_t begin_ns, end_ns;
};

struct watched {
	struct gap *gaps;
	size_t n_gaps;
	uint64_t tick_ns[TICKS_MAX]; /* when each was, CLOCK_MONOTONIC */
	size_t n_ticks;
};

static void on_sample(const struct record_sample *s, const uint64_t *frames, void *userdata)
{
	struct watched *w = userdata;

	(void)frames;
	if (w->n_ticks < TICKS_MAX)
		w->tick_ns[w->n_ticks++] = s->time_ns;
}

static void on_lane(const struct record_lane *record, void *userdata)
{
	(void)record;
	(void)userdata;
}

static void on_off(const struct record_sample *s, const uint64_t *frames, void *userdata)
{
	(void)s;
	(void)frames;
	(void)userdata;
}

static void on_on(const struct record_on *record, void *userdata)
{
	(void)record;
	(void)userdata;
}

/* Nothing but readings of the clock: whatever else ran shows as a gap between two of them. */
static void compute(struct watched *w)
{
	uint64_t before = clock_ns(), end = before + MEASURE_NS, now;

	do {
		now = clock_ns();
		if (now - before > GAP_MIN_NS && w->n_gaps < GAPS_MAX)
			w->gaps[w->n_gaps++] = (struct gap){before, now};
		before = now;
	} while (now < end);
}

static int compare_gap(const void *key, const void *element)
{
	const uint64_t *instant = key;
	const struct gap *gap = element;

	return *instant < gap->begin_ns ? -1 : *instant > gap->end_ns;
}

static int compare_u64(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* From the median gap: some ticks are followed by somebody else's time on the CPU. */
static int summarise(const struct watched *w, struct tick_cost *ret, struct error *error)
{
	uint64_t cost[TICKS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < w->n_ticks; i++) {
		const struct gap *gap =
			bsearch(&w->tick_ns[i], w->gaps, w->n_gaps, sizeof(*w->gaps), compare_gap);

		if (gap)
			cost[n++] = gap->end_ns - gap->begin_ns;
	}
	if (n < TICKS_ENOUGH)
		return error_set(error, -ENODATA,
			"the cost of a sampling tick could not be measured: %zu ticks were seen",
			n);
	qsort(cost, n, sizeof(*cost), compare_u64);
	*ret = (struct tick_cost){.ns = LOSS_TO_GAP * cost[n / 2], .ticks = (unsigned)n};
	return 0;
}

int tick_cost_measure(struct tick_cost *ret, struct error *error)
{
	static const struct probe_options options = {
		.lanes = 1,
		.lane_prefix = "",
		.oncpu = true,
		.user_stacks = true,
		.frequency_hz = MEASURE_HZ,
	};
	const struct probe_adoption self = {
		.tgid = getpid(), .tid = gettid(), .lane = 0, .state = STATE_ONCPU};
	_cleanup_free_ struct gap *gaps = calloc(GAPS_MAX, sizeof(*gaps));
	struct watched w = {.gaps = gaps};
	const struct probe_callbacks callbacks = {
		.lane = on_lane, .sample = on_sample, .off = on_off, .on = on_on, .userdata = &w};
	struct probe_set *probes = NULL;
	int r;

	if (!gaps)
		return -ENOMEM;
	r = probe_set_open(&options, &callbacks, &probes, error);
	if (r < 0)
		return r;
	r = probe_set_adopt(probes, &self);
	if (r == 0) {
		probe_set_start(probes);
		compute(&w);
		probe_set_finish(probes, clock_ns());
		r = summarise(&w, ret, error);
	} else {
		error_set_errno(error, r, "cannot follow the collector's own thread");
	}
	probe_set_close(probes);
	return r;
}

double tick_cost_percent(uint64_t tick_ns, unsigned hz)
{
	return 100 * (double)tick_ns * hz / NS_PER_S;
}

unsigned tick_cost_frequency(uint64_t tick_ns)
{
	unsigned hz = TICK_HZ_MAX;

	while (hz > TICK_HZ_MIN && (hz % 2 == 0 || hz % 3 == 0 || hz % 5 == 0 ||
					   tick_cost_percent(tick_ns, hz) >= TICK_BUDGET_PERCENT))
		hz--;
	return hz;
}
