/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/audit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

static bool holds_cpu(unsigned state)
{
	return state == STATE_ONCPU || state == STATE_GUEST || state == STATE_USER ||
	       state == STATE_VMM || state == STATE_KERNEL || state == STATE_IRQ;
}

struct audit_reading audit_read(pid_t tgid, pid_t tid, const struct lane_record *lane)
{
	struct audit_reading ret = {0};
	_cleanup_fclose_ FILE *f = NULL;
	char path[64];
	uint64_t before, after;
	bool on_before, on_after;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", tgid, tid);
	f = fopen(path, "re");
	if (!f)
		return ret;
	setvbuf(f, NULL, _IONBF, 0);
	on_before = holds_cpu(__atomic_load_n(&lane->state, __ATOMIC_RELAXED));
	before = clock_ns();
	ret.valid = fscanf(f, "%" SCNu64 " %" SCNu64, &ret.exec_ns, &ret.delay_ns) == 2;
	after = clock_ns();
	on_after = holds_cpu(__atomic_load_n(&lane->state, __ATOMIC_RELAXED));
	ret.at_ns = before + (after - before) / 2;
	ret.error_ns = (after - before) / 2 + 1;
	ret.on_cpu = on_before && on_after;
	return ret;
}

int audit_add(struct audit *a, const struct audit_row *row)
{
	struct audit_row *grown = realloc(a->rows, (a->n + 1) * sizeof(*grown));
	uint64_t difference = row->books_ns > row->other_ns ? row->books_ns - row->other_ns
							    : row->other_ns - row->books_ns;

	if (!grown)
		return -ENOMEM;
	a->rows = grown;
	a->rows[a->n++] = *row;
	a->agrees = (a->agrees || !a->any) && difference <= row->bound_ns;
	a->any = true;
	return 0;
}

/* From the reading to the boundary a thread that held its CPU is taken to have gone on running. */
static int64_t to_boundary(const struct audit_reading *r, uint64_t boundary_ns)
{
	return r->on_cpu ? (int64_t)(boundary_ns - r->at_ns) : 0;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

int audit_lane(struct audit *a, const struct books *b, const struct phase *phase, unsigned index,
	int lane, const struct audit_reading *begin, const struct audit_reading *end,
	const struct lane_record *record)
{
	uint64_t wall = phase->end_ns - phase->start_ns;
	struct audit_row row = {.phase = index, .lane = lane};
	int r;

	if (!begin->valid || !end->valid)
		return 0;
	row.bound_ns = (uint64_t)((double)wall * AUDIT_SHARE) +
		       AUDIT_SWITCH_NS * record->switches[index] + begin->error_ns + end->error_ns;
	/* What the thread did between reading and boundary is not known. */
	row.bound_ns += distance(begin->at_ns, phase->start_ns) +
			distance(end->at_ns, phase->end_ns);

	row.what = "cpu_time";
	row.books_ns = books_cpu_ns(b, index, lane);
	row.other_ns =
		(uint64_t)((int64_t)(end->exec_ns - begin->exec_ns) +
			   to_boundary(end, phase->end_ns) - to_boundary(begin, phase->start_ns)) +
		record->outside_ns[index];
	r = audit_add(a, &row);
	if (r < 0)
		return r;

	/* A throttled thread may be off the queue, where the kernel counts no delay. */
	if (books_state_ns(b, index, lane, STATE_THROTTLED))
		return 0;
	row.what = "run_delay";
	row.books_ns = books_state_ns(b, index, lane, STATE_PREEMPTED) +
		       books_state_ns(b, index, lane, STATE_WAKEUP);
	row.other_ns = end->delay_ns - begin->delay_ns;
	return audit_add(a, &row);
}

void audit_done(struct audit *a)
{
	free(a->rows);
	memset(a, 0, sizeof(*a));
}
