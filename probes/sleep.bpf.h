/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Why a thread sleeps: from its state, its system call and what that waits on. */

#include "probes/lane.bpf.h"
#include "probes/wait.h"

/* From the kernel's include/linux/sched.h. */
#define TASK_RUNNING   0x0000
#define __TASK_STOPPED 0x0004
#define __TASK_TRACED  0x0008
#define TASK_DEAD      0x0080
#define TASK_FROZEN    0x8000

static __always_inline __u32 wait_on_fd(struct task_struct *task, __u32 fd)
{
	struct fdtable *table = task->files->fdt;
	struct file *file = NULL;

	if (fd >= table->max_fds || bpf_probe_read_kernel(&file, sizeof(file), table->fd + fd) ||
		!file)
		return WAIT_PLAIN;
	return wait_of_mode(BPF_CORE_READ(file, f_inode, i_mode));
}

static __always_inline __u64 sleep_cause(struct task_struct *task, __u32 state)
{
	struct pt_regs *regs;
	long nr;

	if (state & __TASK_STOPPED)
		return PROBE_DETAIL(CAUSE_STOPPED, 0, 0);
	if (state & __TASK_TRACED)
		return PROBE_DETAIL(CAUSE_TRACED, 0, 0);
	if (state & TASK_DEAD)
		return PROBE_DETAIL(CAUSE_EXITED, 0, 0);
	if (state & TASK_FROZEN)
		return PROBE_DETAIL(CAUSE_FROZEN, 0, 0);
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	nr = (long)regs->orig_ax;
	return wait_detail(
		nr, regs->si, wait_is_on_fd(nr) ? wait_on_fd(task, regs->di) : WAIT_PLAIN);
}

static __always_inline __u64 vcpu_sleep_cause(struct task_struct *task, __u32 state)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

	return wait_of_vcpu(sleep_cause(task, state), regs->di, BPF_CORE_READ(task, mm, start_data),
		BPF_CORE_READ(task, mm, start_brk));
}
