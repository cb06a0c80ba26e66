/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Interrupts that hit a lane: device handlers, softirqs, and the local APIC's vectors. What hits a
 * CPU while no lane holds it does not count. Interrupts nest; the innermost is charged.
 */

#include "probes/join.bpf.h"
#include "probes/unseen.bpf.h"

static __always_inline void look_for_unseen(struct cpu_state *cpu, struct task_struct *task)
{
	bool unexpected = is_unexpected(cpu, task);

	if ((!unexpected && !has_been_away(cpu, task)) || !lane_lock(cpu))
		return;
	if (unexpected)
		catch_up(cpu, task, bpf_ktime_get_ns());
	else
		catch_up_away(cpu, task, bpf_ktime_get_ns());
	lane_unlock(cpu);
}

/* What an interrupt hits and was there before: a thread that computes has no other event for long. */
static __always_inline void look_for_floating(struct cpu_state *cpu, struct task_struct *task)
{
	struct task_record *t = task_get(task);

	if (!t || t->run != TASK_UNKNOWN || !is_floating(t) || !lane_lock(cpu))
		return;
	float_found_running(cpu, t, task);
	cpu->lane = t->lane;
	lane_unlock(cpu);
}

static __always_inline int interrupt_begin(__u32 kind, __u32 number)
{
	struct cpu_state *cpu;
	struct lane_record *l;
	struct probe_detail detail = {.number = (__u64)kind << 32 | number | 1ULL << 63};
	__u64 *number_of;
	__u32 depth;

	if (!gate)
		return 0;
	cpu = this_cpu();
	if (!cpu)
		return 0;
	if (!cpu->irq_depth)
		look_for_unseen(cpu, bpf_get_current_task_btf());
	if (float_left && cpu->lane < 0 && !cpu->irq_depth)
		look_for_floating(cpu, bpf_get_current_task_btf());
	if (named_left && cpu->lane < 0 && !cpu->irq_depth) {
		struct task_record *t = task_get(bpf_get_current_task_btf());

		if (t && t->named && t->run == TASK_ON_CPU && !is_floating(t))
			lane_join_named(cpu, bpf_get_current_task_btf(), t);
	}
	depth = cpu->irq_depth++;
	number_of = element_of(cpu->irq_detail, depth);
	if (number_of)
		*number_of = detail.number;
	l = lane_get(cpu->lane);
	if (l && lane_lock(cpu)) {
		__u64 now = bpf_ktime_get_ns();

		if (depth == 0) {
			cpu->irq_begin_ns = now;
			cpu->irq_exec_start = bpf_get_current_task_btf()->se.exec_start;
		}
		lane_enter(cpu, cpu->lane, now, STATE_IRQ, &detail);
		lane_unlock(cpu);
	}
	return 0;
}

/**
 * When a tick brought the execution time of @task up to date: its handler may have had others, such
 * as the sampling clock's, to serve before.
 */
static __always_inline __u64 tick_instant(
	const struct cpu_state *cpu, struct task_struct *task, __u64 begin, __u64 now)
{
	__u64 when;

	if (!cpu->clock_offset || !bpf_core_field_exists(task->se.cfs_rq) ||
		!bpf_core_field_exists(((struct cfs_rq *)0)->rq))
		return begin;
	when = task->se.exec_start + clock_ahead(task) + cpu->clock_offset;
	return when < begin || when > now ? begin : when;
}

static __always_inline void audit_tick(struct cpu_state *cpu, struct lane_record *l, __u64 now)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_record *t = task_get(task);
	__u64 when;

	if (!t)
		return;
	events_take(t, task);
	/* Not every timer interrupt is a tick: ours, for one, is not. */
	if (l->running != 1 || cpu->irq_begin_ns <= l->last_in_ns ||
		task->se.exec_start == cpu->irq_exec_start)
		return;
	when = tick_instant(cpu, task, cpu->irq_begin_ns, now);
	audit_take(l, t, task, when, l->cpu_ns + when - l->last_in_ns);
}

static __always_inline int interrupt_end(bool tick)
{
	struct cpu_state *cpu;
	struct lane_record *l;
	__u32 depth;

	if (!gate)
		return 0;
	cpu = this_cpu();
	/* The gate may have opened, or the lane been switched, inside the handler. */
	if (!cpu || !cpu->irq_depth)
		return 0;
	depth = --cpu->irq_depth;
	l = lane_get(cpu->lane);
	if (!l || !lane_lock(cpu))
		return 0;
	if (depth) {
		__u64 *number_of = element_of(cpu->irq_detail, depth - 1);
		struct probe_detail outer = {};

		/* Nested deeper than is kept, the time stays with the inner one. */
		if (number_of)
			outer.number = *number_of;
		else
			outer = l->detail;
		lane_enter(cpu, cpu->lane, bpf_ktime_get_ns(), STATE_IRQ, &outer);
	} else {
		__u64 now = bpf_ktime_get_ns();

		lane_enter_base(cpu, cpu->lane, l, now);
		cpu->irq_ns += now - cpu->irq_begin_ns;
		if (tick)
			audit_tick(cpu, l, now);
	}
	lane_unlock(cpu);
	return 0;
}

SEC("tp_btf/irq_handler_entry")
int BPF_PROG(on_irq_entry, int irq, struct irqaction *action)
{
	return interrupt_begin(IRQ_HARD, irq);
}

SEC("tp_btf/irq_handler_exit")
int BPF_PROG(on_irq_exit)
{
	return interrupt_end(false);
}

SEC("tp_btf/softirq_entry")
int BPF_PROG(on_softirq_entry, unsigned int vector)
{
	return interrupt_begin(IRQ_SOFT, vector);
}

SEC("tp_btf/softirq_exit")
int BPF_PROG(on_softirq_exit)
{
	return interrupt_end(false);
}

#define VECTOR_PROBE(name, vector)                                                                 \
	SEC("tp_btf/" #name "_entry")                                                              \
	int BPF_PROG(on_##name##_entry)                                                            \
	{                                                                                          \
		return interrupt_begin(IRQ_VECTOR, vector);                                        \
	}                                                                                          \
	SEC("tp_btf/" #name "_exit")                                                               \
	int BPF_PROG(on_##name##_exit)                                                             \
	{                                                                                          \
		return interrupt_end((vector) == VECTOR_LOCAL_TIMER);                              \
	}

VECTOR_PROBE(local_timer, VECTOR_LOCAL_TIMER)
VECTOR_PROBE(reschedule, VECTOR_RESCHEDULE)
VECTOR_PROBE(call_function, VECTOR_CALL_FUNCTION)
VECTOR_PROBE(call_function_single, VECTOR_CALL_FUNCTION_SINGLE)
VECTOR_PROBE(irq_work, VECTOR_IRQ_WORK)
VECTOR_PROBE(thermal_apic, VECTOR_THERMAL)
VECTOR_PROBE(x86_platform_ipi, VECTOR_PLATFORM_IPI)
