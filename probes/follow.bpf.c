/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Who belongs to the stack, from its first instruction on, and which of its threads are lanes. */

#include "probes/boot.bpf.h"

/* Knobs, set before loading. */
const volatile __u32 lane_count = 0;
const volatile char lane_prefix[PROBE_NAME_SIZE] = ""; /* "worker/" or "CPU " */
const volatile __u32 lane_prefix_length = 0;
const volatile char exec_path[PROBE_PATH_MAX] = ""; /* its exec makes a process part of the stack */

static __always_inline void task_follow(__u32 pid, __u32 tgid, __u32 run, const char *name)
{
	struct task_record fresh = {
		.lane = PROBE_LANE_NONE,
		.tgid = tgid,
		.run = run,
		.base_state = STATE_ONCPU,
	};

	if (run == TASK_ON_CPU)
		fresh.in_ns = bpf_ktime_get_ns();
	bpf_probe_read_kernel(fresh.name, sizeof(fresh.name), name);
	if (bpf_map_update_elem(&tasks, &pid, &fresh, BPF_ANY))
		count_loss(&losses.tasks);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	if (!gate)
		return 0;
	if (task_get(parent->pid))
		task_follow(child->pid, child->tgid, TASK_ASLEEP, child->comm);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *binprm)
{
	if (!gate || !exec_path[0] || task_get(task->pid))
		return 0;
	if (task_get(old_pid) || is_exec_path(binprm->filename))
		task_follow(task->pid, task->tgid, TASK_ON_CPU, task->comm);
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
	return number >= 0 && (__u32)number < lane_count ? number : -1;
}

static __always_inline void lane_join(struct task_struct *task, struct task_record *t, int id)
{
	struct lane_record *l = lane_get(id);
	struct cpu_state *cpu = this_cpu();
	__u64 now = bpf_ktime_get_ns();
	struct record_lane *record;

	if (!l || !cpu || !lane_lock(cpu))
		return;
	helper_charge(t, now);
	t->lane = id;
	__sync_fetch_and_add(&l->members, 1);
	__sync_fetch_and_add(&l->running, 1);
	l->base_state = t->base_state;
	l->base_detail = t->base_detail;
	l->cpu = bpf_get_smp_processor_id();
	l->last_in_ns = now;
	lane_enter_base(id, l, now);
	l->outside_mark_ns = outside_now(task);
	cpu->lane = id;
	lane_unlock(cpu);

	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		count_loss(&losses.ring);
		return;
	}
	record->type = RECORD_LANE;
	record->lane = id;
	record->pid = task->pid;
	record->tgid = task->tgid;
	bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
}

SEC("tp_btf/task_rename")
int BPF_PROG(on_rename, struct task_struct *task, const char *comm)
{
	struct task_record *t;
	char name[PROBE_NAME_SIZE] = {};
	int lane;

	if (!gate)
		return 0;
	t = task_get(task->pid);
	if (!t)
		return 0;
	bpf_probe_read_kernel_str(name, sizeof(name), comm);
	__builtin_memcpy(t->name, name, sizeof(name));
	/* Only a thread that names itself: it is then on this CPU. */
	if (t->lane >= 0 || (__u32)bpf_get_current_pid_tgid() != (__u32)task->pid)
		return 0;
	lane = lane_of_name(name);
	if (lane >= 0)
		lane_join(task, t, lane);
	return 0;
}
