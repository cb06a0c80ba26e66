/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** A thread gets a CPU, as an event says or as is found out later. */

#include "probes/sleep.bpf.h"
#include "probes/stacks.bpf.h"
#include "probes/task.bpf.h"

static __always_inline void offcpu_end(__u32 pid, struct task_record *t, __u64 now)
{
	struct record_on record = {.type = RECORD_ON, .pid = pid, .time_ns = now};

	if (!t->off_weight)
		return;
	t->off_weight = 0;
	if (bpf_ringbuf_output(&ring, &record, sizeof(record), wakeup_flag()))
		count_loss(&losses.ring);
}

static __always_inline void lane_on(struct task_record *t, struct task_struct *next, __u64 now)
{
	struct lane_record *l = lane_get(t->lane);

	if (!l)
		return;
	if (t->run == TASK_WAITING)
		__sync_fetch_and_add(&l->runnable, -1);
	__sync_fetch_and_add(&l->running, 1);
	if (l->state == STATE_BLOCKED && l->running == 1) {
		/* The wake-up may have come while the thread was still on its way out. */
		__u64 woken = t->waking_ns > l->last_in_ns ? t->waking_ns : now;
		struct probe_detail none = {};

		if (woken < l->since_ns)
			woken = l->since_ns;
		if (woken > now)
			woken = now;
		lane_enter(t->lane, l, woken, STATE_WAKEUP, &none);
		/* The kernel counts its delay from the queue, which a wake-up reaches by an
		 * interrupt. */
		l->off_ns = t->queued_ns > woken ? t->queued_ns : woken;
	}
	if (l->off_ns && now > l->off_ns)
		l->wait_ns += now - l->off_ns;
	l->off_ns = 0;
	l->last_in_ns = now;
	l->cpu = bpf_get_smp_processor_id();
	l->base_state = t->base_state;
	l->base_detail = t->base_detail;
	lane_enter_base(t->lane, l, now);
	l->outside_mark_ns = outside_now(next);
}

/*
 * Some kernels lose sched_switch events: on one that was measured, none came when certain tasks (an
 * idle thread among them) left their CPU. That another task runs than the last event said is then
 * the only trace; since when, the scheduler itself keeps in sched_info.
 */

static __always_inline __u64 arrival(struct cpu_state *cpu, struct task_struct *task, __u64 now)
{
	__u64 when = now;

	if (cpu->clock_offset && bpf_core_field_exists(task->sched_info))
		when = task->sched_info.last_arrival + cpu->clock_offset;
	if (when > now)
		when = now;
	return when < cpu->in_ns ? cpu->in_ns : when;
}

/* What lies between the scheduler's stamp and its event only ever makes the difference larger: the
 * smallest is nearest to the truth; it may creep, as clocks do. */
static __always_inline void clock_compare(struct cpu_state *cpu, struct task_struct *task)
{
	__s64 offset;

	if (!cpu->running || !bpf_core_field_exists(task->sched_info))
		return;
	offset = cpu->in_ns - task->sched_info.last_arrival;
	if (!cpu->clock_offset || offset < cpu->clock_offset)
		cpu->clock_offset = offset;
	else
		cpu->clock_offset += (offset - cpu->clock_offset) >> 6;
}

/** A lane left its CPU unseen, at @when; @task came after it. */
static __always_inline void lane_off_unseen(
	struct task_record *t, __u64 address, struct task_struct *task, __u64 when)
{
	struct task_struct *gone = (struct task_struct *)address;
	struct lane_record *l = lane_get(t->lane);
	struct probe_detail detail = {};
	bool asleep = BPF_CORE_READ(gone, __state) != TASK_RUNNING;

	t->run = asleep ? TASK_ASLEEP : TASK_WAITING;
	if (!l)
		return;
	t->base_state = l->base_state;
	t->base_detail = l->base_detail;
	__sync_fetch_and_add(&l->running, -1);
	if (when > l->last_in_ns)
		l->cpu_ns += when - l->last_in_ns;
	if (asleep) {
		lane_enter(t->lane, l, when, STATE_BLOCKED, &detail);
		return;
	}
	l->off_ns = when;
	__sync_fetch_and_add(&l->runnable, 1);
	l->wait_task = address;
	bpf_probe_read_kernel(detail.name, sizeof(detail.name), task->comm);
	lane_enter(t->lane, l, when, STATE_PREEMPTED, &detail);
}

static __noinline void catch_up(struct cpu_state *cpu, struct task_struct *task, __u64 now)
{
	__u64 when = arrival(cpu, task, now);
	__u32 pid = cpu->running_pid;
	struct task_record *t = task_get(pid);

	count_loss(&losses.switches);
	if (t && t->run == TASK_ON_CPU)
		lane_off_unseen(t, cpu->running, task, when);
	cpu->lane = PROBE_LANE_NONE;
	pid = task->pid;
	t = task_get(pid);
	if (t && t->run != TASK_ON_CPU) {
		if (t->run == TASK_UNKNOWN)
			task_found_off(t);
		offcpu_end(pid, t, when);
		if (t->lane >= 0) {
			lane_on(t, task, when);
			cpu->lane = t->lane;
		}
		t->in_ns = when;
		t->run = TASK_ON_CPU;
	}
	cpu->running = (__u64)task;
	cpu->running_pid = pid;
	cpu->in_ns = when;
}

/** Is @task another than the last event said would run here? Then catch_up() is called for. */
static __always_inline bool is_unexpected(
	const struct cpu_state *cpu, const struct task_struct *task)
{
	return cpu->running && cpu->running != (__u64)task;
}
