/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** A thread gets a CPU, as an event says or as is found out later. */

#include "probes/float.bpf.h"
#include "probes/found.bpf.h"
#include "probes/offcpu.bpf.h"
#include "probes/sleep.bpf.h"
#include "probes/task.bpf.h"

/** Since when the thread that gets its CPU at @now could have run. */
static __always_inline __u64 woken_at(const struct cpu_state *cpu, const struct lane_record *l,
	const struct task_record *t, const struct task_struct *task, __u64 now)
{
	if (t->floats && l->waking_ns > l->last_in_ns) /* the first of those that waited */
		return l->waking_ns;
	if (t->waking_ns > l->last_in_ns)
		return t->waking_ns;
	return queued_since(cpu, t, task, now);
}

static __always_inline void lane_on(
	struct cpu_state *cpu, struct task_record *t, struct task_struct *next, __u64 now)
{
	struct lane_record *l = lane_get(t->lane);
	struct lane_change *c = lane_change(cpu, LANE_ON, now);

	if (!l)
		return;
	l->base_state = t->base_state;
	l->base_detail = t->base_detail;
	c->running = 1;
	c->runnable = t->run == TASK_WAITING ? -1 : 0;
	/* The wake-up may have come while the thread was still on its way out. */
	c->woken = woken_at(cpu, l, t, next, now);
	c->state = t->base_state;
	c->detail = t->base_detail;
	lane_apply(t->lane);
	/* The kernel counts its delay from the queue, which a wake-up reaches by an interrupt. */
	if (c->woken)
		l->off_ns = t->queued_ns > c->woken ? t->queued_ns : c->woken;
	if (l->off_ns && now > l->off_ns)
		l->wait_ns += now - l->off_ns;
	l->off_ns = 0;
	l->last_in_ns = now;
	l->cpu = bpf_get_smp_processor_id();
	l->outside_mark_ns = outside_now(next);
}

/*
 * Some kernels lose events: on one that was measured, while certain tasks (some processes, and an
 * idle thread) ran, no probe did: neither when they left their CPU nor when an interrupt woke a lane
 * meanwhile. That another task runs than the last event said is then the only trace; since when, the
 * scheduler itself keeps in sched_info.
 */

#define CLOCK_LATE_MAX_NS 1000000000LL
#define CLOCK_CREEP_SHIFT 11 /* 488 ppm: adjtimex() allows 500 */

static __always_inline __u64 arrival(struct cpu_state *cpu, struct task_struct *task, __u64 now)
{
	__u64 when = now;

	if (cpu->clock_offset && bpf_core_field_exists(task->sched_info))
		when = task->sched_info.last_arrival + cpu->clock_offset;
	if (when > now)
		when = now;
	return when < cpu->in_ns ? cpu->in_ns : when;
}

/*
 * What lies between the scheduler's stamp and its event only ever makes the difference larger: the
 * smallest is nearest to the truth. It may creep, but no faster than clocks that are being set: if
 * it followed late stamps even a little, each return to the truth would count as time.
 */
static __always_inline void clock_compare(struct cpu_state *cpu, struct task_struct *task)
{
	__s64 offset;

	if (!cpu->running || !bpf_core_field_exists(task->sched_info))
		return;
	offset = cpu->in_ns - task->sched_info.last_arrival;
	if (cpu->clock_offset && offset > cpu->clock_offset) {
		__s64 creep = (cpu->in_ns - cpu->compared_ns) >> CLOCK_CREEP_SHIFT;

		if (offset > cpu->clock_offset + creep)
			offset = cpu->clock_offset + creep;
	}
	cpu->clock_offset = offset;
	cpu->compared_ns = cpu->in_ns;
}

/**
 * The scheduler reads its clock when it switches, except where a wake-up that led to the switch has
 * just read it (rq_clock_skip_update()). From that wake-up on the scheduler counts as waiting who
 * in fact still runs, and as running who has not begun: for a vCPU, which has to leave its guest
 * first, up to some hundred microseconds. How much later than that clock says it is; 0 if that is
 * no more than two stamps of a switch differ by anyhow.
 */
static __always_inline __u64 clock_late(
	const struct cpu_state *cpu, struct task_struct *task, __u64 now)
{
	__s64 late;

	if (!cpu->clock_offset || !bpf_core_field_exists(task->se.cfs_rq) ||
		!bpf_core_field_exists(((struct cfs_rq *)0)->rq))
		return 0;
	late = now - cpu->clock_offset - task->se.cfs_rq->rq->clock;
	return late > PROBE_SWITCH_NS && late < CLOCK_LATE_MAX_NS ? late : 0;
}

/** By how much the clock of @task's run queue is ahead of the one for tasks, which leaves time out;
 * 0 where that cannot be had. */
