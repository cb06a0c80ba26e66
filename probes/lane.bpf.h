/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The books, as the programs keep them: maps, knobs and the few functions by which a lane's time is
 * charged. A lane may have several threads, whose events come on several CPUs at once. So what a
 * lane does next is decided under the lane's own lock, where the interval that ends is taken from
 * its record: each instant is taken by exactly one event. Charging it is done outside of the lock,
 * by atomic addition.
 *
 * Phases: user space publishes the begin of a phase a little in the future, so every charge that
 * could span it sees it; an interval is split exactly where phases meet. A begin that was published
 * too late to be sure of that never moves: user space publishes another, and the part between the
 * two belongs to the phase before. What is called a phase here is such a part.
 */

/* clang-format off */
#include "probes/kernel_types.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "probes/bounds.bpf.h"
#include "probes/charge.h"
#include "probes/records.h"

#ifndef barrier
#define barrier() asm volatile("" ::: "memory")
#endif
/* clang-format on */

/* How many of a CPU's events of a kind are recorded with their stacks. */
struct stack_rate {
	__u64 window_ns; /* when the current window began */
	__u32 seen;      /* intervals in it */
	__u32 weight;    /* one in so many is taken, at least: what the last window came to */
	__u32 storm;     /* windows one after the other that had more than their budget */
	__u32 phase;     /* in which they were */
};

#define CPU_WAITING_MAX 4

/** A lane or a thread leaves its CPU at a switch at which the scheduler's clock is @late. */
static __always_inline void late_off(struct clock_lateness *l, bool queued, __u64 late)
{
	l->exec_ns += late;
	l->waiting_ns = queued ? late : 0;
}

/** It gets one. */
static __always_inline void late_on(struct clock_lateness *l, __u64 late)
{
	l->exec_ns -= late;
	l->delay_ns += l->waiting_ns - late;
	l->waiting_ns = 0;
}

/** How an event changes what a lane does. */
enum lane_step {
	LANE_ENTER, /* the lane enters the state */
	LANE_WAITS, /* the same, if it is still waiting for a CPU */
	LANE_ON,    /* the same, by a thread that got a CPU; what was blocked was woken first */
	LANE_OFF,   /* a thread lost its CPU: the state holds if no other of the lane's can go on */
	LANE_FOUND, /* what is known of the lane is put right, from the interval's begin on */
};

/** An event, and the interval that it ends. */
struct lane_change {
	__u64 now;
	__u64 woken; /* LANE_ON: when; and after it since when the lane could run, or 0 */
	__u32 step;
	__u32 state;                      /* what the lane enters */
	__u32 waits_state;                /* LANE_OFF: where another thread waits for a CPU */
	__s32 running, runnable, members; /* how many more there are now */
	struct probe_detail detail;
	struct probe_detail waits_detail;
	__u64 from; /* the interval that ends: taken from the lane, to be charged */
	__u32 from_phase;
	__u32 from_state;
	struct probe_detail from_detail;
	__u32 kept; /* the lane goes on as it was: nothing is taken */
	/* For the timeline, of the interval as it was taken: */
	__u32 begin_phase;
	__u64 begin_ns;
	__u32 begin_state;
	__u32 unused;
	struct probe_detail begin_detail;
	struct merged_intervals flushed;
};

/*
 * Whose change of a lane: of a program that nothing interrupts but an interrupt, or of one that may
 * be preempted, as newer kernels allow at most tracepoints; others run then.
 */
#define CHANGE_STEADY      0
#define CHANGE_PREEMPTIBLE 1
#define CHANGES            2
#ifndef CHANGE_OF_PROGRAM /* of the programs of this file */
#define CHANGE_OF_PROGRAM CHANGE_STEADY
#endif

