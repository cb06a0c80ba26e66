/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * What each thread of a program does whose lanes are CPUs: on a CPU, waiting for one (and of that, while
 * others of the program ran there), asleep and why. Its record is sent when it ends; those that are
 * left when the books end are in the map.
 */

#include "probes/lane.bpf.h"
#include "probes/stacks.bpf.h"

struct thread_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PROBE_THREADS_MAX); /* user space makes it small where nothing floats */
	__type(key, __u64);
	__type(value, struct thread_record);
};

extern struct thread_map threads SEC(".maps");
extern const volatile struct thread_record thread_none; /* all 0 */

static __always_inline struct thread_record *thread_get(struct task_struct *task)
{
	__u64 key = (__u64)task;

	return lanes_are_cpus ? bpf_map_lookup_elem(&threads, &key) : NULL;
}

/** How long threads of the program have been on the CPU that is lane @id, by now. */
static __always_inline __u64 lane_busy_ns(__s32 id, __u64 now)
{
	struct lane_record *l = lane_get(id);

	if (!l)
		return 0;
	return l->cpu_ns + (l->running > 0 && now > l->last_in_ns ? now - l->last_in_ns : 0);
}

/** @task begins to float, in state @run. The record is filled in where it is: programs have little stack. */
static __always_inline void thread_begin(
	struct task_struct *task, __u32 parent, __u32 run, __u64 now)
{
	__u64 key = (__u64)task;
	struct thread_record *th;

	if (bpf_map_update_elem(&threads, &key, (const void *)&thread_none, BPF_ANY)) {
		count_loss(&losses.tasks);
		return;
	}
	th = thread_get(task);
	if (!th)
		return;
	th->type = RECORD_THREAD;
	th->pid = task->pid;
	th->tgid = task->tgid;
	th->parent = parent;
	th->begin_ns = th->since_ns = now;
	th->run = run;
	/* Of a thread that runs, the kernel's time is as old as its last tick. */
	th->exec_known = run != TASK_ON_CPU;
	th->exec_begin_ns = task->se.sum_exec_runtime;
	th->migrations_begin = task->se.nr_migrations;
	if (bpf_core_field_exists(task->sched_info.run_delay))
		th->delay_begin_ns = task->sched_info.run_delay;
	bpf_probe_read_kernel(th->name, sizeof(th->name), task->comm);
}

/** @task, which is @t, was there before: it floats since @since, in state @run. Where its time off the
 * CPU began, its clocks are known only once it has left one. */
static __always_inline void thread_found(
	struct task_struct *task, const struct task_record *t, __u32 run, __u64 since)
{
	struct thread_record *th;

	thread_begin(task, t->parent, run, since);
	th = thread_get(task);
	if (!th)
		return;
	th->exec_known = 0;
	th->cause = t->seems_why;
}

/** It can run from @when on, and waits for the CPU of lane @id. */
static __always_inline void thread_wake(struct thread_record *th, __s32 id, __u64 when)
{
	if (when > th->since_ns) {
		charge_sleep(th, when - th->since_ns);
		th->since_ns = when;
	}
	th->run = TASK_WAITING;
	th->busy_ns = lane_busy_ns(id, when);
}

static __always_inline void thread_woken(struct task_struct *task, __s32 id, __u64 when)
{
	struct thread_record *th = thread_get(task);

	if (th && th->run == TASK_ASLEEP)
		thread_wake(th, id, when);
}

/** Until @now it waited for the CPU of lane @id. */
static __always_inline void thread_wait(struct thread_record *th, __s32 id, __u64 now)
{
	__u64 wait = now > th->since_ns ? now - th->since_ns : 0;
	__u64 busy = lane_busy_ns(id, now);

	busy = busy > th->busy_ns ? busy - th->busy_ns : 0;
	th->wait_ns += wait;
	th->wait_siblings_ns += busy < wait ? busy : wait;
	th->since_ns = now;
}

