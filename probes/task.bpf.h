/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The threads of the stack. */

#include "probes/lane.bpf.h"

/** Who takes the CPU from a lane: @task, which is @t if it is of the stack. */
static __always_inline void taker_detail(
	struct probe_detail *who, struct task_struct *task, const struct task_record *t)
{
	__u8 taker = TAKER_OTHER;

	bpf_probe_read_kernel(who->name, sizeof(who->name) - 1, task->comm);
	if (t)
		taker = t->lane >= 0 ? TAKER_LANE : TAKER_HELPER;
	else if ((__u32)BPF_CORE_READ(task, tgid) == collector_tgid)
		taker = TAKER_COLLECTOR;
	who->name[sizeof(who->name) - 1] = taker;
}

/** A helper's CPU time is summed in its own record and brought to the accounts when the phase ends.
 */
static __always_inline void helper_charge(struct task_record *t, __u64 now)
{
	__u32 phase = phase_count - 1;

	if (!t->in_ns) /* it ran already when the gate opened */
		return;
	if (t->helper_phase != phase) {
		struct probe_detail detail = charge_helper(t);

		if (t->helper_ns)
			account_add(PROBE_LANE_HELPER, t->helper_phase, STATE_ONCPU, &detail,
				t->helper_ns);
		t->helper_ns = 0;
		t->helper_phase = phase;
	}
	t->helper_ns += now - t->in_ns;
}
