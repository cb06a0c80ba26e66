/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/probes/probe_follow.h"

#include <bpf/bpf.h>
#include <errno.h>

#include "collector/probes/probe_set_internal.h"
#include "common/proc.h"

static int add_task(struct probe_set *p, pid_t tgid, pid_t tid, int lane, enum task_run run)
{
	uint32_t key = (uint32_t)tid;
	struct task_record record = {
		.lane = lane,
		.tgid = (uint32_t)tgid,
		.origin = (uint32_t)tgid,
		.run = run,
		.base_state = STATE_ONCPU,
	};

	proc_read_thread_name(tgid, tid, record.name);
	if (bpf_map_update_elem(bpf_map__fd(p->bpf->maps.adopted), &key, &record, BPF_NOEXIST) == 0)
		__atomic_fetch_add(&p->bpf->bss->adopted_left, 1, __ATOMIC_SEQ_CST);
	else if (errno == E2BIG)
		__atomic_fetch_add(&p->bpf->bss->losses.tasks, 1, __ATOMIC_SEQ_CST);
	else if (errno != EEXIST)
		return -errno;
	return 0;
}

int probe_set_adopt(struct probe_set *p, const struct probe_adoption *thread)
{
	int lane = thread->lane >= 0 && (unsigned)thread->lane < p->lanes ? thread->lane
									  : PROBE_LANE_NONE;

	if (lane != PROBE_LANE_NONE) {
		struct lane_record *l = &p->bpf->bss->lanes[lane];

		l->members++;
		l->base_state = STATE_ONCPU;
		l->state = thread->state;
		l->detail.number = thread->detail;
	}
	return add_task(p, thread->tgid, thread->tid, lane, TASK_UNKNOWN);
}

int probe_set_follow(struct probe_set *p, pid_t pid)
{
	/* It is held, before its first instruction. */
	return add_task(p, pid, pid, PROBE_LANE_NONE, TASK_ASLEEP);
}
