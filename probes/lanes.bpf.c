/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * In which state each lane is, as far as the scheduler's own events tell: on its CPU, preempted (by
 * whom), woken, blocked (on what), throttled.
 */

#include "probes/boot.bpf.h"
#include "probes/float.bpf.h"
#include "probes/join.bpf.h"
#include "probes/offcpu.bpf.h"
#include "probes/sleep.bpf.h"
#include "probes/stacks.bpf.h"
#include "probes/task.bpf.h"
#include "probes/unseen.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* Knobs, set before loading. */
const volatile __u32 collector_tgid = 0;
const volatile bool watch_throttling = false;
const volatile bool watch_offcpu = false;
const volatile bool watch_timeline = false;
const volatile bool lanes_are_vcpus = false;
const volatile bool user_stacks = false;       /* the program has frame pointers */
const volatile bool state_is_argument = false; /* sched_switch carries prev_state as 4th argument */

/* Shared with the other programs and, by mapping, with user space. */
volatile __u32 gate = 0;
volatile __u32 lanes_by_name = 0;
volatile __u32 phase_count = 1;
volatile __u32 timeline_budget = 0; /* records of a lane in a window; 0: no limit */
volatile __u64 phase_start_ns[PROBE_PARTS_MAX] = {};
struct lane_record lanes[PROBE_LANE_RECORDS] = {};
struct probe_losses losses = {};
volatile __u32 adopted_left = 0;
volatile __u32 named_left = 0;
volatile __u32 float_left = 0;
__u8 lane_processes[LANE_PROCESSES] = {};

struct cpu_map cpus SEC(".maps");
struct task_map tasks SEC(".maps");
struct adopted_map adopted SEC(".maps");
struct account_map accounts SEC(".maps");
struct ring_map ring SEC(".maps");
struct timeline_ring_map timeline_ring SEC(".maps");
struct scratch_map scratch SEC(".maps");
struct lane_mutex_map lane_mutexes SEC(".maps");
struct thread_map threads SEC(".maps");
struct unwind_row_map unwind_rows SEC(".maps");
struct unwind_rule_map unwind_rules SEC(".maps");
struct unwind_mapping_map unwind_mappings SEC(".maps");
struct unwind_space_map unwind_spaces SEC(".maps");
volatile __u64 maps_asked_ns = 0;
const volatile struct thread_record thread_none = {};
struct server_map servers SEC(".maps");

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
static __always_inline void waiting_update(struct cpu_state *cpu, __s32 cpu_id,
	struct task_struct *next, const struct task_record *n, __u64 now)
{
	__u32 kept = 0;

	for (__u32 i = 0; i < CPU_WAITING_MAX && i < cpu->n_waiting; i++) {
		__u32 *waiting = element_of(cpu->waiting, i), id = waiting ? *waiting : 0;
		struct lane_record *l = waiting ? lane_get(id) : NULL;

		if (!l || l->cpu != cpu_id ||
			(l->state != STATE_PREEMPTED && l->state != STATE_THROTTLED))
			continue;
		if (l->wait_task != (__u64)next) {
			struct lane_change *c = lane_change(cpu, LANE_WAITS, now);

			c->detail = (struct probe_detail){};
			c->state = STATE_PREEMPTED;
			if (task_throttled((struct task_struct *)l->wait_task))
				c->state = STATE_THROTTLED;
			else
				taker_detail(&c->detail, next, n);
			lane_apply(id);
		}
		waiting = element_of(cpu->waiting, kept);
		if (waiting)
			*waiting = id;
		kept++;
	}
	cpu->n_waiting = kept;
}

static __always_inline void waiting_add(struct cpu_state *cpu, __u32 id)
{
	__u32 n = cpu->n_waiting, *waiting;

	for (__u32 i = 0; i < CPU_WAITING_MAX && i < n; i++) {
		waiting = element_of(cpu->waiting, i);
		if (waiting && *waiting == id)
			return;
	}
	waiting = element_of(cpu->waiting, n);
	if (waiting) {
		*waiting = id;
		cpu->n_waiting = n + 1;
	}
}

