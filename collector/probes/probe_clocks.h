/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The sampling clocks, one on each CPU: at each tick a program takes the stacks of what runs there. */

#include <stdbool.h>

#include "common/error.h"

struct bpf_link;
struct bpf_program;

struct probe_clocks {
	struct bpf_link **links; /* of a CPU that is offline: NULL */
	int n;
};

/**
 * Start them with @program, at @hz. @guest_ip: on Intel's processors the kernel reads the instruction
 * pointer of KVM's guest for each tick. -EACCES or -EPERM where clocks are forbidden, -ENOMEM, or what
 * the kernel says, with a message; probe_clocks_close() is called for in any case.
 */
int probe_clocks_open(struct probe_clocks *c, struct bpf_program *program, unsigned hz,
	bool guest_ip, struct error *error);

/** Stop them. */
void probe_clocks_close(struct probe_clocks *c);
