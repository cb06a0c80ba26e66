/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a guest's own scheduler counts of its threads. */

#include "reports/page/page_internal.h"

#define WORK_SHOWN 12 /* names of a phase */

void page_guest_work(const struct configuration *c, FILE *out)
{
	for (size_t k = 0, n; k < c->n_work; k += n) {
		for (n = 1; k + n < c->n_work; n++)
			if (c->work[k + n].phase != c->work[k].phase)
				break;
		if (k == 0)
			page_columns_open(out, "inside the guest",
				"Threads of the guest, those of one name together, as its own "
				"scheduler counts them, from the begin of each phase to its end: CPU time a run, "
				"switches, preemptions and moves to another CPU a second. "
				"Threads that are not there at its end are not seen, nor is what a thread did "
				"since its kernel last counted: how much of the time of the guest's CPUs that "
				"is stands in a row of its own, the last of the phase.",
				guest_work_columns);
		page_rows(guest_work_columns, &c->work[k], n < WORK_SHOWN ? n : WORK_SHOWN, out);
		if (n > WORK_SHOWN && c->work[k + n - 1].unknown)
			page_rows(guest_work_columns, &c->work[k + n - 1], 1, out);
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
		"run while threads waited for others, by samples; the interval is of the sampling "
		"alone. Double scheduling: lane time in which a vCPU waited for the host while threads "
		"waited for it; its length is exact, the threads are those at its begin. Seconds a run.",
		guest_queueing_columns);
	page_rows(guest_queueing_columns, c->queueing, c->n_queueing, out);
	page_table_close(out);
}
