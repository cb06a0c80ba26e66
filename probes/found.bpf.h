/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Threads that float and were there before the gate opened: what their first event tells. */

#include "probes/float.bpf.h"

/*
 * Threads that were there before the gate opened (--attach), see task_found_running(): since then they
 * did what their first event tells, or, of those that come to be known later, only from that event on.
 */

static __always_inline void float_found(struct task_record *t, struct task_struct *task)
{
	t->base_state = STATE_ONCPU;
	t->base_detail = (struct probe_detail){};
	events_begin(t, task);
	lane_process_note(task);
	__sync_fetch_and_add(&float_left, -1);
}

/** @task runs, and has since the gate opened. */
static __noinline void float_found_running(
	struct cpu_state *cpu, struct task_record *t, struct task_struct *task)
{
	__u64 since = t->late ? bpf_ktime_get_ns() : phase_start_ns[0];
	__u32 here = bpf_get_smp_processor_id();
	struct lane_change *c = lane_change(cpu, t->late ? LANE_ENTER : LANE_FOUND, since);
	struct lane_record *l;

	float_found(t, task);
	thread_found(task, t, TASK_ON_CPU, since);
	t->run = TASK_ON_CPU;
	t->cpu = here;
	t->in_ns = since;
	t->in_exec_ns = task->se.sum_exec_runtime;
	t->lane = lane_of(here);
	l = lane_get(t->lane);
	if (!l)
		return;
	l->cpu = here;
	l->last_in_ns = since;
	l->base_state = t->base_state;
	l->base_detail = t->base_detail;
	c->running = 1;
	c->state = t->base_state;
	c->detail = t->base_detail;
	lane_apply(t->lane);
	l->outside_mark_ns = outside_now(task);
}

/** Of lane @id, to which nothing happened so far, it is known now what it did: somebody waited. */
static __noinline void lane_found_waiting(struct cpu_state *cpu, __s32 id)
{
	struct lane_change *c = lane_change(cpu, LANE_FOUND, 0);
	struct lane_record *l = lane_get(id);

	if (!l || l->running > 0 || l->since_ns != phase_start_ns[0])
		return;
	c->detail = (struct probe_detail){};
	c->state = STATE_PREEMPTED; /* by whom is not known */
	l->off_ns = phase_start_ns[0];
	lane_apply(id);
}

static __noinline void float_found_away(
	struct task_record *t, struct task_struct *task, bool waited)
{
	float_found(t, task);
	thread_found(task, t, waited ? TASK_WAITING : TASK_ASLEEP,
		t->late ? bpf_ktime_get_ns() : phase_start_ns[0]);
}

/** @task is about to run, and has not since the gate opened: it slept until its wake-up was seen, else
 * it waited. */
static __always_inline void float_found_off(
	struct cpu_state *cpu, struct task_record *t, struct task_struct *task)
{
	__s32 id = lane_of(bpf_get_smp_processor_id());
	bool waited = !t->late && !t->waking_ns;

	/* Two functions, so that no more of the programs' little stack is in use at once. */
	float_found_away(t, task, waited);
	if (t->waking_ns)
		thread_woken(task, id, t->waking_ns);
	t->run = TASK_ASLEEP;
	t->off_weight = 1; /* user space is told that it is back */
	if (waited)
		lane_found_waiting(cpu, id);
}

/** A thread that was there before: @task runs, or is about to. */
static __always_inline void found_running(
	struct cpu_state *cpu, struct task_record *t, struct task_struct *task)
{
	if (is_floating(t))
		float_found_running(cpu, t, task);
	else
		task_found_running(cpu, t, task);
}

static __always_inline void found_off(
	struct cpu_state *cpu, struct task_record *t, struct task_struct *task)
{
	if (is_floating(t))
		float_found_off(cpu, t, task);
	else
		task_found_off(cpu, t, task);
}
