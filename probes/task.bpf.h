/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The threads of the stack, by pid. */

#include "probes/lane.bpf.h"

static __always_inline struct task_record *task_get(__u32 pid)
{
	return pid ? bpf_map_lookup_elem(&tasks, &pid) : NULL;
}

/** A helper's CPU time is summed in its own record and brought to the accounts when the phase ends.
 */
static __always_inline void helper_charge(struct task_record *t, __u64 now)
{
	__u32 phase = phase_count - 1;

	if (!t->in_ns) /* it ran already when the gate opened */
		return;
	if (t->helper_phase != phase) {
		struct probe_detail detail;

		__builtin_memcpy(detail.name, t->name, sizeof(detail.name));
		if (t->helper_ns)
			account_add(PROBE_LANE_HELPER, t->helper_phase, STATE_ONCPU, &detail,
				t->helper_ns);
		t->helper_ns = 0;
		t->helper_phase = phase;
	}
	t->helper_ns += now - t->in_ns;
}
