/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/state.h"

#include <errno.h>
#include <string.h>

const struct state_info state_table[STATE_COUNT] = {
	[STATE_NONE] = {"none", "not watched", "#ffffff"},
	[STATE_ONCPU] = {"oncpu", "on its CPU", "#0072b2"},
	[STATE_GUEST] = {"guest", "guest code", "#009e73"},
	[STATE_USER] = {"user", "application in user mode", "#56b4e9"},
	[STATE_VMM] = {"vmm", "hypervisor's own user code", "#f0e442"},
	[STATE_KERNEL] = {"kernel", "host kernel for the lane", "#e69f00"},
	[STATE_IRQ] = {"irq", "interrupts that hit the lane", "#cc79a7"},
	[STATE_PREEMPTED] = {"preempted", "runnable, something else runs", "#d55e00"},
	[STATE_WAKEUP] = {"wakeup", "woken, waiting for its CPU", "#882255"},
	[STATE_BLOCKED] = {"blocked", "asleep of its own accord", "#bbbbbb"},
	[STATE_THROTTLED] = {"throttled", "held back by a cgroup quota", "#332288"},
};

int state_from_name(const char *name)
{
	for (int i = 0; i < STATE_COUNT; i++)
		if (strcmp(state_table[i].name, name) == 0)
			return i;
	return -EINVAL;
}