static __always_inline __u64 lane_sleep_cause(
	const struct lane_record *l, struct task_struct *task, __u32 state)
{
	if (l->base_detail.number == PROBE_DETAIL(CAUSE_HALT_POLL, 0, 0) &&
		l->base_state == STATE_BLOCKED && !(state & (__TASK_STOPPED | __TASK_TRACED)))
		return PROBE_DETAIL(CAUSE_HALT, 0, 0);
	return lanes_are_vcpus ? vcpu_sleep_cause(task, state) : sleep_cause(task, state);
}

static __always_inline void lane_off(struct cpu_state *cpu, struct task_record *t,
	struct task_struct *prev, struct task_struct *next, const struct task_record *n,
	__u32 prev_state, __u64 cause, __u64 now)
{
	struct lane_record *l = lane_get(t->lane);
	struct lane_change *c = lane_change(cpu, LANE_OFF, now);
	__u64 *switches;

	if (!l)
		return;
	t->base_state = l->base_state;
	t->base_detail = l->base_detail;
	c->running = -1;
	c->runnable = t->run == TASK_WAITING ? 1 : 0;
	c->members = prev_state & TASK_DEAD ? -1 : 0;
	c->state = STATE_BLOCKED;
	c->detail = (struct probe_detail){};
	c->detail.number = cause;
	/* Another of the lane's threads may wait although this one sleeps. */
	if (t->run == TASK_WAITING || l->members > 1 || t->floats) {
		c->waits_detail = (struct probe_detail){};
		c->waits_state = task_throttled(prev) ? STATE_THROTTLED : STATE_PREEMPTED;
		if (c->waits_state == STATE_PREEMPTED)
			taker_detail(&c->waits_detail, next, n);
		l->wait_task = (__u64)prev;
		l->cpu = bpf_get_smp_processor_id();
	}
	lane_apply(t->lane);
	if (c->kept)
		return;
	if (c->state != STATE_BLOCKED)
		waiting_add(cpu, t->lane);
	l->cpu_ns += now - l->last_in_ns;
	late_off(&l->late, t->run == TASK_WAITING, cpu->late_ns);
	audit_take(l, t, prev, now, l->cpu_ns);
	l->off_ns = c->state == STATE_BLOCKED ? 0 : now;
	switches = element_of(l->switches, l->phase);
	if (switches)
		++*switches;
}

