/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/boot_step.h"

#include <stddef.h>
#include <string.h>

/* Colours: Okabe and Ito's, and Tol's muted ones, which the colour-blind tell apart. */
const struct boot_step_info boot_step_table[BOOT_STEP_COUNT] = {
	[BOOT_PROCESS_START] = {"process start", "exec and dynamic linking", "#999999"},
	[BOOT_QEMU_SETUP] = {"QEMU set-up", "QEMU makes the machine", "#f0e442"},
	[BOOT_FIRMWARE] = {"firmware", "firmware, until the kernel", "#cc79a7"},
	[BOOT_KERNEL] = {"kernel", "the guest's kernel", "#e69f00"},
	[BOOT_INIT] = {"init", "the guest's init system", "#d55e00"},
	[BOOT_CLIENT] = {"client", "the client, until the daemon hears it", "#bbbbbb"},
	[BOOT_DAEMON] = {"daemon", "daemons, until the container's monitor", "#0072b2"},
	[BOOT_MONITOR] = {"monitor", "containerd-shim or conmon", "#56b4e9"},
	[BOOT_RUNTIME_CREATE] = {"runtime create", "the runtime makes the container", "#aa4499"},
	[BOOT_START_REQUEST] = {"start request", "the word to start comes down", "#ddcc77"},
	[BOOT_RUNTIME_START] = {"runtime start", "the runtime starts the program", "#882255"},
	[BOOT_PROGRAM] = {"program", "the program, until its run begins", "#009e73"},
};

int boot_step_from_name(const char *name)
{
	const char *join = strstr(name, BOOT_STEP_JOIN);
	size_t length = join ? (size_t)(join - name) : strlen(name);

	for (int i = 0; i < BOOT_STEP_COUNT; i++)
		if (strlen(boot_step_table[i].name) == length &&
			strncmp(boot_step_table[i].name, name, length) == 0)
			return i;
	return -1;
}
