/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * In which state each lane is, as far as the scheduler's own events tell: on its CPU, preempted (by
 * whom), woken, blocked (on what), throttled.
 */

#include "probes/boot.bpf.h"
#include "probes/sleep.bpf.h"
#include "probes/stacks.bpf.h"
#include "probes/task.bpf.h"
#include "probes/unseen.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define OFFCPU_WINDOW_NS 100000000ULL
/* Intervals off the CPU that a CPU records with their stacks in a window before it samples. */
#define OFFCPU_LANES   100
#define OFFCPU_HELPERS 50

/* Knobs, set before loading. */
const volatile bool watch_throttling = false;
const volatile bool watch_offcpu = false;
const volatile bool user_stacks = false;       /* the program has frame pointers */
const volatile bool state_is_argument = false; /* sched_switch carries prev_state as 4th argument */

/* Shared with the other programs and, by mapping, with user space. */
volatile __u32 gate = 0;
volatile __u32 phase_count = 1;
volatile __u64 phase_start_ns[PROBE_PHASES_MAX] = {};
struct lane_record lanes[PROBE_LANES_MAX] = {};
struct probe_losses losses = {};

struct cpu_map cpus SEC(".maps");
struct task_map tasks SEC(".maps");
struct account_map accounts SEC(".maps");
struct ring_map ring SEC(".maps");
struct scratch_map scratch SEC(".maps");
struct server_map servers SEC(".maps");

/* Off-CPU stacks */

/* xorshift32 (Marsaglia, Xorshift RNGs, 2003): a call of the kernel's generator costs more than all
 * the rest of the decision. */
static __always_inline __u32 next_random(struct cpu_state *cpu)
{
	__u32 x = cpu->random;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	cpu->random = x;
	return x;
}

/**
 * In a storm of switches a stack at each would cost more than the work itself: past @budget in a
 * window one in two, three, ... intervals is taken, by chance, for that many times its length.
 * Returns the weight, or 0. Storms that last begin with the weight that the last window came to;
 * one that just begins is slowed down as it goes, so that it cannot fill the ring buffer.
 */
static __always_inline __u32 offcpu_weight(
	struct cpu_state *cpu, struct offcpu_rate *rate, __u32 budget, __u64 now)
{
	__u32 weight;

	if (now - rate->window_ns > OFFCPU_WINDOW_NS) {
		rate->weight = rate->seen / budget + 1;
		rate->window_ns = now;
		rate->seen = 0;
	}
	weight = rate->seen++ / budget + 1;
	if (weight < rate->weight)
		weight = rate->weight;
	if (weight > 1 && (__u64)next_random(cpu) * weight >> 32)
		return 0;
	return weight;
}

static __always_inline void offcpu_begin(void *ctx, struct cpu_state *cpu, struct task_record *t,
	struct task_struct *prev, __u64 now)
{
	__u32 which = SCRATCH_OFFCPU;
	struct sample_scratch *s;

	if (!watch_offcpu)
		return;
	/* Apart, so that a storm of helpers hides nothing of the lanes. */
	if (t->lane >= 0)
		t->off_weight = offcpu_weight(cpu, &cpu->offcpu_lanes, OFFCPU_LANES, now);
	else
		t->off_weight = offcpu_weight(cpu, &cpu->offcpu_helpers, OFFCPU_HELPERS, now);
	if (!t->off_weight)
		return;
	s = bpf_map_lookup_elem(&scratch, &which);
	if (!s)
		return;
	s->head.type = RECORD_OFF;
	s->head.lane = t->lane;
	s->head.pid = prev->pid;
	s->head.tgid = t->tgid;
	s->head.time_ns = now;
	s->head.syscall = t->off_weight;
	__builtin_memcpy(s->head.name, t->name, sizeof(s->head.name));
	take_stacks(ctx, s, ((struct pt_regs *)bpf_task_pt_regs(prev))->ip);
	send_stacks(s);
}

static __always_inline bool task_throttled(struct task_struct *task)
{
	struct task_struct___throttled *newer = (void *)task;

	if (!watch_throttling)
		return false;
	if (bpf_core_field_exists(newer->throttled))
		return BPF_CORE_READ(newer, throttled);
	if (bpf_core_field_exists(task->se.cfs_rq))
		return BPF_CORE_READ(task, se.cfs_rq, throttle_count) > 0;
	return false;
}

/* The scheduler's events */

/** Lanes that wait for this CPU: until now @prev ran instead of them, from now on it is @next. */
static __always_inline void waiting_update(
	struct cpu_state *cpu, __s32 cpu_id, struct task_struct *next, __u64 now)
{
	__u32 kept = 0;