static __always_inline void task_off(void *ctx, struct cpu_state *cpu, struct task_record *t,
	struct task_struct *prev, struct task_struct *next, const struct task_record *n,
	bool preempt, __u32 prev_state, __u64 now)
{
	struct lane_record *l = lane_get(t->lane);
	__u64 key = (__u64)prev, cause = 0;

	t->run = preempt || prev_state == TASK_RUNNING ? TASK_WAITING : TASK_ASLEEP;
	if (l && t->run == TASK_ASLEEP)
		cause = lane_sleep_cause(l, prev, prev_state);
	if (l) {
		events_take(t, prev);
		t->arrivals = prev->sched_info.pcount;
		t->delay_ns = prev->sched_info.run_delay;
		lane_off(cpu, t, prev, next, n, prev_state, cause, now);
		if (t->floats)
			float_off(t, prev);
	} else {
		helper_charge(t, now);
	}
	if (t->floats)
		thread_off(prev, t->run == TASK_ASLEEP, cause, t->lane, cpu->late_ns, now);
	if (prev_state & TASK_DEAD) {
		struct probe_detail detail = charge_helper(t);

		if (t->helper_ns)
			account_add(PROBE_LANE_HELPER, t->helper_phase, STATE_ONCPU, &detail,
				t->helper_ns);
		events_keep(t);
		if (t->floats)
			thread_end(prev, now);
		bpf_map_delete_elem(&tasks, &key);
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
	struct lane_record *l;
	__u64 now;

	if (!cpu)
		return 0;
	now = bpf_ktime_get_ns();
	cpu->irq_depth = 0;
	if (is_unexpected(cpu, prev))
		catch_up(cpu, prev, now);
	else if (has_been_away(cpu, prev))
		catch_up_away(cpu, prev, now);
	else
		clock_compare(cpu, prev);
	cpu->late_ns = clock_late(cpu, prev, now);
	cpu->running = (__u64)next;
	cpu->in_ns = now;
	/* The kernel counts its arrival a moment later. */
	cpu->arrivals = next->sched_info.pcount + 1;
	cpu->exec_ns = next->se.sum_exec_runtime;
	p = task_get(prev);
	n = task_get(next);
	if (!is_set(p) && !is_set(n) && !cpu->n_waiting) {
		cpu->lane = PROBE_LANE_NONE;
		return 0;
	}
	if (cpu->n_waiting)
		waiting_update(cpu, bpf_get_smp_processor_id(), next, n, now);
	if (p && p->run == TASK_UNKNOWN)
		found_running(cpu, p, prev);
	if (p && !is_floating(p) && p->named)
		lane_join_named(cpu, prev, p);
	if (p)
		task_off(ctx, cpu, p, prev, next, n, preempt, prev_state, now);
	cpu->lane = PROBE_LANE_NONE;
	if (n) {
		__u32 pid = next->pid;

		if (n->run == TASK_UNKNOWN)
			found_off(cpu, n, next);
		else if (n->run == TASK_ON_CPU)
			catch_up_elsewhere(cpu, n, next, next->se.sum_exec_runtime, now);
		if (is_floating(n))
			float_arrive(cpu, n, next, now);
		else if (n->named)
			lane_join_waiting(cpu, next, n);
		if (n->lane >= 0)
			catch_up_run(cpu, n, next, now);
		offcpu_end(pid, n, now);
		if (n->floats)
			thread_on(next, n->lane, cpu->late_ns, now);
		l = lane_get(n->lane);
		if (l) {
			lane_on(cpu, n, next, now);
			late_on(&l->late, cpu->late_ns);
			cpu->lane = n->lane;
		}
		task_comes(cpu, n, next, now);
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
 * Is the current thread connecting or writing? A wake-up by an interrupt that merely hit it is not
 * its own.
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
	if (before && *before && task_get(bpf_get_current_task_btf()) && is_speaking())
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
	if (!may_be_of_lane(task)) /* of helpers only the time on a CPU is kept */
		return 0;
	t = task_get(task);
	if (t && is_floating(t)) { /* of which lane it will be is not known yet */
		t->waking_ns = bpf_ktime_get_ns();
		return 0;
	}
	l = t ? lane_get(t->lane) : NULL;
	if (!l)
		return 0;
	t->waking_ns = l->waking_ns = bpf_ktime_get_ns();
	return 0;
}

static __always_inline int handle_wakeup(struct task_struct *task)
{
	struct task_record *t;
	struct lane_record *l;

	if (!gate || !may_be_of_lane(task))
		return 0;
	t = task_get(task);
	if (!t || t->run != TASK_ASLEEP)
		return 0;
	if (is_floating(t)) {
		float_woken(t, task);
		return 0;
	}
	l = lane_get(t->lane);
	if (!l)
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
	struct cpu_state *here = this_cpu();
	struct task_record *t;
	struct lane_record *l;
	struct lane_change *c;
	struct cpu_state *cpu;
	__u32 zero = 0;
	__u64 running;

	if (!gate || !may_be_of_lane(task))
		return 0;
	t = task_get(task);
	if (t && is_floating(t)) {
		if (here && lane_lock(here)) {
			float_moved(here, t, task, to_cpu, bpf_ktime_get_ns());
			lane_unlock(here);
		}
		return 0;
	}
	l = t ? lane_get(t->lane) : NULL;
	if (!l || l->state != STATE_PREEMPTED || l->wait_task != (__u64)task)
		return 0;
	/* Without it, what ran where the lane waited before gets the blame until it runs. */
	cpu = HAS_HELPER(map_lookup_percpu_elem) ? bpf_map_lookup_percpu_elem(&cpus, &zero, to_cpu)
						 : NULL;
	if (!cpu || !here || !lane_lock(here))
		return 0;
	running = cpu->running;
	c = lane_change(here, LANE_WAITS, bpf_ktime_get_ns());
	c->state = STATE_PREEMPTED;
	c->detail = (struct probe_detail){};
	taker_detail(
		&c->detail, (struct task_struct *)running, bpf_map_lookup_elem(&tasks, &running));
	lane_apply(t->lane);
	lane_unlock(here);
	l->cpu = to_cpu;
	waiting_add(cpu, t->lane);
	return 0;
}
