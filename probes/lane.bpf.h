/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The books, as the programs keep them: maps, knobs and the few functions by which a lane's time is
 * charged. A lane has one writer at a time: its events happen under the lock of the run queue it is
 * on, or on the CPU that it holds. The one exception, being woken by another CPU, only stores a
 * time.
 *
 * Phases: user space publishes the begin of a phase a little in the future, so every charge that
 * could span it sees it; an interval is split exactly where phases meet.
 */

/* clang-format off */
#include "probes/kernel_types.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "probes/records.h"

#ifndef barrier
#define barrier() asm volatile("" ::: "memory")
#endif
/* clang-format on */

/* How many of the intervals off the CPU are recorded with their stacks. */
struct offcpu_rate {
	__u64 window_ns; /* when the current window began */
	__u32 seen;      /* intervals in it */
	__u32 weight;    /* one in so many is taken, at least: what the last window came to */
};

struct cpu_state {
	__s32 lane; /* the lane that runs here, or PROBE_LANE_NONE */
	__u32 irq_depth;
	__u64 irq_detail[PROBE_IRQ_NESTING];
	__u64 irq_begin_ns;   /* of the outermost interrupt */
	__u64 irq_exec_start; /* of the thread that it hit */
	__u32 n_waiting;
	__u32 waiting[4]; /* lanes that wait for this CPU, so that who runs instead is known */
	struct offcpu_rate offcpu_lanes;
	struct offcpu_rate offcpu_helpers;
	__u32 random;
	__u32 ready;
	__u32 locked; /* a program is in the middle of charging a lane */
	__u32 unused;
	__u64 running;      /* address of the task_struct that runs here */
	__u64 in_ns;        /* since when, if its coming was seen */
	__s64 clock_offset; /* our clock minus the run queue's; 0: not known */
	__u32 running_pid;
	__u32 unused2;
};

/* Defined in lanes.bpf.c. */
extern volatile __u32 gate; /* nothing is recorded while it is 0 */
extern volatile __u32 phase_count;
extern volatile __u64 phase_start_ns[PROBE_PHASES_MAX];
extern struct lane_record lanes[PROBE_LANES_MAX];
extern struct probe_losses losses;
extern const volatile bool user_stacks;

struct cpu_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cpu_state);
};

struct task_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct task_record);
};

struct account_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct account_key);
	__type(value, struct account_value);
};

struct sample_scratch {
	struct record_sample head;
	__u64 frames[2 * PROBE_STACK_DEPTH];
};

struct scratch_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2); /* off-CPU records, and samples, which may interrupt them */
	__type(key, __u32);
	__type(value, struct sample_scratch);
};

struct ring_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
};

extern struct cpu_map cpus SEC(".maps");
extern struct task_map tasks SEC(".maps");
extern struct account_map accounts SEC(".maps");
extern struct ring_map ring SEC(".maps");
extern struct scratch_map scratch SEC(".maps");

/*
 * Some events come with interrupts enabled (softirqs, system calls, KVM's), and an interrupt's own
 * probe would charge the lane in the middle of theirs. It then leaves the lane alone: the few
 * hundred ns of that interrupt count as what it hit.
 */
static __always_inline bool lane_lock(struct cpu_state *cpu)
{
	if (cpu->locked)
		return false;
	cpu->locked = 1;
	barrier();
	return true;
}

static __always_inline void lane_unlock(struct cpu_state *cpu)
{
	barrier();
	cpu->locked = 0;
}

static __always_inline void count_loss(__u64 *counter)
{
	__sync_fetch_and_add(counter, 1);
}

static __always_inline struct lane_record *lane_get(__s32 id)
{
	if (id < 0 || id >= PROBE_LANES_MAX)
		return NULL;
	return &lanes[id];
}

/** What the clock of @task's run queue has left out so far: stolen time, and interrupts where built
 * so. */
static __always_inline __u64 outside_now(struct task_struct *task)
{
	struct rq *rq;
	__u64 ns = 0;

	if (!bpf_core_field_exists(task->se.cfs_rq) ||
		!bpf_core_field_exists(((struct cfs_rq *)0)->rq))
		return 0;
	rq = BPF_CORE_READ(task, se.cfs_rq, rq);
	if (bpf_core_field_exists(rq->prev_steal_time_rq))
		ns += BPF_CORE_READ(rq, prev_steal_time_rq);
	if (bpf_core_field_exists(rq->prev_irq_time))
		ns += BPF_CORE_READ(rq, prev_irq_time);
	return ns;
}

/*
 * Threads that were there before the gate opened (--attach): what they did then is only told by
 * their first event, and holds since the gate opened, for between the two nothing happened to them.
 * Until then their lane's record has a guess, whose interval is not charged yet: it can be put
 * right.
 */

/** @task runs, and has since the gate opened. */
static __always_inline void task_found_running(struct task_record *t, struct task_struct *task)
{
	struct lane_record *l = lane_get(t->lane);

	t->run = TASK_ON_CPU;
	t->in_ns = phase_start_ns[0];
	if (!l)
		return;
	__sync_fetch_and_add(&l->running, 1);
	l->last_in_ns = phase_start_ns[0];
	l->state = l->base_state;
	l->detail = l->base_detail;
	l->outside_mark_ns = outside_now(task);
}

