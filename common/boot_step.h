/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The steps that a stack takes from its start to the program's first marker: their names, as the
 * store and every report have them, in the order of time. A stack takes those that it has; one that
 * could not be told from the next carries the names of both, joined by BOOT_STEP_JOIN.
 */

enum boot_step {
	BOOT_PROCESS_START,  /* exec and dynamic linking, up to the program's own first code */
	BOOT_QEMU_SETUP,     /* QEMU makes the machine, up to the first code of the guest */
	BOOT_FIRMWARE,       /* up to the kernel */
	BOOT_KERNEL,         /* of the guest, up to its init system or the program */
	BOOT_INIT,           /* up to the program's exec */
	BOOT_CLIENT,         /* `docker run`, up to its first word to the daemon */
	BOOT_DAEMON,         /* dockerd and containerd, up to the container's monitor */
	BOOT_MONITOR,        /* containerd-shim or conmon, up to the OCI runtime */
	BOOT_RUNTIME_CREATE, /* the OCI runtime (runc, crun) makes the container */
	BOOT_START_REQUEST,  /* the word that it may start comes down the chain */
	BOOT_RUNTIME_START,  /* the OCI runtime starts it, up to the program's exec */
	BOOT_PROGRAM,        /* up to its first marker, dynamic linking included */
	BOOT_STEP_COUNT
};

#define BOOT_STEP_JOIN " + "

struct boot_step_info {
	const char *name;
	const char *meaning; /**< a few words for people */
	const char *colour;  /**< of charts, "#rrggbb" */
};

extern const struct boot_step_info boot_step_table[BOOT_STEP_COUNT];

/** The step of that name, of joined names the first; -1 if there is none. */
int boot_step_from_name(const char *name);