struct cpu_state {
	__s32 lane; /* the lane that runs here, or PROBE_LANE_NONE */
	__u32 irq_depth;
	__u64 irq_detail[PROBE_IRQ_NESTING];
	__u64 irq_begin_ns;   /* of the outermost interrupt */
	__u64 irq_ns;         /* of all that hit lanes here, until now */
	__u64 irq_exec_start; /* of the thread that it hit */
	__u32 n_waiting;
	__u32 waiting[CPU_WAITING_MAX]; /* lanes that wait for this CPU, so that who runs instead is
					   known */
	struct stack_rate offcpu_sleeps; /* of lanes */
	struct stack_rate offcpu_waits;  /* of lanes, for a CPU */
	struct stack_rate offcpu_helpers;
	struct stack_rate exits; /* of vCPUs from their guests */
	__u32 random;
	__u32 ready;
	__u32 locked;       /* a program is in the middle of charging a lane */
	__u32 taking;       /* one is in the middle of taking an exit's stack */
	__u64 running;      /* address of the task_struct that runs here */
	__u64 in_ns;        /* since when, if its coming was seen */
	__s64 clock_offset; /* our clock minus the run queue's; 0: not known */
	__u64 compared_ns;  /* when that was last looked at */
	__u64 arrivals;     /* how often what runs here has got a CPU, if none was missed */
	__u64 exec_ns;      /* its execution time when it got this one */
	__u64 late_ns;      /* by which the scheduler's clock is late at this switch */
	struct lane_change change[CHANGES]; /* being made by this CPU */
};

#define LANE_PROCESSES 4096 /* a power of two */

/* Defined in lanes.bpf.c. */
extern volatile __u32 gate; /* nothing is recorded while it is 0 */
extern volatile __u32 phase_count;
extern volatile __u64 phase_start_ns[PROBE_PARTS_MAX];
extern struct lane_record lanes[PROBE_LANE_RECORDS];
extern struct probe_losses losses;
extern volatile __u32 adopted_left;         /* entries of adopted, at most */
extern volatile __u32 named_left;           /* threads that wait to join a lane */
extern volatile __u32 float_left;           /* adopted threads that float and had no event yet */
extern __u8 lane_processes[LANE_PROCESSES]; /* see may_be_of_lane() */
extern const volatile bool lanes_are_cpus;  /* see float.bpf.h */
extern volatile __u32 lanes_by_name;        /* not, after all */
extern const volatile bool user_stacks;
extern const volatile __u32 collector_tgid;
extern const volatile bool watch_timeline;
extern volatile __u32 timeline_budget;

struct cpu_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cpu_state);
};

struct task_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct task_record);
};

/* Threads that user space wants followed, by pid, until their first event moves them to the above.
 */
struct adopted_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct task_record);
};

struct account_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct account_key);
	__type(value, struct account_value);
};

/* Locks cannot be where user space could write to them. */
struct lane_mutex {
	struct bpf_spin_lock lock;
};

struct lane_mutex_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PROBE_LANE_RECORDS);
	__type(key, __u32);
	__type(value, struct lane_mutex);
};

struct sample_scratch {
	struct record_sample head;
	__u64 frames[4 * PROBE_STACK_DEPTH]; /* three kinds; a power of two, for the verifier */
};

/* Records that are made of their own, as one may interrupt another. */
enum scratch_record {
	SCRATCH_OFFCPU,
	SCRATCH_SAMPLE,
	SCRATCH_EXIT,
	SCRATCH_COUNT,
};

struct scratch_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCH_COUNT);
	__type(key, __u32);
	__type(value, struct sample_scratch);
};

struct ring_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
};

/* That of the timeline, which fills up first in a storm. */
struct timeline_ring_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, TIMELINE_RING_BYTES);
};

extern struct cpu_map cpus SEC(".maps");
extern struct task_map tasks SEC(".maps");
extern struct adopted_map adopted SEC(".maps");
extern struct account_map accounts SEC(".maps");
extern struct ring_map ring SEC(".maps");
extern struct timeline_ring_map timeline_ring SEC(".maps");
extern struct scratch_map scratch SEC(".maps");
extern struct lane_mutex_map lane_mutexes SEC(".maps");