static __always_inline __u64 clock_ahead(struct task_struct *task)
{
	struct rq *rq;

	if (!bpf_core_field_exists(task->se.cfs_rq) ||
		!bpf_core_field_exists(((struct cfs_rq *)0)->rq))
		return 0;
	rq = task->se.cfs_rq->rq;
	return rq->clock - rq->clock_task;
}

/** The scheduler's execution time of @task, which runs, when it got its CPU. */
static __always_inline __u64 exec_at_arrival(struct task_struct *task)
{
	/* exec_start is by the clock for tasks, the arrival by the run queue's. */
	__s64 since = task->se.exec_start + clock_ahead(task) - task->sched_info.last_arrival;
	__u64 exec = task->se.sum_exec_runtime;

	return since > 0 && since < (__s64)exec ? exec - since : exec;
}

/** @t gets this CPU at @now: what will tell, should it leave unseen, when that was. */
static __always_inline void task_on_cpu(struct task_record *t, __u64 exec, __u64 delay, __u64 now)
{
	t->in_ns = now;
	t->in_exec_ns = exec;
	t->in_delay_ns = delay;
	t->cpu = bpf_get_smp_processor_id();
	t->run = TASK_ON_CPU;
}

/** The same as an event says it, of @task, which is about to run. */
static __always_inline void task_comes(const struct cpu_state *cpu, struct task_record *t,
	const struct task_struct *task, __u64 now)
{
	__u64 delay = 0;
	__s64 waits;

	if (bpf_core_field_exists(task->sched_info) && cpu->clock_offset) {
		delay = task->sched_info.run_delay;
		waits = now - cpu->clock_offset - task->sched_info.last_queued;
		if (task->sched_info.last_queued && waits > 0)
			delay += waits;
	}
	task_on_cpu(t, task->se.sum_exec_runtime, delay, now);
}

/** The same of @task, which runs already, and came at @when. */
static __always_inline void task_came(struct task_record *t, struct task_struct *task, __u64 when)
{
	if (bpf_core_field_exists(task->sched_info))
		task_on_cpu(t, exec_at_arrival(task), task->sched_info.run_delay, when);
	else
		task_on_cpu(t, 0, 0, when);
}

/** When did @t leave its CPU, if it has executed for @exec by now, and not after @latest? */
static __always_inline __u64 task_left_at(const struct task_record *t, __u64 exec, __u64 latest)
{
	__u64 left = t->in_ns + exec - t->in_exec_ns;

	return t->in_exec_ns && exec >= t->in_exec_ns && left < latest ? left : latest;
}

/**
 * A lane left its CPU unseen, at @when, having executed for @exec by then; @task came after it, or it
 * is not known (NULL) who did.
 */
static __always_inline void lane_off_unseen(struct cpu_state *cpu, struct task_record *t,
	__u64 address, bool asleep, struct task_struct *task, __u64 when, __u64 exec)
{
	struct lane_record *l = lane_get(t->lane);
	struct lane_change *c = lane_change(cpu, LANE_OFF, when);

	t->run = asleep ? TASK_ASLEEP : TASK_WAITING;
	t->arrivals = 0;
	t->delay_ns = t->in_delay_ns;
	offcpu_begin_unseen(cpu, t, address, when);
	if (!l)
		return;
	if (t->floats && exec > t->in_exec_ns)
		l->exec_ns += exec - t->in_exec_ns;
	thread_off_unseen(address, asleep, t->lane, when);
	t->base_state = l->base_state;
	t->base_detail = l->base_detail;
	if (when > l->last_in_ns)
		l->cpu_ns += when - l->last_in_ns;
	l->off_ns = asleep ? 0 : when;
	l->wait_task = address;
	c->running = -1;
	c->runnable = asleep ? 0 : 1;
	c->state = STATE_BLOCKED;
	c->detail = (struct probe_detail){};
	c->waits_state = STATE_PREEMPTED;
	c->waits_detail = (struct probe_detail){};
	if (task)
		taker_detail(&c->waits_detail, task, task_get(task));
	lane_apply(t->lane);
}

/** @task runs here, and had got a CPU so often when it got this one. */
static __always_inline void cpu_note_arrival(struct cpu_state *cpu, struct task_struct *task)
{
	if (!bpf_core_field_exists(task->sched_info))
		return;
	cpu->arrivals = task->sched_info.pcount;
	cpu->exec_ns = exec_at_arrival(task);
}

/** Has @task, which runs here as expected, been away and come back, unseen? */
static __always_inline bool has_been_away(
	const struct cpu_state *cpu, const struct task_struct *task)
{
	return cpu->arrivals && bpf_core_field_exists(task->sched_info) &&
	       cpu->running == (__u64)task && task->sched_info.pcount > cpu->arrivals;
}

