/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What tells the steps of the boot apart: processes of the stack, and of those that serve it,
 * begin, change their program, end; the first program is linked; the first vCPU enters the guest.
 * Nothing of this is recorded once the program has reached its first marker.
 */

#include "probes/boot.bpf.h"

const volatile bool watch_servers = false;
volatile __u32 boot_seen[BOOT_EVENTS] = {};

/** Is @task's process of the stack, or one that serves it? */
static __always_inline bool is_concerned(struct task_struct *task)
{
	return task_get(task->pid) || (watch_servers && is_server(task));
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

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_boot_exec, struct task_struct *task, int old_pid, struct linux_binprm *binprm)
{
	bool is_program;

	if (!is_booting())
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

	if (is_booting() && task_get((__u32)id))
		boot_send_once(BOOT_ENTRY, id >> 32, bpf_get_current_task_btf());
	return 0;
}

/* Defined in sample.bpf.c. */
extern const volatile __u32 guest_source;
extern const volatile struct guest_tcg_layout guest_tcg_layout;
extern struct guest_tcg_vcpu guest_tcg_vcpus[PROBE_LANES_MAX];

/* A processor after its reset, by Intel's manual, volume 3, table 9-1. */
#define RESET_RIP    0xfff0ULL
#define RESET_EFLAGS 2ULL
#define RESET_CR0    0x60000010ULL

#define ENV_ALIGN 16
#define ENV_STEPS 4096 /* it lies in the same object, behind QEMU's own part of it */

struct env_search {
	__u64 at;
	__u64 found;
};

static bool env_has(__u64 env, __u32 offset, __u64 wanted)
{
	__u64 value;

	return bpf_probe_read_user(&value, sizeof(value), (const void *)(env + offset)) == 0 &&
	       value == wanted;
}

static long env_step(__u32 i, void *context)
{
	struct env_search *s = context;
	__u64 env = s->at + (__u64)i * ENV_ALIGN;

	if (!env_has(env, guest_tcg_layout.rip, RESET_RIP) ||
		!env_has(env, guest_tcg_layout.eflags, RESET_EFLAGS) ||
		!env_has(env, guest_tcg_layout.cr, RESET_CR0))
		return 0;
	s->found = env;
	return 1;
}

/**
 * Before its first instruction the vCPU's registers hold what they do after a reset: that tells
 * where they are in QEMU's object @cpu, so that samples need not learn it.
 */
static __always_inline void learn_vcpu(__s32 lane, __u64 cpu)
{
	struct env_search s = {.at = cpu};

	if (guest_source != GUEST_TCG || lane < 0 || lane >= PROBE_LANES_MAX ||
		guest_tcg_vcpus[lane].env)
		return;
	bpf_loop(ENV_STEPS, env_step, &s, 0);
	guest_tcg_vcpus[lane].env = s.found;
}

/** QEMU's function in which a vCPU (its argument) executes what was made of the guest's code. */
SEC("uprobe")
int on_boot_cpu_exec(struct pt_regs *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct task_record *t;

	if (!is_booting())
		return 0;
	t = task_get((__u32)id);
	if (!t)
		return 0;
	boot_send_once(BOOT_GUEST, id >> 32, bpf_get_current_task_btf());
	learn_vcpu(t->lane, ctx->di);
	return 0;
}
