/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The probes that serve the boot alone: breakpoints (uprobes) in the stack's first program, which
 * hit once and are taken away again. Used by probe_set.h.
 */

#include <stddef.h>
#include <sys/types.h>

#include "common/error.h"

struct guestscope_bpf;
struct probe_boot;

/** What is to be watched for. */
struct probe_boot_plan {
	pid_t pid;             /**< the stack's process, held before its exec */
	const char *program;   /**< the file that it will execute */
	const char *emulation; /**< its function that executes guest code, or NULL: none is
				  looked for */
	const pid_t *servers;  /**< processes that serve it */
	size_t n_servers;
};

/**
 * Attach. Each failure costs one mark of the boot, no more: where there is one, the result is a
 * negative errno and the message says what, and *ret is made nevertheless. -ENOMEM: it is not.
 */
int probe_boot_attach(struct guestscope_bpf *bpf, const struct probe_boot_plan *plan,
	struct probe_boot **ret, struct error *error);

/** Event @event (enum boot_event) was seen: what waits for it is taken away, by a thread. */
void probe_boot_seen(struct probe_boot *b, unsigned event);

/** Take all away. NULL is fine. */
void probe_boot_detach(struct probe_boot *b);
