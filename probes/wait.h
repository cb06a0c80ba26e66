/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Why a thread sleeps in a system call, as a detail of the state "blocked": the same rules for the
 * eBPF programs, which see the thread fall asleep, and for --attach, which finds it asleep in /proc.
 * Numbers of x86-64 system calls; constants of include/uapi/linux/futex.h and stat.h.
 */

#include "probes/records.h"

#define WAIT_CALL_READ   0
#define WAIT_CALL_WRITE  1
#define WAIT_CALL_READV  19
#define WAIT_CALL_WRITEV 20
#define WAIT_CALL_FUTEX  202

#define WAIT_FUTEX_COMMAND 0x7f /* without FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME */
#define WAIT_FUTEX_PLAIN   0    /* FUTEX_WAIT */
#define WAIT_FUTEX_BITSET  9    /* FUTEX_WAIT_BITSET */

#define WAIT_FILE_TYPE 0170000 /* S_IFMT */

/** What is behind a file descriptor, by the mode of its inode. An enum probe_wait. */
static inline __u32 wait_of_mode(__u32 mode)
{
	switch (mode & WAIT_FILE_TYPE) {
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

/** Does system call @nr wait for its first argument, a file descriptor? */
static inline int wait_is_on_fd(long nr)
{
	return nr == WAIT_CALL_READ || nr == WAIT_CALL_WRITE || nr == WAIT_CALL_READV ||
	       nr == WAIT_CALL_WRITEV;
}

/**
 * The detail of a thread that sleeps in system call @nr (negative: in none), whose second argument
 * is @second. @of_fd: what its file descriptor is, where wait_is_on_fd().
 */
static inline __u64 wait_detail(long nr, __u64 second, __u32 of_fd)
{
	__u32 wait = WAIT_PLAIN;

	if (nr < 0)
		return PROBE_DETAIL(CAUSE_FAULT, 0, 0);
	if (wait_is_on_fd(nr))
		wait = of_fd;
	else if (nr == WAIT_CALL_FUTEX && (second & WAIT_FUTEX_COMMAND) == WAIT_FUTEX_PLAIN)
		wait = WAIT_FUTEX_LOCK;
	else if (nr == WAIT_CALL_FUTEX && (second & WAIT_FUTEX_COMMAND) == WAIT_FUTEX_BITSET)
		wait = WAIT_FUTEX_CONDITION;
	return PROBE_DETAIL(CAUSE_SYSCALL, nr, wait);
}

/**
 * @detail, of a thread that runs a vCPU and sleeps in a system call whose first argument is @first.
 * QEMU lets a vCPU whose guest has nothing to do (HLT, not started yet, paused) wait for its own
 * condition variable, halt_cond, which it allocates. What else a vCPU's thread may wait for with a
 * condition variable is for all vCPUs together and static: @data to @brk, the program's variables.
 */
static inline __u64 wait_of_vcpu(__u64 detail, __u64 first, __u64 data, __u64 brk)
{
	if (detail != PROBE_DETAIL(CAUSE_SYSCALL, WAIT_CALL_FUTEX, WAIT_FUTEX_CONDITION))
		return detail;
	return first >= data && first < brk ? detail : PROBE_DETAIL(CAUSE_HALT, 0, 0);
}