/** It left when it had run for as long as the scheduler says, and came back at its last arrival. */
static __noinline void catch_up_away(struct cpu_state *cpu, struct task_struct *task, __u64 now)
{
	__u64 back = arrival(cpu, task, now), exec = exec_at_arrival(task), left = cpu->in_ns;
	struct task_record *t = task_get(task);

	count_loss(&losses.switches);
	if (exec > cpu->exec_ns)
		left += exec - cpu->exec_ns;
	if (left > back)
		left = back;
	if (t && t->run == TASK_ON_CPU && t->lane >= 0) {
		lane_off_unseen(cpu, t, (__u64)task, false, NULL, left, exec);
		offcpu_end(task->pid, t, back);
		thread_on(task, t->lane, 0, back);
		lane_on(cpu, t, task, back);
		task_came(t, task, back);
	}
	cpu->in_ns = back;
	cpu_note_arrival(cpu, task);
}

/**
 * A lane's thread that waited gets its CPU, and has had one meanwhile, unseen: for as long as its
 * execution time grew, until it was queued again.
 */
static __always_inline void catch_up_run(
	struct cpu_state *cpu, struct task_record *t, struct task_struct *task, __u64 now)
{
	__u64 exec = task->se.sum_exec_runtime, until, from;

	if (!bpf_core_field_exists(task->sched_info) || t->run != TASK_WAITING || !t->arrivals ||
		!cpu->clock_offset || task->sched_info.pcount <= t->arrivals ||
		exec <= t->events[EVENT_TASK_CLOCK] || !task->sched_info.last_queued)
		return;
	until = task->sched_info.last_queued + cpu->clock_offset;
	if (until > now)
		until = now;
	from = until - (exec - t->events[EVENT_TASK_CLOCK]);
	count_loss(&losses.switches);
	offcpu_end(task->pid, t, from);
	thread_on(task, t->lane, 0, from);
	lane_on(cpu, t, task, from);
	t->in_exec_ns = t->events[EVENT_TASK_CLOCK];
	lane_off_unseen(cpu, t, (__u64)task, false, NULL, until, exec);
}

/** @t left its CPU unseen, at the latest at @latest, having executed for @exec by then. */
static __always_inline void task_off_unseen(struct cpu_state *cpu, struct task_record *t,
	__u64 address, bool asleep, struct task_struct *task, __u64 latest, __u64 exec)
{
	__u64 when = task_left_at(t, exec, latest);

	if (t->lane < 0 && when > t->in_ns)
		helper_charge(t, when);
	lane_off_unseen(cpu, t, address, asleep, task, when, exec);
}

/**
 * @t gets this CPU, but it was last seen on another one, which it has left unseen. Whether it slept
 * or waited since then, its delay tells (woken_at()).
 */
static __always_inline void catch_up_elsewhere(struct cpu_state *cpu, struct task_record *t,
	struct task_struct *task, __u64 exec, __u64 now)
{
	count_loss(&losses.switches);
	task_off_unseen(cpu, t, (__u64)task, true, NULL, now, exec);
}

static __noinline void catch_up(struct cpu_state *cpu, struct task_struct *task, __u64 now)
{
	__u64 when = arrival(cpu, task, now), gone = cpu->running;
	struct task_record *t = bpf_map_lookup_elem(&tasks, &gone);
	__u32 here = bpf_get_smp_processor_id();

	count_loss(&losses.switches);
	if (t && t->run == TASK_ON_CPU && t->cpu == here) {
		struct task_struct *left = (struct task_struct *)gone;

		task_off_unseen(cpu, t, gone, BPF_CORE_READ(left, __state) != TASK_RUNNING, task,
			when, BPF_CORE_READ(left, se.sum_exec_runtime));
	}
	cpu->lane = PROBE_LANE_NONE;
	t = task_get(task);
	if (t && t->run == TASK_ON_CPU && t->cpu != here)
		catch_up_elsewhere(cpu, t, task, exec_at_arrival(task), when);
	if (t && t->run != TASK_ON_CPU) {
		if (t->run == TASK_UNKNOWN)
			found_off(cpu, t, task);
		offcpu_end(task->pid, t, when);
		if (is_floating(t)) {
			float_arrive(cpu, t, task, when);
			thread_on(task, t->lane, 0, when);
		}
		if (t->lane >= 0) {
			lane_on(cpu, t, task, when);
			cpu->lane = t->lane;
		}
		task_came(t, task, when);
	}
	cpu->running = (__u64)task;
	cpu->in_ns = when;
	cpu_note_arrival(cpu, task);
}

/** Is @task another than the last event said would run here? Then catch_up() is called for. */
static __always_inline bool is_unexpected(
	const struct cpu_state *cpu, const struct task_struct *task)
{
	return cpu->running && cpu->running != (__u64)task;
}