/** It waits for the CPU of lane @to from now on, not for that of @from. */
static __always_inline void thread_moved(struct task_struct *task, __s32 from, __s32 to, __u64 now)
{
	struct thread_record *th = thread_get(task);

	if (!th || th->run != TASK_WAITING)
		return;
	thread_wait(th, from, now);
	th->busy_ns = lane_busy_ns(to, now);
}

/**
 * It gets its CPU, lane @id, at a switch at which the scheduler's clock is @late. What is found out later may seem to
 * lie before what is known.
 */
static __always_inline void thread_on(struct task_struct *task, __s32 id, __u64 late, __u64 now)
{
	struct thread_record *th = thread_get(task);

	if (!th)
		return;
	if (now < th->since_ns)
		now = th->since_ns;
	if (th->run == TASK_ASLEEP)
		thread_wake(th, id, now);
	if (th->run == TASK_WAITING)
		thread_wait(th, id, now);
	th->run = TASK_ON_CPU;
	th->since_ns = now;
	late_on(&th->late, late);
}

/** @th loses it; if it sleeps, for @cause. */
static __always_inline void thread_leave(
	struct thread_record *th, bool sleeps, __u64 cause, __s32 id, __u64 now)
{
	if (now > th->since_ns) {
		th->cpu_ns += now - th->since_ns;
		th->since_ns = now;
	}
	th->cause = cause;
	th->run = sleeps ? TASK_ASLEEP : TASK_WAITING;
	th->busy_ns = lane_busy_ns(id, now);
	th->switches++;
}

/** The same, unseen, of the task at @address. */
static __always_inline void thread_off_unseen(__u64 address, bool sleeps, __s32 id, __u64 when)
{
	struct thread_record *th = lanes_are_cpus ? bpf_map_lookup_elem(&threads, &address) : NULL;

	if (th && th->run == TASK_ON_CPU)
		thread_leave(th, sleeps, 0, id, when);
}

/** It loses its CPU as an event says it, with the kernel's own clocks of @task, which are @late. */
static __always_inline void thread_off(
	struct task_struct *task, bool sleeps, __u64 cause, __s32 id, __u64 late, __u64 now)
{
	struct thread_record *th = thread_get(task);
	__u64 exec;

	if (!th || th->run != TASK_ON_CPU)
		return;
	thread_leave(th, sleeps, cause, id, now);
	late_off(&th->late, !sleeps, late);
	exec = task->se.sum_exec_runtime + th->late.exec_ns;
	th->migrations = task->se.nr_migrations - th->migrations_begin;
	if (!th->exec_known) {
		th->exec_known = 1;
		th->exec_begin_ns = exec;
		th->exec_books_begin_ns = th->cpu_ns;
		if (bpf_core_field_exists(task->sched_info.run_delay))
			th->delay_begin_ns = task->sched_info.run_delay - th->late.delay_ns;
		th->delay_books_begin_ns = th->wait_ns;
	}
	th->exec_ns = exec - th->exec_begin_ns;
	th->exec_books_ns = th->cpu_ns - th->exec_books_begin_ns;
	if (bpf_core_field_exists(task->sched_info.run_delay)) {
		th->delay_ns = task->sched_info.run_delay - th->late.delay_ns - th->delay_begin_ns;
		th->delay_books_ns = th->wait_ns - th->delay_books_begin_ns;
	}
}

static __always_inline void thread_rename(struct task_struct *task, const char *name)
{
	struct thread_record *th = thread_get(task);

	if (th)
		__builtin_memcpy(th->name, name, sizeof(th->name));
}

/** It has ended. */
static __always_inline void thread_end(struct task_struct *task, __u64 now)
{
	struct thread_record *th = thread_get(task);
	__u64 key = (__u64)task;

	if (!th)
		return;
	th->end_ns = now;
	if (bpf_ringbuf_output(&ring, th, sizeof(*th), wakeup_flag()))
		count_loss(&losses.ring);
	bpf_map_delete_elem(&threads, &key);
}
