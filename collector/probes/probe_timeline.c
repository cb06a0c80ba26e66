/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/probes/probe_timeline.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "collector/probes/probe_set_internal.h"
#include "probes/charge.h"

/* Records in a window of 100 ms: of a lane, at most; of all lanes, where these are many; and of a lane
 * at least. */
#define WINDOW_LANE_RECORDS  500U
#define WINDOW_RECORDS       2000U
#define WINDOW_RECORDS_LEAST 2U
/* Each time so much memory is full, the budget halves; with so much nothing more is taken. */
#define BYTES_STEP ((size_t)8 << 20)
#define BYTES_MOST ((size_t)48 << 20)

/* Part by part, as it was charged. */
static void add_parts(
	struct probe_set *p, struct timeline_interval *interval, unsigned last, uint64_t end_ns)
{
	for (;; interval->part++) {
		bool is_last = interval->part >= last || last >= PROBE_PARTS_MAX;

		interval->end_ns = charge_part_end(
			is_last ? NULL : &p->bpf->bss->phase_start_ns[interval->part + 1], end_ns);
		timeline_add(p->timeline, interval);
		if (interval->begin_ns < interval->end_ns)
			interval->begin_ns = interval->end_ns;
		if (is_last)
			return;
	}
}

static void on_interval(struct probe_set *p, const struct record_interval *record)
{
	struct timeline_interval interval = {
		.lane = record->lane,
		.part = record->first_part,
		.state = record->state,
		.cpu = record->cpu,
		.detail = record->detail,
		.begin_ns = record->begin_ns,
	};

	if (!record->woken_ns) {
		add_parts(p, &interval, record->last_part, record->end_ns);
		return;
	}
	add_parts(p, &interval, record->last_part, record->woken_ns);
	interval.part = record->first_part;
	interval.state = STATE_WAKEUP;
	interval.detail = (struct probe_detail){0};
	interval.begin_ns = record->woken_ns;
	add_parts(p, &interval, record->last_part, record->end_ns);
}

static int on_record(void *userdata, void *data, size_t size)
{
	struct probe_set *p = userdata;
	uint32_t type;

	if (size < sizeof(type))
		return 0;
	memcpy(&type, data, sizeof(type));
	if (type == RECORD_INTERVAL && size >= sizeof(struct record_interval)) {
		on_interval(p, data);
	} else if (type == RECORD_MERGED && size >= sizeof(struct record_merged)) {
		const struct record_merged *record = data;

		timeline_add_merged(p->timeline, record->lane, &record->merged);
	}
	return 0;
}

int probe_timeline_open(struct probe_set *p, const struct probe_options *o)
{
	int r;

	if (o->timeline == TIMELINE_NONE)
		return 0;
	p->has_budget = o->timeline == TIMELINE_BUDGET;
	p->budget_lanes = o->lanes;
	r = timeline_new(p->lanes, p->has_budget ? BYTES_MOST : 0, &p->timeline);
	if (r < 0)
		return r;
	probe_timeline_turn(p);
	r = ring_buffer__add(p->ring, bpf_map__fd(p->bpf->maps.timeline_ring), on_record, p);
	return r;
}

void probe_timeline_turn(struct probe_set *p)
{
	uint32_t budget = WINDOW_RECORDS / p->budget_lanes;
	size_t steps;

	if (!p->has_budget)
		return;
	steps = p->timeline->bytes / BYTES_STEP;
	if (budget > WINDOW_LANE_RECORDS)
		budget = WINDOW_LANE_RECORDS;
	budget >>= steps < 31 ? steps : 31;
	if (budget < WINDOW_RECORDS_LEAST)
		budget = WINDOW_RECORDS_LEAST;
	p->bpf->bss->timeline_budget = budget;
}

void probe_timeline_interval(
	struct probe_set *p, unsigned lane, const struct lane_record *l, uint64_t ns)
{
	const struct timeline_interval interval = {
		.lane = lane,
		.part = l->phase,
		.state = l->state,
		.cpu = TIMELINE_CPU_NONE,
		.detail = l->detail,
		.begin_ns = l->since_ns,
		.end_ns = l->since_ns + ns,
	};

	if (p->timeline)
		timeline_add(p->timeline, &interval);
}

void probe_timeline_merged(struct probe_set *p, unsigned lane, struct lane_record *l)
{
	if (p->timeline && l->timeline.merged.count)
		timeline_add_merged(p->timeline, lane, &l->timeline.merged);
	l->timeline.merged.count = 0;
}

struct timeline *probe_set_take_timeline(struct probe_set *p)
{
	struct timeline *t = p->timeline;

	p->timeline = NULL;
	return t;
}
