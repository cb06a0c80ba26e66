/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * On-CPU samples: a clock on every CPU interrupts what runs there; if it is a thread of the stack,
 * its stacks (kernel, and user by frame pointers) go to the ring buffer.
 */

#include "probes/stacks.bpf.h"

#define PF_VCPU 0x1 /* the kernel's include/linux/sched.h: KVM's guest runs, or was just left */

SEC("perf_event")
int on_sample(struct bpf_perf_event_data *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid(), which = SCRATCH_SAMPLE;
	struct task_record *t;
	struct sample_scratch *s;
	struct cpu_state *cpu;
	struct lane_record *l;
	struct task_struct *task;
	struct pt_regs *regs;

	if (!gate || !pid)
		return 0;
	t = bpf_map_lookup_elem(&tasks, &pid);
	if (!t)
		return 0;
	cpu = this_cpu();
	s = bpf_map_lookup_elem(&scratch, &which);
	if (!cpu || !s)
		return 0;
	task = bpf_get_current_task_btf();
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	l = lane_get(t->lane);
	s->head.type = RECORD_SAMPLE;
	s->head.lane = t->lane;
	s->head.pid = pid;
	s->head.tgid = t->tgid;
	s->head.time_ns = bpf_ktime_get_ns();
	s->head.ip = ctx->regs[PERF_REG_IP];
	s->head.user_ip = regs->ip;
	s->head.syscall = (long)regs->orig_ax < 0 ? -1 : (__s32)regs->orig_ax;
	s->head.mode = (__s64)s->head.ip < 0 ? SAMPLE_KERNEL : SAMPLE_USER;
	if (s->head.mode == SAMPLE_KERNEL && task->flags & PF_VCPU)
		s->head.mode = SAMPLE_GUEST;
	/* The sampling clock is itself an interrupt; a second one below it means that it hit a
	 * handler. */
	if (cpu->irq_depth > 1)
		s->head.mode = SAMPLE_IRQ;
	s->head.state = l ? l->base_state : STATE_NONE;
	__builtin_memcpy(s->head.name, t->name, sizeof(s->head.name));
	take_stacks(ctx, s, s->head.mode == SAMPLE_USER ? s->head.ip : s->head.user_ip);
	send_stacks(s);
	return 0;
}
