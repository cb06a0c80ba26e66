/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * On-CPU samples: a clock on every CPU interrupts what runs there; if it is a thread of the stack,
 * its stacks (kernel, user by frame pointers, and the guest's where it is a vCPU) go to the ring
 * buffer. And exits of a vCPU under KVM, with the guest's stack and the time until it is entered again.
 */

#include "probes/boot.bpf.h"
#include "probes/budget.bpf.h"
#include "probes/guest_kvm.bpf.h"
#include "probes/guest_tcg.bpf.h"
#include "probes/queues.bpf.h"

struct guest_chain_map guest_chains SEC(".maps");

/* The guest's stack, if the thread is a vCPU whose registers can be had. What an interrupt does is
 * not for the guest. */
static __always_inline void take_guest(struct bpf_perf_event_data *ctx, struct sample_scratch *s)
{
	struct guest_registers r = {0};
	int known = 0;

	if (guest_source == GUEST_TCG) {
		__u64 rbp = s->head.mode == SAMPLE_USER ? ctx->regs[PERF_REG_BP] : 0;

		known = guest_tcg_registers(s->head.lane, rbp, &r, &s->head.guest.at_env);
	} else if (guest_source == GUEST_KVM && s->head.mode != SAMPLE_IRQ) {
		s->head.guest_left = s->head.mode != SAMPLE_GUEST;
		known = guest_kvm_registers(ctx,
			kvm_vcpu_of(bpf_get_current_task_btf(), s->head.lane), s->head.guest_left,
			&r);
	}
	if (known)
		guest_take(s, &r);
}

/* Of a thread that was hit in user mode. The context is read at offsets that the verifier can see. */
static __always_inline struct unwind_registers sampled_registers(struct bpf_perf_event_data *ctx)
{
	__u64 ip = ctx->regs[PERF_REG_IP], sp = ctx->regs[PERF_REG_SP];
	__u64 bp = ctx->regs[PERF_REG_BP], cs = ctx->regs[PERF_REG_CS];

	barrier_var(ip);
	barrier_var(sp);
	barrier_var(bp);
	barrier_var(cs);
	return (struct unwind_registers){
		.rip = (cs & 0xffff) == USER_CS ? ip : 0,
		.rsp = sp,
		.rbp = bp,
		.exact = 1,
		.others = UNWIND_OTHERS_ALL,
	};
}

static __always_inline int take_sample(struct bpf_perf_event_data *ctx, bool with_guest)
{
	__u32 pid = bpf_get_current_pid_tgid(), which = SCRATCH_SAMPLE;
	struct task_record *t;
	struct sample_scratch *s;
	struct cpu_state *cpu;
	struct lane_record *l;
	struct task_struct *task;
	struct unwind_registers user;
	struct pt_regs *regs;
	__s32 lane;

	if (!gate || !pid)
		return 0;
	task = bpf_get_current_task_btf();
	t = task_get(task);
	if (!t && !(watch_servers && phase_count == 1 && is_server(task)))
		return 0;
	cpu = this_cpu_as_is();
	s = bpf_map_lookup_elem(&scratch, &which);
	if (!cpu || !s)
		return 0;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	lane = t ? t->lane : PROBE_LANE_NONE;
	barrier_var(lane);
	l = lane_get(lane);
	s->head.type = RECORD_SAMPLE;
	s->head.lane = lane;
	s->head.pid = pid;
	s->head.tgid = task->tgid;
	s->head.time_ns = bpf_ktime_get_ns();
	s->head.ip = ctx->regs[PERF_REG_IP];
	s->head.user_ip = regs->ip;
	s->head.origin = t ? t->origin : 0;
	s->head.syscall = (long)regs->orig_ax < 0 ? -1 : (__s32)regs->orig_ax;
	s->head.mode = (__s64)s->head.ip < 0 ? SAMPLE_KERNEL : SAMPLE_USER;
	if (s->head.mode == SAMPLE_KERNEL && task->flags & PF_VCPU)
		s->head.mode = SAMPLE_GUEST;
	/* The sampling clock is itself an interrupt; a second one below it means that it hit a
	 * handler. */
	if (cpu->irq_depth > 1)
		s->head.mode = SAMPLE_IRQ;
	s->head.state = l ? l->base_state : STATE_NONE;
	s->head.guest_left = 0;
	s->head.queues.cpus = 0;
	bpf_probe_read_kernel(s->head.name, sizeof(s->head.name), t ? t->name : task->comm);
	user = sampled_registers(ctx);
	if (s->head.mode == SAMPLE_USER)
		s->head.user_ip = s->head.ip;
	else
		user = user_registers(regs);
	take_stacks(ctx, s, SCRATCH_SAMPLE, &user);
	if (with_guest && lane >= 0) {
		guest_queues_take(&s->head.queues, lane);
		take_guest(ctx, s);
	}
	send_stacks(s);
	return 0;
}

/* Two programs, of which one is loaded: a kernel that refuses the walk through a guest can still
 * take samples. */
SEC("perf_event")
int on_sample(struct bpf_perf_event_data *ctx)
{
	return take_sample(ctx, false);
}

SEC("perf_event")
int on_sample_guest(struct bpf_perf_event_data *ctx)
{
	return take_sample(ctx, true);
}

/* Exits that a CPU records with the guest's stack in a window before it samples. */
#define EXITS_MAX 50

struct exit_taken exits_taken[PROBE_LANES_MAX] = {0};

/* The guest's stack at this exit, into the ring buffer. 0, or it is of no lane's thread. */
static __always_inline int send_exit(
	void *ctx, struct kvm_vcpu *vcpu, __s32 lane, __u32 weight, __u64 now)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_record *t = task_get(task);
	__u32 which = SCRATCH_EXIT;
	struct sample_scratch *s = bpf_map_lookup_elem(&scratch, &which);
	struct guest_registers r = {0};

	if (!s || !t)
		return 1;
	s->head.type = RECORD_EXIT;
	s->head.lane = lane;
	s->head.pid = task->pid;
	s->head.tgid = task->tgid;
	s->head.time_ns = now;
	s->head.weight = weight;
	s->head.n_kernel = s->head.n_user = 0;
	s->head.user_end = UNWIND_END_ROOT;
	s->head.guest = (struct guest_sample){0};
	__builtin_memcpy(s->head.name, t->name, sizeof(s->head.name));
	if (guest_kvm_registers(ctx, vcpu, true, &r))
		guest_take(s, &r);
	send_stacks(s);
	return 0;
}