	for (__u32 i = 0; i < 4 && i < cpu->n_waiting; i++) {
		__u32 id = cpu->waiting[i & 3];
		struct lane_record *l = lane_get(id);
		struct probe_detail who = {};
		__u32 state = STATE_PREEMPTED;

		if (!l || l->cpu != cpu_id ||
			(l->state != STATE_PREEMPTED && l->state != STATE_THROTTLED))
			continue;
		if (l->wait_task != (__u64)next) {
			if (task_throttled((struct task_struct *)l->wait_task))
				state = STATE_THROTTLED;
			else
				bpf_probe_read_kernel(who.name, sizeof(who.name), next->comm);
			lane_enter(id, l, now, state, &who);
		}
		cpu->waiting[kept & 3] = id;
		kept++;
	}
	cpu->n_waiting = kept;
}

static __always_inline void waiting_add(struct cpu_state *cpu, __u32 id)
{
	__u32 n = cpu->n_waiting;

	for (__u32 i = 0; i < 4 && i < n; i++)
		if (cpu->waiting[i & 3] == id)
			return;
	if (n < 4) {
		cpu->waiting[n & 3] = id;
		cpu->n_waiting = n + 1;
	}
}

static __always_inline void lane_off(struct cpu_state *cpu, struct task_record *t,
	struct task_struct *prev, struct task_struct *next, __u32 prev_state, __u64 now)
{
	struct lane_record *l = lane_get(t->lane);
	struct probe_detail detail = {};
	__u64 phase;

	if (!l)
		return;
	t->base_state = l->base_state;
	t->base_detail = l->base_detail;
	__sync_fetch_and_add(&l->running, -1);
	if (t->run == TASK_WAITING)
		__sync_fetch_and_add(&l->runnable, 1);
	if (prev_state & TASK_DEAD)
		__sync_fetch_and_add(&l->members, -1);
	if (l->running > 0) {
		lane_charge(t->lane, l, now);
		return;
	}
	if (l->runnable > 0) {
		l->wait_task = (__u64)prev;
		l->cpu = bpf_get_smp_processor_id();
		if (task_throttled(prev)) {
			lane_enter(t->lane, l, now, STATE_THROTTLED, &detail);
		} else {
			bpf_probe_read_kernel(detail.name, sizeof(detail.name), next->comm);
			lane_enter(t->lane, l, now, STATE_PREEMPTED, &detail);
		}
		waiting_add(cpu, t->lane);
	} else {
		__u64 halted = PROBE_DETAIL(CAUSE_HALT_POLL, 0, 0);

		if (l->base_detail.number == halted && l->base_state == STATE_BLOCKED &&
			!(prev_state & (__TASK_STOPPED | __TASK_TRACED)))
			detail.number = PROBE_DETAIL(CAUSE_HALT, 0, 0);
		else
			detail.number = sleep_cause(prev, prev_state);
		lane_enter(t->lane, l, now, STATE_BLOCKED, &detail);
	}
	l->cpu_ns += now - l->last_in_ns;
	audit_take(l, prev, now, l->cpu_ns);
	l->off_ns = l->state == STATE_BLOCKED ? 0 : now;
	phase = l->phase;
	barrier_var(phase);
	if (phase < PROBE_PHASES_MAX)
		l->switches[phase]++;
}

static __always_inline void task_off(void *ctx, struct cpu_state *cpu, struct task_record *t,
	struct task_struct *prev, struct task_struct *next, bool preempt, __u32 prev_state,
	__u64 now)
{
	__u32 pid = prev->pid;

	t->run = preempt || prev_state == TASK_RUNNING ? TASK_WAITING : TASK_ASLEEP;
	if (t->lane >= 0)
		lane_off(cpu, t, prev, next, prev_state, now);
	else
		helper_charge(t, now);
	if (prev_state & TASK_DEAD) {
		struct probe_detail detail;

		__builtin_memcpy(detail.name, t->name, sizeof(detail.name));
		if (t->helper_ns)
			account_add(PROBE_LANE_HELPER, t->helper_phase, STATE_ONCPU, &detail,
				t->helper_ns);
		bpf_map_delete_elem(&tasks, &pid);
		return;
	}
	offcpu_begin(ctx, cpu, t, prev, now);
}

/* The compiler would test two pointers by or-ing them, which the verifier refuses. */
static __always_inline bool is_set(const void *pointer)
{
	asm volatile("" : "+r"(pointer));
	return pointer != NULL;
}

static __always_inline int handle_switch(void *ctx, bool preempt, struct task_struct *prev,
	struct task_struct *next, __u32 prev_state)
{
	struct cpu_state *cpu = this_cpu();
	struct task_record *p, *n;
	__u64 now;

