/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What /proc says about a process. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROC_NAME_SIZE 16 /* TASK_COMM_LEN */

struct proc_stat {
	char comm[PROC_NAME_SIZE]; /**< name of the main thread */
	char state;                /**< its letter: R, S, D, Z, T ... */
	pid_t ppid;                /**< parent, in our pid namespace */
	int cpu;                   /**< that it is on, or was last */
};

/** /proc/@pid/stat, of a process or a thread. 0, -ESRCH (no such process), -EBADMSG (not understood), -errno. */
int proc_read_stat(pid_t pid, struct proc_stat *ret);

/** Where a process's program has its variables: from the initialised ones up to where its heap began. */
struct proc_variables {
	uint64_t data;
	uint64_t brk;
};

/** /proc/@pid/stat. As proc_read_stat(); zeros where this process may not know. */
int proc_read_variables(pid_t pid, struct proc_variables *ret);

/** The name of thread @tid of process @tgid, printable or not; "" if it is gone. */
void proc_read_thread_name(pid_t tgid, pid_t tid, char ret[static PROC_NAME_SIZE]);

/**
 * The command line of @pid: words that each end with NUL, as far as they fit in @buffer, which is
 * always NUL-ended. Returns the number of bytes (0: a kernel thread or a zombie) or negative errno.
 */
ssize_t proc_read_arguments(pid_t pid, char *buffer, size_t size);

/** Does process @pid handle signal @number itself? False also where that cannot be read. */
bool proc_catches(pid_t pid, int number);

/** Is argv[0] of @pid exactly @text? False also where that cannot be read. */
bool proc_runs_as(pid_t pid, const char *text);

/**
 * All pids for which @match says yes, at most @max, in the order of /proc.
 * Returns their number, 0 if /proc cannot be read.
 */
size_t proc_find(bool (*match)(pid_t pid, const void *userdata), const void *userdata, pid_t *ret,
	size_t max);

/**
 * How long the hypervisor below this machine has kept its CPUs from work that they had, since the boot, ns: the column
 * steal of @path (/proc/stat), summed over the @n CPUs of @cpus, or over all that are online if @n is 0. In steps of
 * the kernel's clock tick, mostly 10 ms. 0 also where it cannot be read.
 */
uint64_t proc_read_stolen_ns(const char *path, const int *cpus, size_t n);
