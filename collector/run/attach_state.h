/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What a thread does at this moment, by /proc. */

#include <stdbool.h>

#include "collector/probes/probe_follow.h"

/**
 * False: the thread has exited. *ret_cpu: the CPU that it was last on. Else set @thread's state and detail by its state letter and, where
 * it sleeps, by the system call that it sleeps in, in the same words as the probes.
 */
bool attach_guess_state(struct probe_adoption *thread, int *ret_cpu);

/** It turned out to run a vCPU: see wait_of_vcpu() in probes/wait.h. */
void attach_guess_vcpu(struct probe_adoption *thread);