/*
 * Some events come with interrupts enabled (softirqs, system calls, KVM's), and an interrupt's own
 * probe would charge the lane in the middle of theirs. It then leaves the lane alone: the few
 * hundred ns of that interrupt count as what it hit. So do those of a thread that comes while a
 * program is preempted in the middle.
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
	return element_of(lanes, id); /* no lane, -1, is past its end */
}

/* By the process: a thread that calls exec may get another number. */
static __always_inline __u8 *lane_process_mark(struct task_struct *task)
{
	return element_of(lane_processes, task->tgid & (LANE_PROCESSES - 1));
}

/**
 * Wake-ups and migrations are looked at for lanes only, and those of all others come as often: they
 * shall not cost a look into the large table. What may be said wrongly is only that a thread's
 * process has lanes: it had, or another has whose number ends alike.
 */
static __always_inline bool may_be_of_lane(struct task_struct *task)
{
	__u8 *mark = lane_process_mark(task);

	return adopted_left || (mark && *mark);
}

/** Comes before its record says so. */
static __always_inline void lane_process_note(struct task_struct *task)
{
	__u8 *mark = lane_process_mark(task);

	if (mark)
		*mark = 1;
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
	rq = task->se.cfs_rq->rq;
	if (bpf_core_field_exists(rq->prev_steal_time_rq))
		ns += rq->prev_steal_time_rq;
	if (bpf_core_field_exists(rq->prev_irq_time))
		ns += rq->prev_irq_time;
	return ns;
}

static __always_inline void outside_update(struct lane_record *l, struct task_struct *task)
{
	__u64 ns = outside_now(task);

	if (ns > l->outside_mark_ns)
		l->outside_ns += ns - l->outside_mark_ns;
	l->outside_mark_ns = ns;
}

/** The scheduler's execution time of the lane, on whose CPU is @task, which is @t. */
static __always_inline __u64 lane_exec_ns(
	const struct lane_record *l, const struct task_record *t, const struct task_struct *task)
{
	if (!lanes_are_cpus || !t->floats)
		return task->se.sum_exec_runtime;
	return l->exec_ns + task->se.sum_exec_runtime - t->in_exec_ns;
}

/** Put the kernel's clocks beside the books. @now: until when the lane's CPU time @cpu_ns counts.
 */
static __always_inline void audit_take(struct lane_record *l, const struct task_record *t,
	struct task_struct *task, __u64 now, __u64 cpu_ns)
{
	struct audit_point point = {
		.time_ns = now,
		.cpu_ns = cpu_ns,
		.wait_ns = l->wait_ns,
	};
	__u32 phase = l->phase;
	struct audit_point *first, *last;

	outside_update(l, task);
	point.gap_ns = l->outside_mark_ns;
	point.exec_ns = lane_exec_ns(l, t, task) + l->outside_ns + l->late.exec_ns;
	/* Threads that wait for the same CPU each have a delay of their own. */
	if (!lanes_are_cpus && bpf_core_field_exists(task->sched_info.run_delay))
		point.delay_ns = task->sched_info.run_delay - l->late.delay_ns;
	first = element_of(l->first, phase);
	if (first && !first->time_ns)
		*first = point;
	last = element_of(l->last, phase);
	if (last)
		*last = point;
}

static __always_inline void account_add(
	__u32 lane, __u32 phase, __u32 state, const struct probe_detail *detail, __u64 ns)
{
	struct account_key key = charge_account(lane, phase, state, detail);
	struct account_value *value = bpf_map_lookup_elem(&accounts, &key);

	if (!value) {
		struct account_value fresh = {.ns = ns, .count = 1};

		if (!bpf_map_update_elem(&accounts, &key, &fresh, BPF_NOEXIST))
			return;
		/* Full; or another CPU was here first. */
		value = bpf_map_lookup_elem(&accounts, &key);
	}
	if (!value) {
		count_loss(&losses.accounts);
		return;
	}
	__sync_fetch_and_add(&value->ns, ns);
	__sync_fetch_and_add(&value->count, 1);
}

