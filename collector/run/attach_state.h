/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What a thread is called and what it does at this moment, by /proc. */

#include <stdbool.h>
#include <sys/types.h>

#include "collector/run/probe_set.h"

/** The thread's name, printable or not; "" if it is gone. */
void attach_thread_name(pid_t tgid, pid_t tid, char ret[static PROBE_NAME_SIZE]);

/**
 * False: the thread has exited. Else set @thread's state and detail by its state letter and, where
 * it sleeps, by the system call that it sleeps in, in the same words as the probes.
 */
bool attach_guess_state(struct probe_adoption *thread);