/** @t is about to run, and has not since the gate opened. */
static __always_inline void task_found_off(struct task_record *t)
{
	struct lane_record *l = lane_get(t->lane);

	t->run = TASK_ASLEEP;
	if (!l)
		return;
	if (!t->waking_ns) {
		l->state = STATE_PREEMPTED; /* by whom is not known */
		l->detail.number = 0;
		l->off_ns = phase_start_ns[0];
	} else if (l->state != STATE_BLOCKED) {
		l->state = STATE_BLOCKED;
		l->detail.number = 0;
	}
}

/** The first event on this CPU finds what ran there all the time. */
static __noinline void cpu_begin(struct cpu_state *cpu)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 pid = task->pid;
	struct task_record *t = pid ? bpf_map_lookup_elem(&tasks, &pid) : NULL;

	cpu->lane = PROBE_LANE_NONE;
	cpu->random = bpf_get_prandom_u32() | 1;
	cpu->ready = 1;
	if (!t || t->run != TASK_UNKNOWN)
		return;
	task_found_running(t, task);
	cpu->lane = t->lane;
}

static __always_inline struct cpu_state *this_cpu(void)
{
	__u32 zero = 0;
	struct cpu_state *cpu = bpf_map_lookup_elem(&cpus, &zero);

	if (cpu && !cpu->ready)
		cpu_begin(cpu);
	return cpu;
}

static __always_inline void outside_update(struct lane_record *l, struct task_struct *task)
{
	__u64 ns = outside_now(task);

	if (ns > l->outside_mark_ns)
		l->outside_ns += ns - l->outside_mark_ns;
	l->outside_mark_ns = ns;
}

/** Put the kernel's clocks beside the books. @now: until when the lane's CPU time @cpu_ns counts.
 */
static __always_inline void audit_take(
	struct lane_record *l, struct task_struct *task, __u64 now, __u64 cpu_ns)
{
	struct audit_point point = {
		.time_ns = now,
		.cpu_ns = cpu_ns,
		.wait_ns = l->wait_ns,
	};
	__u64 phase = l->phase;

	outside_update(l, task);
	point.gap_ns = l->outside_mark_ns;
	point.exec_ns = task->se.sum_exec_runtime + l->outside_ns;
	if (bpf_core_field_exists(task->sched_info.run_delay))
		point.delay_ns = task->sched_info.run_delay;
	barrier_var(phase);
	if (phase >= PROBE_PHASES_MAX)
		return;
	if (!l->first[phase].time_ns)
		l->first[phase] = point;
	l->last[phase] = point;
}

static __always_inline void account_add(
	__u32 lane, __u32 phase, __u32 state, const struct probe_detail *detail, __u64 ns)
{
	struct account_key key = {.lane = lane, .phase = phase, .state = state, .detail = *detail};
	struct account_value *value = bpf_map_lookup_elem(&accounts, &key);

	if (value) {
		value->ns += ns;
		value->count++;
	} else {
		struct account_value fresh = {.ns = ns, .count = 1};

		if (bpf_map_update_elem(&accounts, &key, &fresh, BPF_NOEXIST))
			count_loss(&losses.accounts);
	}
}

static __always_inline void lane_add(__u32 id, struct lane_record *l, __u64 ns)
{
	__u64 phase = l->phase, state = l->state;

	/* Else the compiler checks one copy of the number and indexes by another. */
	barrier_var(phase);
	barrier_var(state);
	if (phase >= PROBE_PHASES_MAX || state >= STATE_COUNT)
		return;
	if (l->detail.number == 0) {
		l->ns[phase][state] += ns;
		l->count[phase][state]++;
	} else {
		account_add(id, phase, state, &l->detail, ns);
	}
}

/**
 * Charge the time since the current interval began to its state; the next begins at @now. Returns
 * 0. A global function: the verifier proves it once, by itself, instead of anew on every path to
 * each of its callers, which is more than Linux 6.1 is willing to follow. Weak, as every object has
 * one: the linker keeps one of them.
 */
__weak __noinline int lane_charge(__u32 id, struct lane_record *l, __u64 now)
{
	__u64 from;

	if (!l)
		return 0;
	from = l->since_ns;
	if (now <= from)
		return 0;
	for (int i = 0; i < PROBE_PHASES_MAX; i++) {
		__u64 next = l->phase + 1;
		__u64 boundary;

		barrier_var(next);

		if (from >= now)
			break;
		if (next >= phase_count || next >= PROBE_PHASES_MAX) {
			lane_add(id, l, now - from);
			break;
		}
		boundary = phase_start_ns[next];
		if (now <= boundary) {
			lane_add(id, l, now - from);
			break;
		}
		if (from < boundary) {
			lane_add(id, l, boundary - from);
			from = boundary;
		}
		l->phase = next;
	}
	l->since_ns = now;
	return 0;
}

static __always_inline void lane_enter(
	__u32 id, struct lane_record *l, __u64 now, __u32 state, const struct probe_detail *detail)
{
	lane_charge(id, l, now);
	l->state = state;
	l->detail = *detail;
}

/** The lane runs: from now on its time is its base state's. */
static __always_inline void lane_enter_base(__u32 id, struct lane_record *l, __u64 now)
{
	lane_enter(id, l, now, l->base_state, &l->base_detail);
}

/** What the lane does while on its CPU changes; an interrupt on top stays where it is. */
static __always_inline void lane_set_base(
	struct cpu_state *cpu, __u32 state, __u64 number, __u64 now)
{
	struct lane_record *l = lane_get(cpu->lane);

	if (!l || !lane_lock(cpu))
		return;
	l->base_state = state;
	l->base_detail = (struct probe_detail){.number = number};
	if (cpu->irq_depth == 0)
		lane_enter_base(cpu->lane, l, now);
	lane_unlock(cpu);
}
