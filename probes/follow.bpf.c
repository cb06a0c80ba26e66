/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Who belongs to the stack, from its first instruction on, and which of its threads are lanes. */

#define CHANGE_OF_PROGRAM CHANGE_PREEMPTIBLE
#include "probes/boot.bpf.h"
#include "probes/float.bpf.h"

/* Knobs, set before loading. */
const volatile __u32 lane_count = 0;
const volatile char lane_prefix[PROBE_NAME_SIZE] = ""; /* "worker/" or "CPU " */
const volatile __u32 lane_prefix_length = 0;
const volatile char exec_path[PROBE_PATH_MAX] = ""; /* its exec makes a process part of the stack */
const volatile bool watch_program = false; /* its exec and its exit begin and end the phase "run" */
const volatile bool program_serves = false; /* user space begins and ends that phase */
const volatile bool lanes_are_cpus = false;
const volatile __s16 lane_of_cpu[PROBE_CPUS_MAX] = {};

/* The program that is watched: its process, and when it began and ended; 0: not yet. */
volatile __u32 program_tgid = 0;
volatile __u64 program_begin_ns = 0;
volatile __u64 program_end_ns = 0;

static __always_inline void task_follow(
	struct task_struct *task, __u32 run, __u32 origin, __u32 floats)
{
	struct task_record fresh = {
		.lane = PROBE_LANE_NONE,
		.tgid = task->tgid,
		.origin = origin,
		.run = run,
		.base_state = STATE_ONCPU,
		.floats = floats,
	};
	__u64 key = (__u64)task;

	if (run == TASK_ON_CPU) {
		fresh.in_ns = bpf_ktime_get_ns();
		fresh.cpu = bpf_get_smp_processor_id();
	}
	bpf_probe_read_kernel(fresh.name, sizeof(fresh.name), task->comm);
	if (floats) {
		lane_process_note(task);
		thread_begin(task, bpf_get_current_task_btf()->tgid, run, bpf_ktime_get_ns());
	}
	if (bpf_map_update_elem(&tasks, &key, &fresh, BPF_ANY))
		count_loss(&losses.tasks);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct task_record *t;
	__u64 key = (__u64)child;

	if (!gate)
		return 0;
	t = task_get(parent);
	if (t) {
		task_follow(child, TASK_ASLEEP, t->origin, is_floating(t));
		/* Where lanes have no names, those are all threads that there were. */
		if (!lane_prefix_length && child->tgid == parent->tgid)
			count_loss(&losses.unlaned);
	}
	if (!t && bpf_map_lookup_elem(&tasks, &key)) /* of one whose end was not seen */
		bpf_map_delete_elem(&tasks, &key);
	return 0;
}

static __always_inline void program_tell(struct task_struct *task)
{
	struct record_program record = {.type = RECORD_PROGRAM, .tgid = task->tgid};

	if (bpf_ringbuf_output(&ring, &record, sizeof(record), BPF_RB_FORCE_WAKEUP))
		count_loss(&losses.ring);
}

/** The boot ends. Nothing of the program runs elsewhere yet, so no charge can miss that. */
static __always_inline void program_begins(struct task_struct *task, struct task_record *t)
{
	struct cpu_state *cpu = this_cpu();
	__s32 lane = lane_of(bpf_get_smp_processor_id());
	__u64 now = bpf_ktime_get_ns();

	program_tgid = task->tgid;
	program_begin_ns = now;
	helper_charge(t, now);
	t->in_ns = now;
	if (phase_count == 1 && !program_serves) {
		phase_start_ns[1] = now;
		barrier();
		phase_count = 2;
	}
	if (lanes_are_cpus) {
		t->floats = 1;
		if (!t->in_exec_ns)
			t->in_exec_ns = task->se.sum_exec_runtime;
		thread_begin(task, 0, TASK_ON_CPU, now);
		lane_process_note(task);
		if (cpu && lane >= 0)
			lane_join(cpu, task, t, lane, now);
	}
	program_tell(task);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *binprm)
{
	bool is_program = exec_path[0] && is_exec_path(binprm->filename);
	struct task_record *t;

	if (!gate)
		return 0;
	t = task_get(task);
	if (t)
		t->origin = task->tgid;
	else if (is_program)
		task_follow(task, TASK_ON_CPU, task->tgid, 0);
	if (!watch_program || program_tgid || (exec_path[0] && !is_program))
		return 0;
	t = task_get(task);
	if (t)
		program_begins(task, t);
	return 0;
}

/** The last thread of the program's process ends: so do the books, unless it marks their end itself. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	if (!gate || !watch_program || program_serves || (__u32)task->tgid != program_tgid ||
		program_end_ns || lanes_by_name || BPF_CORE_READ(task, signal, live.counter) > 0)
		return 0;
	program_end_ns = bpf_ktime_get_ns();
	gate = 0;
	program_tell(task);
	return 0;
}

/** The number behind the lanes' prefix, or -1. */
static __always_inline int lane_of_name(const char *name)
{
	int number = -1;

	if (!lane_prefix_length) /* lanes are given, not named */
		return -1;
	for (__u32 i = 0; i < PROBE_NAME_SIZE; i++) {
		char c = name[i];

		if (i < lane_prefix_length) {
			if (c != lane_prefix[i])
				return -1;
		} else if (c >= '0' && c <= '9') {
			number = (number < 0 ? 0 : number) * 10 + (c - '0');
		} else {
			break;
		}
	}
	if (number < 0 || (__u32)number < lane_count)
		return number;
	count_loss(&losses.unlaned);
	return -1;
}

/* A name that another thread gives holds from now on, but only on its own CPU can the thread be
 * made a lane's: that comes with its next event, for the time since. */
static __always_inline void name_by_other(struct task_record *t, int lane)
{
	t->named_ns = bpf_ktime_get_ns();
	if (!t->named)
		__sync_fetch_and_add(&named_left, 1);
	t->named = lane + 1;
}

SEC("tp_btf/task_rename")
int BPF_PROG(on_rename, struct task_struct *task, const char *comm)
{
	struct task_record *t;
	struct cpu_state *cpu;
	char name[PROBE_NAME_SIZE] = {};
	bool floats;
	int lane;

	if (!gate)
		return 0;
	t = task_get(task);
	if (!t)
		return 0;
	bpf_probe_read_kernel_str(name, sizeof(name), comm);
	__builtin_memcpy(t->name, name, sizeof(name));
	if (t->floats)
		thread_rename(task, name);
	/* First: it may turn out that it does not any more, and has no lane. */
	floats = is_floating(t);
	lane = t->lane < 0 || floats ? lane_of_name(name) : -1;
	if (lane < 0)
		return 0;
	cpu = this_cpu();
	if (floats || (__u64)task != (__u64)bpf_get_current_task_btf())
		name_by_other(t, lane);
	else if (cpu)
		lane_join(cpu, task, t, lane, bpf_ktime_get_ns());
	return 0;
}
