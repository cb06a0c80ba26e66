/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The states of a lane: at each instant of the measured window a lane (a vCPU thread, or a pinned
 * worker) is in exactly one of them. Shared by the eBPF programs (which include this file with
 * their own types), the accounts and the reports; the names are those of the store.
 *
 * STATE_ONCPU is internal: time that a lane held its CPU and that is still to be split, by samples,
 * over guest, user, vmm and kernel. It never reaches the store.
 */
enum lane_state {
	STATE_NONE = 0,  /**< not yet watched */
	STATE_ONCPU,     /**< on its CPU, not told apart by events */
	STATE_GUEST,     /**< executing guest code */
	STATE_USER,      /**< executing the application in user mode */
	STATE_VMM,       /**< QEMU's own user-mode code on a vCPU thread */
	STATE_KERNEL,    /**< host kernel on the lane's behalf */
	STATE_IRQ,       /**< interrupts that hit the lane */
	STATE_PREEMPTED, /**< runnable, but something else runs */
	STATE_WAKEUP,    /**< woken, waiting for its CPU */
	STATE_BLOCKED,   /**< asleep of its own accord */
	STATE_THROTTLED, /**< held back by a cgroup quota */
	STATE_COUNT
};

#ifndef __bpf__
struct state_info {
	const char *name;  /**< as in the store's account.state */
	const char *title; /**< a few words for people */
	const char *color; /**< #rrggbb, colour-blind safe (Okabe-Ito and Tol) */
};

/** Indexed by enum lane_state. */
extern const struct state_info state_table[STATE_COUNT];

/** The state of that name, or -EINVAL. */
int state_from_name(const char *name);
#endif