static __always_inline void lane_add(
	__u32 id, struct lane_record *l, const struct lane_change *c, __u64 ns)
{
	__u32 phase = c->from_phase, state = c->from_state;
	__u64 *sum, *count;

	if (charge_has_account(&c->from_detail)) {
		account_add(id, phase, state, &c->from_detail, ns);
		return;
	}
	sum = cell_of(l->ns, phase, state);
	count = cell_of(l->count, phase, state);
	if (!sum || !count)
		return;
	__sync_fetch_and_add(sum, ns);
	__sync_fetch_and_add(count, 1);
}

/** What is left of an interval that spans phases. */
struct lane_charge {
	struct lane_record *l;
	struct lane_change *c;
	__u64 until;
	__u32 id;
	__u32 unused;
};

/* Up to the next phase, or to the end: 1. */
static long lane_charge_step(__u32 i, void *context)
{
	struct lane_charge *charge = context;
	struct lane_change *c = charge->c;
	__u32 next = c->from_phase + 1;
	volatile __u64 *start = next < phase_count ? element_of(phase_start_ns, next) : NULL;
	__u64 until = charge_part_end(start, charge->until);

	(void)i;
	if (c->from < until) {
		lane_add(charge->id, charge->l, c, until - c->from);
		c->from = until;
	}
	if (until == charge->until)
		return 1;
	c->from_phase = next;
	return 0;
}

/** Charge the interval that was taken, up to @until. */
static __always_inline void lane_charge(
	__u32 id, struct lane_record *l, struct lane_change *c, __u64 until)
{
	struct lane_charge charge = {.l = l, .c = c, .until = until, .id = id};

	/* The verifier follows the body of bpf_loop() once, but every turn of a loop of ours, in
	 * every program. The first turn, which is the last but where phases meet, is without its
	 * cost. */
	if (!lane_charge_step(0, &charge))
		bpf_loop(PROBE_PARTS_MAX, lane_charge_step, &charge, 0);
	c->from = until;
}

/** The phase that @now is in becomes the lane's. Under its lock. */
static __always_inline void lane_advance(struct lane_record *l, __u64 now)
{
	for (int i = 0; i < PROBE_PARTS_MAX; i++) {
		__u32 next = l->phase + 1;
		volatile __u64 *start = element_of(phase_start_ns, next);

		if (!start || next >= phase_count || now <= *start)
			break;
		l->phase = next;
	}
}

/** Does the lane go on as it was? Under its lock. */
static __always_inline bool lane_goes_on(struct lane_record *l, const struct lane_change *c)
{
	if (c->step == LANE_WAITS)
		return l->state != STATE_PREEMPTED && l->state != STATE_THROTTLED;
	return c->step == LANE_OFF && l->running > 0;
}

/**
 * Make this CPU's change @which of lane @id: take the interval that ends, and charge it. Returns 0.
 * A global function: the verifier proves it once, by itself, instead of anew on every path to each of
 * its callers, which is more than Linux 6.1 is willing to follow. Weak, as every object has one: the
 * linker keeps one of them. It takes no pointers, as such a function cannot before Linux 5.12.
 */
