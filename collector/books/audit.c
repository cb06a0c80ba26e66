/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/books/audit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"

int audit_add(struct audit *a, const struct audit_row *row)
{
	uint64_t difference = row->books_ns > row->other_ns ? row->books_ns - row->other_ns
							    : row->other_ns - row->books_ns;

	if (ARRAY_ADD(a->rows, a->n, *row) < 0)
		return -ENOMEM;
	a->agrees = (a->agrees || !a->any) && difference <= row->bound_ns;
	a->any = true;
	return 0;
}

uint64_t audit_gap_ns(const struct lane_record *record, unsigned index)
{
	uint64_t first = record->first[index].gap_ns, last = record->last[index].gap_ns;

	return last > first ? last - first : 0;
}

int audit_lane(struct audit *a, const struct books *b, const struct phase *phase, unsigned index,
	int lane, const struct lane_record *record)
{
	const struct audit_point *first = &record->first[index], *last = &record->last[index];
	struct audit_row row = {.phase = index, .lane = lane};
	uint64_t wall = phase->end_ns - phase->start_ns;
	int r;

	if (!first->time_ns || last->time_ns <= first->time_ns)
		return 0;
	/* Both points may be off by one event, and each switch between them. */
	row.bound_ns = (uint64_t)((double)wall * AUDIT_SHARE) +
		       AUDIT_SWITCH_NS * (record->switches[index] + 2);
	/* A hypervisor may take the CPU away between the two stamps of one switch. */
	if (audit_gap_ns(record, index) < wall)
		row.bound_ns += audit_gap_ns(record, index);

	row.what = "cpu_time";
	row.books_ns = last->cpu_ns - first->cpu_ns;
	row.other_ns = last->exec_ns - first->exec_ns;
	r = audit_add(a, &row);
	if (r < 0)
		return r;

	/* A throttled thread may be off the queue, where the kernel counts no delay; and a kernel
	 * without sched_info counts none at all. */
	if (books_state_ns(b, index, lane, STATE_THROTTLED) || !last->delay_ns)
		return 0;
	row.what = "run_delay";
	row.books_ns = last->wait_ns - first->wait_ns;
	row.other_ns = last->delay_ns - first->delay_ns;
	return audit_add(a, &row);
}

void audit_done(struct audit *a)
{
	free(a->rows);
	memset(a, 0, sizeof(*a));
}