	if (!cpu)
		return 0;
	now = bpf_ktime_get_ns();
	cpu->irq_depth = 0;
	if (is_unexpected(cpu, prev))
		catch_up(cpu, prev, now);
	clock_compare(cpu, prev);
	cpu->running = (__u64)next;
	cpu->running_pid = next->pid;
	cpu->in_ns = now;
	p = task_get(prev->pid);
	n = task_get(next->pid);
	if (!is_set(p) && !is_set(n) && !cpu->n_waiting) {
		cpu->lane = PROBE_LANE_NONE;
		return 0;
	}
	if (cpu->n_waiting)
		waiting_update(cpu, bpf_get_smp_processor_id(), next, now);
	if (p && p->run == TASK_UNKNOWN)
		task_found_running(p, prev);
	if (p)
		task_off(ctx, cpu, p, prev, next, preempt, prev_state, now);
	cpu->lane = PROBE_LANE_NONE;
	if (n) {
		__u32 pid = next->pid;

		if (n->run == TASK_UNKNOWN)
			task_found_off(n);
		offcpu_end(pid, n, now);
		if (n->lane >= 0) {
			lane_on(n, next, now);
			cpu->lane = n->lane;
		}
		n->in_ns = now;
		n->run = TASK_ON_CPU;
	}
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next,
	unsigned int prev_state)
{
	if (!gate)
		return 0;
	/* Read from the task where the argument is missing (before 5.18): a waker on another CPU
	 * may have changed it meanwhile, to something that is not running either. */
	return handle_switch(
		ctx, preempt, prev, next, state_is_argument ? prev_state : prev->__state);
}

/**
 * Is the current thread connecting or writing? A wake-up that an interrupt does in its place is no
 * word of its.
 */
static __always_inline bool is_speaking(void)
{
	static const __s32 connect = 42, write = 1, writev = 20, sendto = 44, sendmsg = 46;
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	struct cpu_state *cpu = this_cpu();
	__s32 call = regs->orig_ax;

	if (!cpu || cpu->irq_depth)
		return false;
	return call == connect || call == write || call == writev || call == sendto ||
	       call == sendmsg;
}

/** The first time that the stack's own process (the engine's client) speaks to one that serves it.
 */
static __always_inline void boot_waking(struct task_struct *task)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 tgid = task->tgid, *before;

	if (boot_seen[BOOT_CALLED] || phase_count != 1)
		return;
	before = bpf_map_lookup_elem(&servers, &tgid);
	if (before && *before && task_get((__u32)id) && is_speaking())
		boot_send_once(BOOT_CALLED, id >> 32, task);
}

SEC("tp_btf/sched_waking")
int BPF_PROG(on_sched_waking, struct task_struct *task)
{
	struct task_record *t;
	struct lane_record *l;

	if (!gate)
		return 0;
	if (watch_servers)
		boot_waking(task);
	t = task_get(task->pid);
	l = t ? lane_get(t->lane) : NULL;
	if (!l) /* of helpers only the time on a CPU is kept */
		return 0;
	t->waking_ns = l->waking_ns = bpf_ktime_get_ns();
	return 0;
}

static __always_inline int handle_wakeup(struct task_struct *task)
{
	struct task_record *t;
	struct lane_record *l;

	if (!gate)
		return 0;
	t = task_get(task->pid);
	l = t ? lane_get(t->lane) : NULL;
	if (!l || t->run != TASK_ASLEEP)
		return 0;
	t->run = TASK_WAITING;
	t->queued_ns = bpf_ktime_get_ns();
	__sync_fetch_and_add(&l->runnable, 1);
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(on_sched_wakeup, struct task_struct *task)
{
	return handle_wakeup(task);
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(on_sched_wakeup_new, struct task_struct *task)
{
	return handle_wakeup(task);
}

/** A lane that waits is moved to another CPU: from now on it waits for what runs there. */
SEC("tp_btf/sched_migrate_task")
int BPF_PROG(on_migrate, struct task_struct *task, int to_cpu)
{
	struct probe_detail who = {};
	struct task_record *t;
	struct lane_record *l;
	struct cpu_state *cpu;
	struct task_struct *running;
	__u32 zero = 0;

	if (!gate)
		return 0;
	t = task_get(task->pid);
	l = t ? lane_get(t->lane) : NULL;
	if (!l || l->state != STATE_PREEMPTED || l->wait_task != (__u64)task)
		return 0;
	cpu = bpf_map_lookup_percpu_elem(&cpus, &zero, to_cpu);
	if (!cpu)
		return 0;
	running = (struct task_struct *)cpu->running;
	bpf_core_read(who.name, sizeof(who.name), &running->comm);
	lane_enter(t->lane, l, bpf_ktime_get_ns(), STATE_PREEMPTED, &who);
	l->cpu = to_cpu;
	waiting_add(cpu, t->lane);
	return 0;
}