__weak __noinline int lane_make_change(__u32 id, __u32 which)
{
	__u32 zero = 0;
	struct cpu_state *cpu = bpf_map_lookup_elem(&cpus, &zero);
	struct lane_mutex *mutex = bpf_map_lookup_elem(&lane_mutexes, &id);
	struct lane_record *l = lane_get(id);
	struct lane_change *c;
	bool woke = false;

	if (!cpu || !mutex || !l)
		return 0;
	c = element_of(cpu->change, which);
	if (!c)
		return 0;
	bpf_spin_lock(&mutex->lock);
	l->running += c->running;
	l->members += c->members;
	__sync_fetch_and_add(&l->runnable, c->runnable);
	c->kept = lane_goes_on(l, c);
	if (!c->kept) {
		c->from = l->since_ns;
		c->from_phase = l->phase;
		c->from_state = l->state;
		c->from_detail = l->detail;
		woke = c->step == LANE_ON && l->state == STATE_BLOCKED && l->running == 1;
		if (c->step == LANE_OFF && l->runnable > 0) {
			c->state = c->waits_state;
			c->detail = c->waits_detail;
		}
		l->state = c->state;
		l->detail = c->detail;
		/* Another CPU's event may have come later and be here before. */
		if (c->step != LANE_FOUND && c->now > l->since_ns) {
			l->since_ns = c->now;
			lane_advance(l, c->now);
		}
	}
	bpf_spin_unlock(&mutex->lock);
	if (c->kept || c->step == LANE_FOUND)
		return 0;
	if (watch_timeline) {
		c->begin_ns = c->from;
		c->begin_phase = c->from_phase;
		c->begin_state = c->from_state;
		c->begin_detail = c->from_detail;
	}
	if (woke) {
		__u64 woken = c->woken;

		if (woken < c->from)
			woken = c->from;
		if (woken > c->now)
			woken = c->now;
		c->woken = woken;
		lane_charge(id, l, c, woken);
		c->from_state = STATE_WAKEUP;
		c->from_detail = (struct probe_detail){};
	} else {
		c->woken = 0;
	}
	lane_charge(id, l, c, c->now);
	return 0;
}

int timeline_change(__u32 id, __u32 which);

static __always_inline void lane_apply(__u32 id)
{
	lane_make_change(id, CHANGE_OF_PROGRAM);
	/* Not by that one: Linux 6.1 allows 512 bytes of stack to all who call each other. */
	if (watch_timeline)
		timeline_change(id, CHANGE_OF_PROGRAM);
}

/** Begin a change of a lane, to be filled in and applied. */
static __always_inline struct lane_change *lane_change(
	struct cpu_state *cpu, enum lane_step step, __u64 now)
{
	struct lane_change *c = &cpu->change[CHANGE_OF_PROGRAM];

	c->now = now;
	c->step = step;
	c->woken = 0;
	c->running = c->runnable = c->members = 0;
	return c;
}

static __always_inline void lane_enter(
	struct cpu_state *cpu, __u32 id, __u64 now, __u32 state, const struct probe_detail *detail)
{
	struct lane_change *c = lane_change(cpu, LANE_ENTER, now);

	c->state = state;
	c->detail = *detail;
	lane_apply(id);
}

/** The lane runs: from now on its time is its base state's. */
static __always_inline void lane_enter_base(
	struct cpu_state *cpu, __u32 id, struct lane_record *l, __u64 now)
{
	lane_enter(cpu, id, now, l->base_state, &l->base_detail);
}

/** What the kernel has counted of @task so far. */
static __always_inline void events_take(struct task_record *t, struct task_struct *task)
{
	t->events[EVENT_TASK_CLOCK] = task->se.sum_exec_runtime;
	t->events[EVENT_SWITCHES] = task->nvcsw + task->nivcsw;
	t->events[EVENT_MIGRATIONS] = task->se.nr_migrations;
	t->events[EVENT_MINOR_FAULTS] = task->min_flt;
	t->events[EVENT_MAJOR_FAULTS] = task->maj_flt;
}

/** From now on its events are its lane's. */
static __always_inline void events_begin(struct task_record *t, struct task_struct *task)
{
	events_take(t, task);
	__builtin_memcpy(t->events_begin, t->events, sizeof(t->events_begin));
}

/** It ends: its lane keeps what was counted of it. */
static __always_inline void events_keep(struct task_record *t)
{
	struct lane_record *l = lane_get(t->lane);

	for (int i = 0; l && i < EVENT_COUNT; i++)
		__sync_fetch_and_add(&l->events[i], charge_events(t, i));
}

/*
 * Threads that were there before the gate opened (--attach): what they did then is only told by
 * their first event, and holds since the gate opened, for between the two nothing happened to them.
 * Until then their lane's record has a guess, whose interval is not charged yet: it can be put
 * right.
 */