SEC("tp_btf/kvm_exit")
int BPF_PROG(on_kvm_exit_stack, struct kvm_vcpu *vcpu)
{
	struct cpu_state *cpu = this_cpu_as_is();
	struct exit_taken *taken;
	__u64 now, decided, own, irq_ns;
	__u32 weight;
	__s32 lane;

	if (!gate || !cpu || !cpu->ready || cpu->taking || !vcpu)
		return 0;
	lane = cpu->lane;
	taken = element_of(exits_taken, lane);
	if (!taken)
		return 0;
	now = bpf_ktime_get_ns();
	weight = stack_weight(cpu, &cpu->exits, EXITS_MAX, now);
	if (!weight)
		return 0;
	cpu->taking = 1; /* another vCPU may come here, where the kernel preempts such programs */
	barrier();
	irq_ns = cpu->irq_ns;
	decided = bpf_ktime_get_ns();
	taken->weight = 0;
	if (!send_exit(ctx, vcpu, lane, weight, now)) {
		taken->cause = PROBE_DETAIL(CAUSE_VMEXIT, exit_reason(vcpu), kvm_isa);
		own = bpf_ktime_get_ns() - decided;
		taken->begin_ns = now + own;
		taken->own_ns = own - (cpu->irq_ns - irq_ns);
		taken->irq_ns = cpu->irq_ns;
		taken->cpu = bpf_get_smp_processor_id();
		taken->weight = weight;
	}
	barrier();
	cpu->taking = 0;
	return 0;
}

SEC("tp_btf/kvm_entry")
int BPF_PROG(on_kvm_entry_stack, struct kvm_vcpu *vcpu)
{
	struct cpu_state *cpu = this_cpu_as_is();
	struct record_entry *record;
	struct exit_taken *taken;

	if (!gate || !cpu || !cpu->ready)
		return 0;
	taken = element_of(exits_taken, cpu->lane);
	if (!taken || !taken->weight)
		return 0;
	taken->weight = 0;
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		count_loss(&losses.ring);
		return 0;
	}
	record->type = RECORD_ENTRY;
	record->pid = bpf_get_current_pid_tgid();
	record->begin_ns = taken->begin_ns;
	record->time_ns = bpf_ktime_get_ns();
	record->own_ns = taken->own_ns;
	record->irq_ns = taken->cpu == bpf_get_smp_processor_id() ? cpu->irq_ns - taken->irq_ns : 0;
	record->cause = taken->cause;
	bpf_ringbuf_submit(record, wakeup_flag());
	return 0;
}
