/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * A process that runs already, as a stack (--attach): what kind it is, which of its threads are
 * lanes, and what each of them does at the moment. All of it comes from /proc.
 *
 * Lanes are the vCPUs of QEMU, by the names that it gives its threads ("CPU 0/KVM", with
 * -name ...,debug-threads=on); else the threads called "worker/N"; else each thread, up to
 * ATTACH_LANES_MAX. All other threads of the process and of its descendants are helpers, and so is
 * whatever they start.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "collector/probes/probe_follow.h"
#include "common/error.h"
#include "guests/guest.h"

/** Lanes where no thread says by its name that it is one. */
#define ATTACH_LANES_MAX 64

struct attach_thread {
	struct probe_adoption adoption;
	char name[PROBE_NAME_SIZE];
};

struct attach {
	pid_t pid;
	int pidfd;                   /**< readable when the process has ended */
	const struct guest_ops *ops; /**< qemu, container or process: for its name and is_vm only */
	enum accel accel;            /**< of qemu */
	const char *lane_prefix;     /**< of the names of lanes; "": they were given by number */
	unsigned lanes;
	pid_t program_tgid; /**< the process that the lanes belong to */
	struct attach_thread *threads;
	size_t n_threads;
	size_t n_left_out; /**< threads that could have been lanes, but for ATTACH_LANES_MAX */
	char **argv;       /**< of the process; NULL-ended */
};

/**
 * Look at process @pid. -ESRCH (no such process, or one that has ended), -EINVAL (a thread's
 * number, or our own) with a message; what /proc says otherwise.
 */
int attach_open(pid_t pid, struct attach **ret, struct error *error);

/**
 * Threads of the process and its descendants that are not known yet, as helpers; what was found
 * is added to @a, from index *ret_first on. -ENOMEM.
 */
int attach_find_more(struct attach *a, size_t *ret_first);

/** How many of the threads from index @first on would be lanes, had they been there before. */
size_t attach_count_late(const struct attach *a, size_t first);

/** For --dry-run: a line for the process and one for each lane. */
void attach_describe(const struct attach *a, FILE *out);

/** NULL is fine. The process goes on. */
void attach_free(struct attach *a);
