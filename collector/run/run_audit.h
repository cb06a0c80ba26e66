/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The books of a run beside clocks that the probes did not use. */

#include "collector/run/run_internal.h"

/** Read the control group of the lanes, where the stack is a container. */
struct cgroup_reading run_read_cgroup(struct run *run);

/** Compare, once the books are closed. -ENOMEM. */
int run_audit(struct run *run);
