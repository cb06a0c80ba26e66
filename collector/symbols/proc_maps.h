/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Reading /proc/PID/maps. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_mapping {
	uint64_t start;  /**< first address */
	uint64_t end;    /**< one beyond the last */
	uint64_t offset; /**< of start in the file, bytes */
	uint64_t inode;  /**< 0: not a file */
	bool executable;
	const char
		*path; /**< as the process sees it; "[vdso]", "[stack]" ...; "" if there is none */
};

/**
 * A thread by whose number /proc shows process @pid: itself, or, where its first thread has
 * exited and others go on, one of these. 0: it has ended.
 */
pid_t proc_living_thread(pid_t pid);

/** Called for each mapping; a negative value ends the reading and is returned. */
typedef int (*proc_maps_each_t)(const struct proc_mapping *m, void *userdata);

/** All mappings of process @pid, in order. 0, -ENOENT / -ESRCH (it is gone), -EACCES ... */
int proc_maps_each(pid_t pid, proc_maps_each_t each, void *userdata);

/** How large an address space is. What maps a library, or is replaced by exec, has others than
 * before. */
struct proc_maps_sizes {
	uint64_t pages; /**< all that is mapped */
	uint64_t text;  /**< pages of the program's own code */
	uint64_t data;  /**< pages of data and stack */
};

/**
 * Those of process @pid now: a small part of what reading its maps takes. 0, -ESRCH (it has ended, or
 * its first thread has: others may go on).
 */
int proc_maps_sizes(pid_t pid, struct proc_maps_sizes *ret);

/** Nothing of the like is known where there are no pages. */
bool proc_maps_same_sizes(const struct proc_maps_sizes *a, const struct proc_maps_sizes *b);
