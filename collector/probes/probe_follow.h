/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Who belongs to the stack: said before the gate opens, or found while it is open. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "collector/probes/probe_set.h"

/** Follow process @pid and all it will start. To be called before the gate opens. -errno. */
int probe_set_follow(struct probe_set *p, pid_t pid);

/** A thread that runs already. */
struct probe_adoption {
	pid_t tgid;
	pid_t tid;
	int lane;     /**< negative: a helper. Of one that floats: the CPU that it was last on */
	bool floats;  /**< its lane is the CPU that it runs on or waits for; see probe_options */
	pid_t parent; /**< of one that floats: the process that made its own, 0: none of the stack */
	/**
	 * What it seems to do: STATE_ONCPU, or STATE_BLOCKED with the detail's number. Its first
	 * event tells what it really did since the gate opened (why it slept until then, this
	 * does); only a thread without any event until the end is booked by this.
	 */
	unsigned state;
	uint64_t detail;
};

/**
 * Take a thread that runs already (--attach), before the gate opens; as a helper, or one that floats, also
 * after that: then it is followed from its first event on. A thread that is followed already stays as it
 * is. -errno.
 */
int probe_set_adopt(struct probe_set *p, const struct probe_adoption *thread);
