/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/probes/probe_follow.h"

#include <bpf/bpf.h>
#include <errno.h>

#include "collector/probes/probe_set_internal.h"
#include "common/clock.h"
#include "common/proc.h"

static int add_task(struct probe_set *p, struct task_record *record)
{
	struct guestscope_bpf__bss *bss = p->bpf->bss;
	uint32_t key = record->pid;

	record->origin = record->tgid;
	record->base_state = STATE_ONCPU;
	proc_read_thread_name((pid_t)record->tgid, (pid_t)record->pid, record->name);
	/* First: the programs take one away, each time. */
	if (record->floats)
		__atomic_fetch_add(&bss->float_left, 1, __ATOMIC_SEQ_CST);
	if (bpf_map_update_elem(bpf_map__fd(p->bpf->maps.adopted), &key, record, BPF_NOEXIST) ==
		0) {
		__atomic_fetch_add(&bss->adopted_left, 1, __ATOMIC_SEQ_CST);
		return 0;
	}
	if (record->floats)
		__atomic_fetch_sub(&bss->float_left, 1, __ATOMIC_SEQ_CST);
	if (errno == E2BIG)
		__atomic_fetch_add(&bss->losses.tasks, 1, __ATOMIC_SEQ_CST);
	else if (errno != EEXIST)
		return -errno;
	return 0;
}

/* On the CPU that it was last on it is the last sleeper, as far as can be told. */
static int adopt_floating(struct probe_set *p, const struct probe_adoption *thread)
{
	bool late = __atomic_load_n(&p->bpf->bss->gate, __ATOMIC_SEQ_CST) != 0;
	struct task_record record = {
		.lane = PROBE_LANE_NONE,
		.tgid = (uint32_t)thread->tgid,
		.pid = (uint32_t)thread->tid,
		.parent = (uint32_t)thread->parent,
		.run = TASK_UNKNOWN,
		.floats = 1,
		.late = late,
		.adopted_ns = late ? clock_ns() : 0,
		.seems = thread->state,
		.seems_why = thread->detail,
	};
	unsigned lane = (unsigned)thread->lane;

	p->floats = true;
	if (!late && thread->lane >= 0 && lane < p->lanes && thread->state == STATE_BLOCKED &&
		!p->bpf->bss->lanes[lane].detail.number)
		p->bpf->bss->lanes[lane].detail.number = thread->detail;
	return add_task(p, &record);
}

static int adopt(struct probe_set *p, const struct probe_adoption *thread)
{
	bool late = __atomic_load_n(&p->bpf->bss->gate, __ATOMIC_SEQ_CST) != 0;
	int lane = thread->lane >= 0 && (unsigned)thread->lane < p->lanes ? thread->lane
									  : PROBE_LANE_NONE;

	if (lane != PROBE_LANE_NONE) {
		struct lane_record *l = &p->bpf->bss->lanes[lane];

		l->members++;
		l->base_state = STATE_ONCPU;
		l->state = thread->state;
		l->detail.number = thread->detail;
	}
	return add_task(p, &(struct task_record){
				   .lane = lane,
				   .tgid = (uint32_t)thread->tgid,
				   .pid = (uint32_t)thread->tid,
				   .run = TASK_UNKNOWN,
				   .late = late,
				   .adopted_ns = late ? clock_ns() : 0,
			   });
}

int probe_set_adopt(struct probe_set *p, const struct probe_adoption *thread)
{
	return thread->floats ? adopt_floating(p, thread) : adopt(p, thread);
}

int probe_set_follow(struct probe_set *p, pid_t pid)
{
	/* It is held, before its first instruction. */
	return add_task(p, &(struct task_record){
				   .lane = PROBE_LANE_NONE,
				   .tgid = (uint32_t)pid,
				   .pid = (uint32_t)pid,
				   .run = TASK_ASLEEP,
			   });
}
