/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Why a thread sleeps: from its state, its system call and what that waits on. */

#include "probes/lane.bpf.h"

/* From the kernel's include/linux/sched.h, include/uapi/linux/futex.h and the x86-64 system calls.
 */
#define TASK_RUNNING      0x0000
#define __TASK_STOPPED    0x0004
#define __TASK_TRACED     0x0008
#define TASK_DEAD         0x0080
#define TASK_FROZEN       0x8000
#define FUTEX_CMD_MASK    0x7f /* without FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME */
#define FUTEX_WAIT        0
#define FUTEX_WAIT_BITSET 9
#define SYS_READ          0
#define SYS_WRITE         1
#define SYS_READV         19
#define SYS_WRITEV        20
#define SYS_FUTEX         202

static __always_inline __u32 wait_on_fd(struct task_struct *task, __u32 fd)
{
	struct file **table = BPF_CORE_READ(task, files, fdt, fd);
	struct file *file = NULL;

	if (fd >= BPF_CORE_READ(task, files, fdt, max_fds) ||
		bpf_probe_read_kernel(&file, sizeof(file), table + fd) || !file)
		return WAIT_PLAIN;
	switch (BPF_CORE_READ(file, f_inode, i_mode) & 0170000) {
	case 0010000:
		return WAIT_PIPE;
	case 0140000:
		return WAIT_SOCKET;
	case 0100000:
		return WAIT_FILE;
	case 0020000:
		return WAIT_CHARDEV;
	default:
		return WAIT_OTHER_FD;
	}
}

static __always_inline __u64 sleep_cause(struct task_struct *task, __u32 state)
{
	struct pt_regs *regs;
	__u32 wait = WAIT_PLAIN;
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
	if (nr < 0)
		return PROBE_DETAIL(CAUSE_FAULT, 0, 0);
	if (nr == SYS_FUTEX) {
		__u32 command = regs->si & FUTEX_CMD_MASK;

		if (command == FUTEX_WAIT)
			wait = WAIT_FUTEX_LOCK;
		else if (command == FUTEX_WAIT_BITSET)
			wait = WAIT_FUTEX_CONDITION;
	} else if (nr == SYS_READ || nr == SYS_WRITE || nr == SYS_READV || nr == SYS_WRITEV) {
		wait = wait_on_fd(task, regs->di);
	}
	return PROBE_DETAIL(CAUSE_SYSCALL, nr, wait);
}
