/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * What runs already, as a stack (--attach): a process, with its descendants, or a container. What kind
 * it is, what its lanes are, and what each of its threads does at the moment. All of it comes from
 * /proc and, of a container's name, from its engine.
 *
 * Lanes are the vCPUs of a virtual machine, by the names that its monitor gives to threads; else the threads
 * called "worker/N". All others are helpers then. Else nothing is told apart by names: lane k is the k-th CPU that
 * the threads may use, and all of them float (probes/float.bpf.h).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "collector/probes/probe_follow.h"
#include "collector/run/attach_unit.h"
#include "common/error.h"
#include "guests/guest.h"

/** CPUs that can be lanes. */
#define ATTACH_LANES_MAX PROBE_LANES_MAX
/** What a virtual machine that ran already is called as a stack. */
#define ATTACH_MACHINE "qemu"

struct attach_thread {
	struct probe_adoption adoption;
	char name[PROBE_NAME_SIZE];
	int cpu; /**< that it was last on */
};

struct attach {
	struct attach_unit unit;
	char title[CONTAINER_NAME_SIZE + 16]; /**< for messages: "process 7", "container web" */
	pid_t pid;                            /**< that was named, or the container's first */
	int pidfd;                            /**< readable when it has ended */
	struct guest_ops ops; /**< qemu, container-NAME or process: for its name and is_vm only */
	char name[CONTAINER_NAME_SIZE + 16];
	enum accel accel;        /**< of qemu */
	const char *monitor;     /**< of a virtual machine whose vCPUs are the lanes, or NULL */
	const char *lane_prefix; /**< of the names of lanes; "": they are CPUs */
	unsigned lanes;
	int *lane_cpus;     /**< of each lane, where lanes are CPUs; else NULL */
	bool uncounted;     /**< hardware counters were given up */
	pid_t program_tgid; /**< the process that the lanes belong to */
	struct attach_thread *threads;
	size_t n_threads;
	struct attach_pids seen; /**< the processes that there were at the last look */
	char **argv;             /**< of the process; NULL-ended */
	struct guest_inside
		*inside;      /**< of a virtual machine that can be looked into, or NULL ... */
	char *no_inside;      /**< ... why it cannot, or NULL: nothing has to be said */
	char *version;        /**< of QEMU, or NULL */
	uint64_t memory_left; /**< bytes of the guest's that are in no range of @inside */
};

/**
 * Look at @what: a process by its number, a virtual machine of libvirt's by its name, a container by its name or identifier. -ESRCH, -ENOENT (no such process or
 * container, or one that has ended), -EINVAL (a thread's number, our own, or a word that names neither), -E2BIG (more CPUs than
 * lanes) with a message; what /proc and the container's engine say otherwise.
 */
int attach_open(const char *what, struct attach **ret, struct error *error);

/**
 * Threads of it that are not known yet; what was found is added to @a, from index *ret_first on: helpers, or
 * ones that float. -ENOMEM.
 */
int attach_find_more(struct attach *a, size_t *ret_first);

/**
 * The same of processes that have come into a container since the last look, and were not made by one of its own,
 * as `docker exec` does. a->seen: those that there are now.
 */
int attach_find_joined(struct attach *a, size_t *ret_first);

/** How many of the threads from index @first on would be lanes, had they been there before. */
size_t attach_count_late(const struct attach *a, size_t first);

/** What follows the option @name, written with one dash or two, in its command line; or NULL. */
const char *attach_option(const struct attach *a, const char *name);

/** For --dry-run: a line for it and one for each lane. */
void attach_describe(const struct attach *a, FILE *out);

/** NULL is fine. What was attached to goes on. */
void attach_free(struct attach *a);
