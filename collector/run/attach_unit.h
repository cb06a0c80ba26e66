/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Which processes --attach means: a container's, all that are in its control group or below, whoever
 * started them; else one process and its descendants.
 */

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/error.h"
#include "guests/containers/inspect.h"

struct attach_unit {
	pid_t pid;   /**< that was named, or the container's first */
	char *group; /**< the folder of the container's control group, or NULL: a process tree */
	char *cpu_group, *usage_group; /**< the same for the controllers cpu and cpuacct, or NULL */
	char id[CONTAINER_ID_SIZE];    /**< the container's, or "" */
	char name
		[CONTAINER_NAME_SIZE]; /**< the container's, or the begin of its identifier, or "" */
};

struct attach_pids {
	pid_t *pids;
	size_t n;
};

/**
 * What @what names: a process by its number, a virtual machine of the system's libvirt, or a container. -EINVAL as the user's mistake, -ESRCH, and what container_find()
 * says, with a message.
 */
int attach_unit_find(const char *what, struct attach_unit *ret, struct error *error);

/** Its processes as of now; the list is to be freed. -ENOMEM. */
int attach_unit_processes(const struct attach_unit *u, struct attach_pids *ret);

bool attach_pids_have(const struct attach_pids *list, pid_t pid);

/** Add the CPUs of the cpuset that @pid is in to @ret, as far as can be told. */
void attach_group_cpus(pid_t pid, cpu_set_t *ret);

/** The process that made @pid. 0: gone. */
pid_t attach_parent_of(pid_t pid);

void attach_unit_done(struct attach_unit *u);
