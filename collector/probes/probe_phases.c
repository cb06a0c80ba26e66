/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/probes/probe_phases.h"

#include <string.h>

#include "collector/probes/probe_set_internal.h"
#include "collector/probes/probe_timeline.h"
#include "common/clock.h"

/* A phase begins this much after its publication, so that no charge that spans it can miss it. */
#define PHASE_LEAD_NS 50000ULL
/* Clocks of two CPUs, and the order in which one does things, differ by less. */
#define PHASE_MARGIN_NS 1000ULL

uint64_t probe_set_start(struct probe_set *p)
{
	struct guestscope_bpf__bss *bss = p->bpf->bss;
	uint64_t now = clock_ns();

	p->last_begin_ns = now;
	p->n_phases = 1;
	if (p->timeline)
		timeline_begin(p->timeline, now);
	bss->phase_start_ns[0] = now;
	for (unsigned i = 0; i < p->lanes; i++) {
		struct lane_record *l = &bss->lanes[i];

		l->since_ns = now;
		if (l->members) /* adopted: its state is set */
			continue;
		l->state = STATE_BLOCKED;
		if (p->floats) /* the CPU is there, whoever runs on it */
			continue;
		l->detail.number = PROBE_DETAIL(CAUSE_NOT_CREATED, 0, 0);
	}
	__atomic_store_n(&bss->gate, 1, __ATOMIC_SEQ_CST);
	return now;
}

void probe_set_begin_program(struct probe_set *p)
{
	p->phase_of_part[1] = 1;
	p->n_phases = 2;
	p->last_begin_ns = p->bpf->bss->program_begin_ns;
}

void probe_set_leave_program(struct probe_set *p)
{
	__atomic_store_n(&p->bpf->bss->lanes_by_name, 1, __ATOMIC_SEQ_CST);
	memset(p->phase_of_part, 0, sizeof(p->phase_of_part));
	p->n_phases = 1;
}

/* Begin a part of the books at @begin_ns. Returns whether every event from then on knows of it. */
static bool publish_part(struct probe_set *p, uint64_t begin_ns)
{
	uint32_t *count = &p->bpf->data->phase_count;

	__atomic_store_n(&p->bpf->bss->phase_start_ns[*count], begin_ns, __ATOMIC_SEQ_CST);
	__atomic_store_n(count, *count + 1, __ATOMIC_SEQ_CST);
	return clock_ns() + PHASE_MARGIN_NS < begin_ns;
}

uint64_t probe_set_phase(struct probe_set *p)
{
	uint32_t *count = &p->bpf->data->phase_count;
	uint64_t lead = PHASE_LEAD_NS, begin;
	bool in_time = false;

	if (p->n_phases >= PROBE_PHASES_MAX)
		return 0;
	/*
	 * If we were held up until the boundary lay in the past, some lanes may have crossed it and
	 * others charged time beyond it. Then it stays where it is and divides nothing: both its
	 * sides are the phase before, and another one is tried, further ahead.
	 */
	while (!in_time) {
		if (*count >= PROBE_PARTS_MAX)
			return 0;
		p->phase_of_part[*count] = (uint8_t)(p->n_phases - 1);
		begin = clock_ns() + lead;
		/* The one before may lie further ahead than this. */
		if (begin <= p->last_begin_ns)
			begin = p->last_begin_ns + 1;
		p->last_begin_ns = begin;
		in_time = publish_part(p, begin);
		lead *= 2;
	}
	p->phase_of_part[*count - 1] = (uint8_t)p->n_phases++;
	return begin;
}
