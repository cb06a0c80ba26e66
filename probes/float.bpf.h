/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Programs that name no workers. A lane is then a CPU of those that the program was given, and the
 * program's threads float: each is of the lane of the CPU that it runs on or waits for. A thread that
 * sleeps is of none; its lane is blocked if no other thread wants that CPU, for the last sleeper's
 * reason. On a CPU that is no lane, a thread is a helper.
 */

#include "probes/join.bpf.h"
#include "probes/thread.bpf.h"

/* Set before loading, follow.bpf.c. */
extern const volatile __s16 lane_of_cpu[PROBE_CPUS_MAX]; /* or PROBE_LANE_NONE */

static __always_inline __s32 lane_of(__u32 cpu)
{
	const volatile __s16 *lane = element_of(lane_of_cpu, cpu);

	return lane ? *lane : PROBE_LANE_NONE;
}

/** Of which CPU's run queue @task is, or was last. */
static __always_inline __u32 task_cpu(struct task_struct *task)
{
	struct task_struct___cpu *older = (void *)task;

	if (bpf_core_field_exists(task->thread_info.cpu))
		return BPF_CORE_READ(task, thread_info.cpu);
	return BPF_CORE_READ(older, cpu);
}

/** Where workers turn out to have names after all, what floated is a helper until it has one. */
static __always_inline bool is_floating(struct task_record *t)
{
	if (!lanes_are_cpus || !t->floats)
		return false;
	if (!lanes_by_name)
		return true;
	t->floats = 0;
	t->lane = PROBE_LANE_NONE;
	return false;
}

/** @t, which waits, is not of its lane any more. Others may go on waiting there. */
static __always_inline void float_leave(
	struct cpu_state *cpu, const struct task_record *t, __u64 now)
{
	struct lane_record *l = lane_get(t->lane);
	struct lane_change *c = lane_change(cpu, LANE_OFF, now);

	if (!l || t->run != TASK_WAITING)
		return;
	c->runnable = -1;
	c->waits_state = l->state;
	c->waits_detail = l->detail;
	c->state = STATE_BLOCKED;
	c->detail = (struct probe_detail){};
	if (l->state == STATE_BLOCKED)
		c->detail = l->detail;
	lane_apply(t->lane);
}

/** @t waits for the CPU of lane @id, if that is one, since @since. */
static __always_inline void float_wait(struct task_record *t, __s32 id, __u64 since)
{
	struct lane_record *l = lane_get(id);

	t->lane = PROBE_LANE_NONE;
	if (!l)
		return;
	t->lane = id;
	if (l->runnable <= 0)
		l->waking_ns = since;
	__sync_fetch_and_add(&l->runnable, 1);
}

static __always_inline void float_woken(struct task_record *t, struct task_struct *task)
{
	__s32 id = lane_of(task_cpu(task));
	__u64 since;

	t->run = TASK_WAITING;
	t->queued_ns = bpf_ktime_get_ns();
	/* Where the begin of the wake-up was not seen, that is of an earlier one. */
	since = t->waking_ns > t->in_ns ? t->waking_ns : t->queued_ns;
	float_wait(t, id, since);
	thread_woken(task, id, since);
}

/** One that waits is moved to another CPU's run queue. */
static __always_inline void float_moved(
	struct cpu_state *cpu, struct task_record *t, struct task_struct *task, __u32 to, __u64 now)
{
	__s32 id = lane_of(to);

	if (t->run != TASK_WAITING || t->lane == id)
		return;
	thread_moved(task, t->lane, id, now);
	float_leave(cpu, t, now);
	t->waking_ns = now;
	float_wait(t, id, now);
}

/**
 * Since when @t could have run, which gets its CPU at @now, and whose wake-up was not seen: the
 * kernel knows how long it waited, so much more than when it left its CPU.
 */
static __always_inline __u64 queued_since(const struct cpu_state *cpu, const struct task_record *t,
	const struct task_struct *task, __u64 now)
{
	__s64 waited;

	if (t->run != TASK_ASLEEP || !t->delay_ns || !cpu->clock_offset ||
		!bpf_core_field_exists(task->sched_info))
		return now;
	waited = task->sched_info.run_delay - t->delay_ns;
	if (task->sched_info.last_queued)
		waited += now - task->sched_info.last_queued - cpu->clock_offset;
	return waited > 0 ? now - waited : now;
}

/** @t is about to get this CPU; thread_on() has to follow. */
static __always_inline void float_arrive(
	struct cpu_state *cpu, struct task_record *t, struct task_struct *task, __u64 now)
{
	__u32 here = bpf_get_smp_processor_id();

	float_moved(cpu, t, task, here, now);
	if (t->run == TASK_WAITING)
		return;
	t->lane = lane_of(here);
	thread_woken(task, t->lane, queued_since(cpu, t, task, now));
}

/** @t loses its CPU: what the kernel counted of it since it got it is its lane's. */
static __always_inline void float_off(struct task_record *t, const struct task_struct *task)
{
	struct lane_record *l = lane_get(t->lane);

	if (!l)
		return;
	l->exec_ns += task->se.sum_exec_runtime - t->in_exec_ns;
	events_keep(t);
	__builtin_memcpy(t->events_begin, t->events, sizeof(t->events_begin));
}
