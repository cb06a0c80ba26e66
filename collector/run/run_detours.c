/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/run_detours.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/run/run_hints.h"
#include "common/array.h"
#include "common/cleanup.h"
#include "common/timeline_code.h"

static struct reported_detours *find(struct run *run, const struct marker *m)
{
	const char *kernel = marker_get(m, "kernel");
	uint64_t worker;

	if (!kernel || marker_get_u64(m, "worker", &worker) < 0)
		return NULL;
	for (size_t i = 0; i < run->n_detours; i++)
		if (run->detours[i].head.worker == worker &&
			strcmp(run->detours[i].head.kernel, kernel) == 0)
			return &run->detours[i];
	return NULL;
}

void run_take_detours(struct run *run, const struct marker *m)
{
	struct reported_detours d = {.n = 0};

	/* One of each lane: a program has one kernel that tells of detours. */
	if (detours_decode_head(m, &d.head) < 0 || d.head.worker >= run->request->lanes)
		return;
	for (size_t i = 0; i < run->n_detours; i++)
		if (run->detours[i].head.worker == d.head.worker)
			return;
	d.list = calloc(d.head.kept + 1, sizeof(*d.list));
	if (!d.list || ARRAY_ADD(run->detours, run->n_detours, d) < 0)
		free(d.list);
}

void run_take_detour_times(struct run *run, const struct marker *m)
{
	struct reported_detours *d = find(run, m);

	if (d && detours_decode_times(m, d->list, d->head.kept, &d->n) < 0)
		d->torn = true;
}

static const struct tick_line *line_of(const struct run_result *r, unsigned lane)
{
	for (size_t i = 0; i < r->n_clocks; i++)
		if (r->clocks[i].lane == lane)
			return &r->clocks[i].line;
	return NULL;
}

/* On the host's clock, in order of time, and all in the run. */
static bool convert(const struct run *run, const struct reported_detours *from,
	const struct tick_line *line, struct explained_detour *ret)
{
	const struct run_result *r = run->result;
	uint64_t last = r->start_ns, late = (uint64_t)(line->high_ns - line->low_ns);

	for (size_t i = 0; i < from->n; i++) {
		ret[i].begin_ns = tick_line_ns(line, from->list[i].begin);
		ret[i].end_ns = tick_line_ns(line, from->list[i].end);
		if (ret[i].begin_ns < last || ret[i].end_ns < ret[i].begin_ns ||
			ret[i].end_ns > r->end_ns + late)
			return false;
		last = ret[i].end_ns;
	}
	return true;
}

/* What the timeline's states are in a detour's words. */
static int cause_of(struct detour_causes *c, const struct timeline_detail *d)
{
	static const char *const kinds[STATE_COUNT] = {
		[STATE_VMM] = "emulator",
		[STATE_KERNEL] = "host kernel",
		[STATE_IRQ] = "interrupt",
		[STATE_PREEMPTED] = "preempted",
		[STATE_WAKEUP] = "waiting",
		[STATE_BLOCKED] = "blocked",
		[STATE_THROTTLED] = "throttled",
	};
	const char *kind = d->state < STATE_COUNT ? kinds[d->state] : NULL;
	const char *taken_by = NULL;
	char detail[DETAIL_SIZE];

	if (d->state == STATE_ONCPU || d->state == STATE_GUEST || d->state == STATE_USER)
		return DETOUR_ONCPU;
	if (!kind)
		return DETOUR_UNMATCHED;
	detail_text(d->state, &d->detail, detail);
	if (d->state == STATE_PREEMPTED && detail[0])
		taken_by = detail_taker(PROBE_DETAIL_TAKER(&d->detail));
	if (d->state == STATE_IRQ && detail[0] &&
		PROBE_DETAIL_INTERRUPT(d->detail.number) == IRQ_SOFT)
		kind = "softirq";
	if (d->state == STATE_KERNEL && PROBE_DETAIL_CAUSE(d->detail.number) == CAUSE_VMEXIT)
		kind = "exit";
	return detour_cause_number(c, kind, detail, taken_by);
}

struct spans {
	struct detour_span *list;
	size_t n;
};

static int add_span(struct spans *s, uint64_t begin, uint64_t ns, uint32_t cause, uint32_t more)
{
	return ARRAY_ADD(s->list, s->n, (struct detour_span){begin, begin + ns, cause, more});
}

static int add_item(
	struct spans *s, const struct timeline_item *item, const uint32_t *cause_of_detail)
{
	uint64_t at = item->begin_ns;
	int q = 0;

	if (item->kind == TIMELINE_INTERVAL)
		return add_span(s, at, item->ns, cause_of_detail[item->what], 0);
	for (uint32_t i = 0; item->kind == TIMELINE_MERGED && i < item->n_parts && q == 0; i++) {
		q = add_span(s, at, item->parts[i].ns, cause_of_detail[item->parts[i].what],
			i ? 0 : item->n_parts - 1);
		at += item->parts[i].ns;
	}
	return q;
}

