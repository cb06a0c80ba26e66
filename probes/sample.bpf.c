/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * On-CPU samples: a clock on every CPU interrupts what runs there; if it is a thread of the stack, its
 * stacks (kernel, and user by frame pointers) go to the ring buffer.
 */

#include "probes/lane.bpf.h"

struct sample_scratch {
	struct record_sample head;
	__u64 frames[2 * PROBE_STACK_DEPTH];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sample_scratch);
} scratch SEC(".maps");

#define SIDE_BYTES (PROBE_STACK_DEPTH * sizeof(__u64))

/** Records are fetched by and by; the reader is woken only when the buffer fills up. */
static __always_inline __u64 wakeup_flag(void)
{
	return bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > (2 << 20) ? BPF_RB_FORCE_WAKEUP
								       : BPF_RB_NO_WAKEUP;
}

static __always_inline void take_stacks(void *ctx, struct sample_scratch *s)
{
	long bytes = bpf_get_stack(ctx, s->frames, SIDE_BYTES, 0);
	__u32 offset;

	if (bytes < 0)
		bytes = 0;
	s->head.n_kernel = bytes / sizeof(__u64);
	offset = (bytes / sizeof(__u64)) & (2 * PROBE_STACK_DEPTH - 1);
	if (offset > PROBE_STACK_DEPTH)
		offset = PROBE_STACK_DEPTH;
	if (!user_stacks) {
		/* Without frame pointers only the innermost address is known. */
		s->frames[offset] = s->head.mode == SAMPLE_USER ? s->head.ip : s->head.user_ip;
		s->head.n_user = 1;
		return;
	}
	bytes = bpf_get_stack(ctx, &s->frames[offset], SIDE_BYTES, BPF_F_USER_STACK);
	if (bytes < 0)
		bytes = 0;
	s->head.n_user = bytes / sizeof(__u64);
}

SEC("perf_event")
int on_sample(struct bpf_perf_event_data *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid(), zero = 0;
	struct task_record *t;
	struct sample_scratch *s;
	struct cpu_state *cpu;
	struct lane_record *l;
	struct pt_regs *regs;
	__u64 size;

	if (!gate || !pid)
		return 0;
	t = bpf_map_lookup_elem(&tasks, &pid);
	if (!t)
		return 0;
	cpu = this_cpu();
	s = bpf_map_lookup_elem(&scratch, &zero);
	if (!cpu || !s)
		return 0;
	regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
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
	/* The sampling clock is itself an interrupt; a second one below it means that it hit a handler. */
	if (cpu->irq_depth > 1)
		s->head.mode = SAMPLE_IRQ;
	s->head.state = l ? l->base_state : STATE_NONE;
	__builtin_memcpy(s->head.name, t->name, sizeof(s->head.name));
	take_stacks(ctx, s);
	size = sizeof(s->head) + ((__u64)s->head.n_kernel + s->head.n_user) * sizeof(__u64);
	if (size > sizeof(*s))
		size = sizeof(*s);
	if (bpf_ringbuf_output(&ring, s, size, wakeup_flag()))
		count_loss(&losses.ring);
	return 0;
}
