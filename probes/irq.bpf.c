/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Interrupts that hit a lane: device handlers, softirqs, and the local APIC's vectors. What hits a
 * CPU while no lane holds it does not count. Interrupts nest; the innermost is charged.
 */

#include "probes/unseen.bpf.h"

static __always_inline int interrupt_begin(__u32 kind, __u32 number)
{
	struct cpu_state *cpu;
	struct lane_record *l;
	struct probe_detail detail = {.number = (__u64)kind << 32 | number | 1ULL << 63};
	__u32 depth;

	if (!gate)
		return 0;
	cpu = this_cpu();
	if (!cpu)
		return 0;
	if (is_unexpected(cpu, bpf_get_current_task_btf()) && !cpu->irq_depth && lane_lock(cpu)) {
		catch_up(cpu, bpf_get_current_task_btf(), bpf_ktime_get_ns());
		lane_unlock(cpu);
	}
	depth = cpu->irq_depth++;
	if (depth < PROBE_IRQ_NESTING)
		cpu->irq_detail[depth & (PROBE_IRQ_NESTING - 1)] = detail.number;
	l = lane_get(cpu->lane);
	if (l && lane_lock(cpu)) {
		__u64 now = bpf_ktime_get_ns();

		if (depth == 0) {
			cpu->irq_begin_ns = now;
			cpu->irq_exec_start = bpf_get_current_task_btf()->se.exec_start;
		}
		lane_enter(cpu->lane, l, now, STATE_IRQ, &detail);
		lane_unlock(cpu);
	}
	return 0;
}

/* The tick brings the scheduler's clock of the thread up to date, as it was when the tick began. */
static __always_inline void audit_tick(struct cpu_state *cpu, struct lane_record *l)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 begin = cpu->irq_begin_ns;

	/* Not every timer interrupt is a tick: ours, for one, is not. */
	if (l->running == 1 && begin > l->last_in_ns && task->se.exec_start != cpu->irq_exec_start)
		audit_take(l, task, begin, l->cpu_ns + begin - l->last_in_ns);
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
		struct probe_detail outer = {
			.number = cpu->irq_detail[(depth - 1) & (PROBE_IRQ_NESTING - 1)]};

		lane_enter(cpu->lane, l, bpf_ktime_get_ns(), STATE_IRQ, &outer);
	} else {
		lane_enter_base(cpu->lane, l, bpf_ktime_get_ns());
		if (tick)
			audit_tick(cpu, l);
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