/** @task runs, and has since the gate opened. */
static __always_inline void task_found_running(
	struct cpu_state *cpu, struct task_record *t, struct task_struct *task)
{
	struct lane_record *l = lane_get(t->lane);
	struct lane_change *c = lane_change(cpu, LANE_FOUND, 0);

	t->run = TASK_ON_CPU;
	t->cpu = bpf_get_smp_processor_id();
	t->in_ns = t->late ? t->adopted_ns : phase_start_ns[0];
	events_begin(t, task);
	if (!l)
		return;
	l->last_in_ns = phase_start_ns[0];
	c->running = 1;
	c->state = l->base_state;
	c->detail = l->base_detail;
	lane_apply(t->lane);
	l->outside_mark_ns = outside_now(task);
}

/** @t is about to run, and has not since the gate opened. */
static __always_inline void task_found_off(
	struct cpu_state *cpu, struct task_record *t, struct task_struct *task)
{
	struct lane_record *l = lane_get(t->lane);
	struct lane_change *c = lane_change(cpu, LANE_FOUND, 0);

	t->run = TASK_ASLEEP;
	t->off_weight = 1; /* user space is told that it is back */
	events_begin(t, task);
	if (!l || l->running > 0)
		return;
	c->detail = (struct probe_detail){};
	if (!t->waking_ns) {
		c->state = STATE_PREEMPTED; /* by whom is not known */
		l->off_ns = phase_start_ns[0];
		lane_apply(t->lane);
	} else if (l->state != STATE_BLOCKED) {
		c->state = STATE_BLOCKED;
		lane_apply(t->lane);
	}
}

/** The first event of a thread that user space named by its pid. */
static __noinline struct task_record *task_adopt(struct task_struct *task)
{
	__u64 key = (__u64)task;
	__u32 pid = task->pid;
	struct task_record *t = bpf_map_lookup_elem(&adopted, &pid);

	if (!t || t->tgid != (__u32)task->tgid)
		return NULL;
	if (t->lane >= 0 || t->floats)
		lane_process_note(task);
	/* Where it fails, as newer kernels' locks may, the next event tries again. */
	if (bpf_map_update_elem(&tasks, &key, t, BPF_NOEXIST) && !bpf_map_lookup_elem(&tasks, &key))
		return NULL;
	if (bpf_map_delete_elem(&adopted, &pid) == 0)
		__sync_fetch_and_add(&adopted_left, -1);
	return bpf_map_lookup_elem(&tasks, &key);
}

/** The stack's record of @task, or NULL: it is not of the stack. */
static __always_inline struct task_record *task_get(struct task_struct *task)
{
	__u64 key = (__u64)task;
	struct task_record *t = bpf_map_lookup_elem(&tasks, &key);

	return t || !adopted_left ? t : task_adopt(task);
}

/** The first event on this CPU finds what ran there all the time. */
static __noinline void cpu_begin(struct cpu_state *cpu)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_record *t = task_get(task);

	cpu->lane = PROBE_LANE_NONE;
	cpu->random = bpf_get_prandom_u32() | 1;
	cpu->ready = 1;
	if (!t || t->run != TASK_UNKNOWN ||
		t->floats) /* which the scheduler's events and ticks find */
		return;
	task_found_running(cpu, t, task);
	cpu->lane = t->lane;
}

/** The same without a look at what runs there: for programs that may not take locks (samples). */
static __always_inline struct cpu_state *this_cpu_as_is(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&cpus, &zero);
}

static __always_inline struct cpu_state *this_cpu(void)
{
	struct cpu_state *cpu = this_cpu_as_is();

	if (cpu && !cpu->ready)
		cpu_begin(cpu);
	return cpu;
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
		lane_enter_base(cpu, cpu->lane, l, now);
	lane_unlock(cpu);
}

/* Of what is above, and called by it. */
#include "probes/timeline.bpf.h"
