/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Where a running program has a variable that its symbols tell of: QEMU's own, about its guest. */

#include <stdint.h>
#include <sys/types.h>

/**
 * The address of variable @name of process @pid's program, in its memory. -ENOENT (its symbols do not tell), -ENOEXEC,
 * -EACCES, -ESRCH ...
 */
int process_variable_find(pid_t pid, const char *name, uint64_t *ret);
