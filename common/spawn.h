/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Child processes that never outlive us, unless they are told to.
 *
 * Every child gets: /dev/null as standard input, one pipe for standard output and error, no other
 * descriptor of ours, default signals, its own process group, and SIGKILL when the thread that
 * started it ends (PR_SET_PDEATHSIG: so start children from a thread that lives as long as they
 * may).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"

struct spawn {
	char *const *argv; /**< NULL-ended; argv[0] is looked up in PATH unless it has a slash */
	char *const *variables;    /**< NAME=VALUE beside our environment, NULL-ended; or NULL */
	const char *const *hidden; /**< of ours it gets none that begins so, NULL-ended; or NULL */
	int folder_fd;             /**< the folder it runs in; 0: ours */
	const int *cpus; /**< CPU affinity (Linux numbers) the child starts with, or NULL: ours */
	size_t n_cpus;
	bool outlives_us; /**< no PR_SET_PDEATHSIG: what it writes must not be left half-written */
};

struct child {
	pid_t pid;
	int pidfd;      /**< readable when the child has ended */
	int console_fd; /**< read end of its output: non-blocking, close-on-exec */
	int hold_fd;    /**< the child waits on the other end of it; see spawn_release() */
};

/**
 * fork() a child that gets SIGKILL when the thread that called this ends. It is returned in it only
 * as long as that has not happened. Descriptors and signals stay as they are.
 */
pid_t spawn_fork(void);

/** Wait for @pid to end, or to be stopped where we trace it. *ret_wait_status may be NULL. */
int spawn_wait(pid_t pid, int *ret_wait_status);

/**
 * Fork a child that waits just before its exec. On success the descriptors in @ret and the child
 * are the caller's: to be released, or killed, and reaped. -ENOENT if the program is not found,
 * -errno of pipe, fork ...
 */
int spawn_held(const struct spawn *s, struct child *ret, struct error *error);

/**
 * Let a held child exec. Closes *@hold_fd (sets it to -EBADF) when the exec has happened or failed.
 * 0, -errno of the exec, -ESRCH if the child is gone, -EALREADY if *@hold_fd is negative.
 */
int spawn_release(int *hold_fd);

/**
 * Wait up to @timeout_ms (negative: for ever) for the end of @pid, then kill what is left in its
 * process group and reap it. 0, -ETIMEDOUT (still runs), -errno of poll or waitpid.
 */
int spawn_reap(pid_t pid, int pidfd, int timeout_ms, int *ret_wait_status);

/** Kill the process group of @pid and reap it. 1: it still ran; 0: it had ended; -errno of waitpid. */
int spawn_kill(pid_t pid, int pidfd, int *ret_wait_status);

/**
 * Run a program to its end and collect its output (standard output and error together), at most
 * @timeout_ms, after which it is killed (-ETIMEDOUT). *ret_output is malloced, NUL-ended, at most 1
 * MiB; *ret_status (may be NULL) is as from waitpid. With @ret_status NULL anything but exit status
 * 0 is -EIO, with the first line of the output in the message.
 */
int spawn_output(
	char *const *argv, int timeout_ms, char **ret_output, int *ret_status, struct error *error);

/** The same for a program with more than arguments. */
int spawn_and_collect(const struct spawn *s, int timeout_ms, char **ret_output, int *ret_status,
	struct error *error);

/** The full path of @program by PATH, malloced. 0, -ENOENT, -ENOMEM. */
int spawn_find_program(const char *program, char **ret_path);
