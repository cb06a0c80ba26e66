/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What tells the steps of the boot apart: processes of the stack, and of those that serve it,
 * begin, change their program, end; the first program is linked; the first vCPU enters the guest.
 * Nothing of this is recorded once the program has reached its first marker.
 */

#include "probes/boot.bpf.h"

/* Defined in follow.bpf.c. */
extern volatile __u32 program_tgid;
extern volatile __u64 program_begin_ns;

#define SAME_EXEC_NS 100000 /* two programs that are called for the same one */

const volatile bool watch_servers = false;
volatile __u32 boot_seen[BOOT_EVENTS] = {};

/** Is @task's process of the stack, or one that serves it? */
static __always_inline bool is_concerned(struct task_struct *task)
{
	return task_get(task) || (watch_servers && is_server(task));
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_boot_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 tgid = child->tgid, started = 0;

	if (!is_booting() || child->pid != child->tgid || !is_concerned(parent))
		return 0;
	if (watch_servers && is_server(parent))
		bpf_map_update_elem(&servers, &tgid, &started, BPF_ANY);
	boot_send(BOOT_FORK, tgid, parent->tgid, child->comm, false);
	return 0;
}

/** The program that is watched ends the boot by its exec, and that is the last of its events. */
static __always_inline bool ended_boot(struct task_struct *task)
{
	return gate && program_tgid == (__u32)task->tgid &&
	       bpf_ktime_get_ns() - program_begin_ns < SAME_EXEC_NS;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_boot_exec, struct task_struct *task, int old_pid, struct linux_binprm *binprm)
{
	bool is_program;

	if (!is_booting() && !ended_boot(task))
		return 0;
	is_program = exec_path[0] && is_exec_path(binprm->filename);
	if (is_program || is_concerned(task))
		boot_send(BOOT_EXEC, task->tgid, 0, task->comm, is_program);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_boot_exit, struct task_struct *task)
{
	if (is_booting() && task->pid == task->tgid && is_concerned(task))
		boot_send(BOOT_EXIT, task->tgid, 0, task->comm, false);
	return 0;
}

/** Where the dynamic linker hands over to the program. */
SEC("uprobe")
int on_boot_entry(void *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();

	if (is_booting() && task_get(bpf_get_current_task_btf()))
		boot_send_once(BOOT_ENTRY, id >> 32, bpf_get_current_task_btf());
	return 0;
}

/* Defined in guest_walk.bpf.h and guest_tcg.bpf.h, of which sample.bpf.c has the variables. */
extern const volatile __u32 guest_source;
extern struct guest_tcg_vcpu guest_tcg_vcpus[PROBE_LANES_MAX];

struct guest_tcg_object guest_tcg_object = {0};

#define PART_BYTES 4096

/**
 * Before its first instruction the vCPU's registers hold what they do after a reset: user space
 * looks for them in QEMU's object @cpu. All vCPUs' objects have the same form and, at that time,
 * the same registers, so two that are taken at once do no harm. A part that was never touched is
 * not there, and stays 0.
 */
static __always_inline void take_object(__s32 lane, __u64 cpu)
{
	struct guest_tcg_vcpu *v = element_of(guest_tcg_vcpus, lane);

	if (guest_source != GUEST_TCG || !v)
		return;
	v->object = cpu;
	if (guest_tcg_object.taken)
		return;
	for (__u32 at = 0; at < GUEST_OBJECT_BYTES; at += PART_BYTES)
		bpf_probe_read_user(
			&guest_tcg_object.bytes[at], PART_BYTES, (const void *)(cpu + at));
	*(volatile __u32 *)&guest_tcg_object.taken = 1;
}

/** QEMU's function in which a vCPU (its argument) executes what was made of the guest's code. */
SEC("uprobe")
int on_boot_cpu_exec(struct pt_regs *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct task_record *t;

	if (!is_booting())
		return 0;
	t = task_get(bpf_get_current_task_btf());
	if (!t)
		return 0;
	take_object(t->lane, ctx->di);
	boot_send_once(BOOT_GUEST, id >> 32, bpf_get_current_task_btf());
	return 0;
}