/* The spans of @lane that are between @begin and @end. */
static int take_spans(const struct run_result *r, unsigned lane, uint64_t begin, uint64_t end,
	const uint32_t *cause_of_detail, struct spans *ret)
{
	const struct timeline *t = r->timeline;
	int q = 0;

	for (size_t i = 0; i < t->n_blocks && q == 0; i++) {
		const struct timeline_block *b = &t->blocks[i];
		struct timeline_reader reader = timeline_read(b->data, b->bytes, b->begin_ns);
		struct timeline_item item;

		if (b->lane != (int)lane || b->end_ns <= begin || b->begin_ns >= end)
			continue;
		while (q == 0 && timeline_next(&reader, &item) > 0)
			if (item.begin_ns + item.ns > begin && item.begin_ns < end)
				q = add_item(ret, &item, cause_of_detail);
	}
	return q;
}

static int explain_lane(struct run *run, struct run_detours *d, const uint32_t *cause_of_detail,
	struct run_hints *hints)
{
	struct run_result *r = run->result;
	struct spans spans = {0};
	struct detour_lane lane = {0};
	_cleanup_free_ struct detour_hint *own_hints = NULL;
	int q = 0;

	if (r->timeline && d->n)
		q = take_spans(r, d->lane, d->list[0].begin_ns, d->list[d->n - 1].end_ns,
			cause_of_detail, &spans);
	if (q == 0 && d->n)
		q = run_hints_of_lane(hints, run, d, &own_hints, &lane.n_hints);
	lane.spans = spans.list;
	lane.n_spans = spans.n;
	lane.hints = own_hints;
	if (q == 0)
		q = detours_explain(&lane, &r->detour_causes, d->list, d->n, d->sums);
	free(spans.list);
	return q;
}

/* Those that were too short to be kept, by the same clock. */
static void count_others(
	const struct reported_detours *from, const struct tick_line *line, struct run_detours *d)
{
	uint64_t kept = 0;

	for (size_t i = 0; i < from->n; i++)
		kept += from->list[i].end - from->list[i].begin;
	d->sums[DETOUR_NOT_KEPT].detours = from->head.n - from->head.kept;
	if (from->head.ticks > kept)
		d->sums[DETOUR_NOT_KEPT].ns =
			(uint64_t)((double)(from->head.ticks - kept) * line->ns_per_tick);
}

static int take_lane(struct run *run, const struct reported_detours *from, struct run_detours *ret)
{
	const struct tick_line *line = line_of(run->result, (unsigned)from->head.worker);

	*ret = (struct run_detours){.lane = (unsigned)from->head.worker};
	if (from->torn || from->n != from->head.kept) {
		run_warn(run, "the detours of worker %u did not come whole and are left out",
			ret->lane);
		return 0;
	}
	if (!line) {
		run_warn(run, "the detours have no causes: %s",
			run->clock.trouble ? run->clock.trouble
					   : "the program's clock is not known on the host's");
		return 0;
	}
	ret->list = calloc(from->n + 1, sizeof(*ret->list));
	if (!ret->list)
		return -ENOMEM;
	if (!convert(run, from, line, ret->list)) {
		run_warn(run,
			"the detours of worker %u are not within the run by the host's clock and are left out",
			ret->lane);
		free(ret->list);
		ret->list = NULL;
		return 0;
	}
	ret->n = from->n;
	return 0;
}

/* All causes have to be known before the first sum has room for them. */
static int know_causes(struct run_result *r, uint32_t **ret_of_detail)
{
	size_t n = r->timeline ? r->timeline->n_details : 0;
	uint32_t *of_detail = calloc(n + 1, sizeof(*of_detail));
	int q = of_detail ? detour_causes_new(&r->detour_causes) : -ENOMEM;

	for (size_t i = 0; i < n && q >= 0; i++) {
		q = cause_of(&r->detour_causes, &r->timeline->details[i]);
		of_detail[i] = q >= 0 ? (uint32_t)q : 0;
	}
	if (q < 0)
		free(of_detail);
	else
		*ret_of_detail = of_detail;
	return q < 0 ? q : 0;
}

int run_close_detours(struct run *run)
{
	struct run_result *r = run->result;
	_cleanup_free_ uint32_t *of_detail = NULL;
	struct run_hints hints = {0};
	int q = run->n_detours ? know_causes(r, &of_detail) : 0;

	if (q == 0 && run->n_detours)
		q = run_hints_new(run, &hints);
	for (size_t i = 0; i < run->n_detours && q == 0; i++) {
		struct run_detours d;

		q = take_lane(run, &run->detours[i], &d);
		if (q < 0 || !d.list)
			continue;
		d.sums = calloc(r->detour_causes.n, sizeof(*d.sums));
		q = d.sums ? ARRAY_ADD(r->detours, r->n_detours, d) : -ENOMEM;
		if (q < 0) {
			free(d.list);
			free(d.sums);
			break;
		}
		count_others(&run->detours[i], line_of(r, d.lane), &d);
		q = explain_lane(run, &d, of_detail, &hints);
	}
	run_hints_done(&hints);
	return q;
}
