/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Time off the CPU by stack: the stacks of a thread that loses its CPU, and when it has one again. */

#include "probes/budget.bpf.h"
#include "probes/stacks.bpf.h"

/* Intervals off the CPU that a CPU records with their stacks in a window before it samples. */
#define OFFCPU_LANES   25
#define OFFCPU_HELPERS 10

extern const volatile bool watch_offcpu;

/** For how many intervals that of @t, which begins at @now, is to stand; 0: it is not recorded. */
static __always_inline __u32 offcpu_weight(
	struct cpu_state *cpu, const struct task_record *t, __u64 now)
{
	if (!watch_offcpu)
		return 0;
	/* Apart, so that a storm of helpers hides nothing of the lanes, and a lane that others preempt
	 * time and again does not lose its one long sleep. */
	if (t->lane >= 0 && t->run == TASK_ASLEEP)
		return stack_weight(cpu, &cpu->offcpu_sleeps, OFFCPU_LANES, now);
	if (t->lane >= 0)
		return stack_weight(cpu, &cpu->offcpu_waits, OFFCPU_LANES, now);
	return stack_weight(cpu, &cpu->offcpu_helpers, OFFCPU_HELPERS, now);
}

/** Is the interval off the CPU of @t that begins at @now to be recorded? */
static __always_inline bool offcpu_choose(struct cpu_state *cpu, struct task_record *t, __u64 now)
{
	t->off_weight = offcpu_weight(cpu, t, now);
	t->off_ns = watch_offcpu && !t->off_weight && t->lane >= 0 ? now : 0;
	return t->off_weight;
}

/** What a record has of @t that was off its CPU from @now on, but for the stacks. */
static __always_inline void offcpu_describe(
	struct record_sample *s, const struct task_record *t, __u32 pid, __u64 now)
{
	s->type = RECORD_OFF;
	s->lane = t->lane;
	s->pid = pid;
	s->tgid = t->tgid;
	s->origin = t->origin;
	s->time_ns = now;
	s->weight = t->off_weight;
	__builtin_memcpy(s->name, t->name, sizeof(s->name));
}

static __always_inline void offcpu_begin(void *ctx, struct cpu_state *cpu, struct task_record *t,
	struct task_struct *prev, __u64 now)
{
	const struct pt_regs *regs = (void *)bpf_task_pt_regs(prev);
	__u32 which = SCRATCH_OFFCPU;
	struct unwind_registers user;
	struct sample_scratch *s;

	if (!offcpu_choose(cpu, t, now))
		return;
	s = bpf_map_lookup_elem(&scratch, &which);
	if (!s)
		return;
	offcpu_describe(&s->head, t, prev->pid, now);
	user = user_registers(regs);
	s->head.user_ip = regs->ip;
	take_stacks(ctx, s, SCRATCH_OFFCPU, &user);
	send_stacks(s);
}

/** The same of the task at @address where the kernel reported no switch at @when: no stacks are known. */
static __always_inline void offcpu_begin_unseen(
	struct cpu_state *cpu, struct task_record *t, __u64 address, __u64 when)
{
	struct record_sample *s;

	if (!offcpu_choose(cpu, t, when))
		return;
	s = bpf_ringbuf_reserve(&ring, sizeof(*s), 0);
	if (!s) {
		count_loss(&losses.ring);
		return;
	}
	__builtin_memset(s, 0, sizeof(*s));
	offcpu_describe(s, t, BPF_CORE_READ((struct task_struct *)address, pid), when);
	bpf_ringbuf_submit(s, wakeup_flag());
}

/** The interval off the CPU of @t that ends at @now is in no record yet. */
static __always_inline void offcpu_end_long(struct task_record *t, __u64 now)
{
	struct record_long *r;
	__u64 since = t->off_ns;

	t->off_ns = 0;
	if (!since || now < since + OFFCPU_LONG_NS)
		return;
	r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
	if (!r) {
		count_loss(&losses.ring);
		return;
	}
	r->type = RECORD_LONG;
	r->lane = t->lane;
	r->tgid = t->tgid;
	r->unused = 0;
	r->begin_ns = since;
	r->time_ns = now;
	__builtin_memcpy(r->name, t->name, sizeof(r->name));
	bpf_ringbuf_submit(r, wakeup_flag());
}

/** @t, which is thread @pid, has a CPU again. */
static __always_inline void offcpu_end(__u32 pid, struct task_record *t, __u64 now)
{
	struct record_on record = {.type = RECORD_ON, .pid = pid, .time_ns = now};

	if (!t->off_weight) {
		offcpu_end_long(t, now);
		return;
	}
	t->off_weight = 0;
	if (bpf_ringbuf_output(&ring, &record, sizeof(record), wakeup_flag()))
		count_loss(&losses.ring);
}
