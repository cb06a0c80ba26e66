/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a guest's own scheduler counts of its threads. */

#include "reports/page/page_internal.h"

#define WORK_SHOWN 12 /* names of a phase */

void page_guest_work(const struct configuration *c, FILE *out)
{
	for (size_t k = 0, n, rest; k < c->n_work; k += n) {
		for (n = 1; k + n < c->n_work; n++)
			if (c->work[k + n].phase != c->work[k].phase)
				break;
		if (k == 0)
			page_columns_open(out, "inside the guest",
				"Threads of the guest, those of one name together, as its own "
				"scheduler counts them, from the begin of each phase to its end. "
				"CPU time, queued (a thread could run and waits for a CPU of the guest's), "
				"waiting (for anything else), not there and not known sum to the phase, for "
				"each thread; seconds a run. Linux counts how long threads are queued; of "
				"OSv that is by readings, with their interval. Switches, preemptions and moves "
				"to another CPU are a second of the phase. (idle): threads that run where "
				"there is nothing to run. What no thread has of the time of the guest's CPUs is the "
				"last row, (not counted), which is below 0 where the guest's clocks count more "
				"than the host's. Not read: a thread that is in no reading within the phase; "
				"whether it was queued or waiting is not known.",
				guest_work_columns);
		for (rest = 0; rest < n && guest_work_is_rest(&c->work[k + n - rest - 1]);)
			rest++;
		page_rows(guest_work_columns, &c->work[k],
			n - rest < WORK_SHOWN ? n - rest : WORK_SHOWN, out);
		page_rows(guest_work_columns, &c->work[k + n - rest], rest, out);
	}
	if (c->n_work)
		page_table_close(out);
}

void page_guest_queues(const struct configuration *c, FILE *out)
{
	if (!c->n_queueing)
		return;
	page_columns_open(out, "inside the guest",
		"Run queues of the guest. Lost parallelism: lane time in which vCPUs had nothing to "
		"run while threads were queued for others, by samples; the interval is of the sampling "
		"alone. Double scheduling: lane time in which a vCPU waited for the host while threads "
		"were queued for it; its length is exact, the threads are those at its begin. Seconds a run.",
		guest_queueing_columns);
	page_rows(guest_queueing_columns, c->queueing, c->n_queueing, out);
	page_table_close(out);
}
