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

/** Parse one line, which is changed; ret->path points into it. 0 or -EINVAL. */
int proc_maps_parse(char *line, struct proc_mapping *ret);

/** Called for each mapping; a negative value ends the reading and is returned. */
typedef int (*proc_maps_each_t)(const struct proc_mapping *m, void *userdata);

/** All mappings of process @pid, in order. 0, -ENOENT / -ESRCH (it is gone), -EACCES ... */
int proc_maps_each(pid_t pid, proc_maps_each_t each, void *userdata);
