/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** A thread becomes a lane's member, by its name: when it names itself at once, else a little
 * later. */

#include "probes/task.bpf.h"

static __always_inline void lane_tell(struct task_struct *task, int id, __u64 since)
{
	struct record_lane *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

	if (!record) {
		count_loss(&losses.ring);
		return;
	}
	record->type = RECORD_LANE;
	record->lane = id;
	record->pid = task->pid;
	record->tgid = task->tgid;
	record->time_ns = since;
	bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
}

/** @task, which has been on this CPU since @since or longer, is of lane @id since then. */
static __always_inline void lane_join(
	struct cpu_state *cpu, struct task_struct *task, struct task_record *t, int id, __u64 since)
{
	struct lane_record *l = lane_get(id);
	struct lane_change *c;

	if (!l || !lane_lock(cpu))
		return;
	helper_charge(t, since);
	events_begin(t, task);
	lane_process_note(task);
	t->lane = id;
	if (t->run != TASK_ON_CPU) { /* it came unseen */
		t->run = TASK_ON_CPU;
		t->in_ns = since;
		t->in_exec_ns = 0;
		t->cpu = bpf_get_smp_processor_id();
	}
	l->base_state = t->base_state;
	l->base_detail = t->base_detail;
	l->cpu = bpf_get_smp_processor_id();
	l->last_in_ns = since;
	c = lane_change(cpu, LANE_ENTER, since);
	c->running = c->members = 1;
	c->state = t->base_state;
	c->detail = t->base_detail;
	lane_apply(id);
	l->outside_mark_ns = outside_now(task);
	cpu->lane = id;
	lane_unlock(cpu);
	lane_tell(task, id, since);
}

static __always_inline int take_name(struct task_record *t)
{
	int id = (int)t->named - 1;

	t->named = 0;
	__sync_fetch_and_add(&named_left, -1);
	return id;
}

/** The same for one that another thread named since it got this CPU, or while it waited for it. */
static __always_inline void lane_join_named(
	struct cpu_state *cpu, struct task_struct *task, struct task_record *t)
{
	__u64 since = t->named_ns > t->in_ns ? t->named_ns : t->in_ns;

	if (cpu->locked) /* at the next event, then */
		return;
	lane_join(cpu, task, t, take_name(t), since);
}

/** The same for one that was named while it was off the CPU, and is about to get one. */
static __always_inline void lane_join_waiting(
	struct cpu_state *cpu, struct task_struct *task, struct task_record *t)
{
	int id = take_name(t);
	struct lane_record *l = lane_get(id);
	struct lane_change *c = lane_change(cpu, LANE_OFF, t->named_ns);

	if (!l)
		return;
	events_begin(t, task);
	lane_process_note(task);
	t->lane = id;
	c->members = 1;
	c->runnable = t->run == TASK_WAITING ? 1 : 0;
	c->state = STATE_BLOCKED;
	c->waits_state = STATE_PREEMPTED; /* by whom is not known */
	c->detail = c->waits_detail = (struct probe_detail){};
	lane_apply(id);
	lane_tell(task, id, t->named_ns);
}
