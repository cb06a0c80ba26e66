/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** TCP ports of servers in stacks, as they are reached on this host. */

#include <sys/types.h>

#include "common/error.h"
#include "guests/guest.h"

/** Where all of them are reached. */
#define GUEST_HOST "127.0.0.1"

/**
 * Where the server at @port in a stack @ops is reached on the host: at that very port if it listens
 * there itself, else at @asked, or, where that is 0, at one that is free now. -EADDRINUSE with a
 * message: somebody listens there already.
 */
int guest_port_choose(const struct guest_ops *ops, unsigned port, unsigned asked, unsigned *ret,
	struct error *error);

/** At which addresses something listens. */
enum guest_listener {
	LISTENER_ANY = 1,      /**< at all of them */
	LISTENER_LOOPBACK = 2, /**< at GUEST_HOST */
	LISTENER_OTHER = 4,
};

/** Who listens at @port where process @pid is: in its network namespace, by the kernel's own table, so
 * that nobody need connect. The sum of enum guest_listener; 0: nobody, or there is no such process. */
unsigned guest_port_listeners(pid_t pid, unsigned port);
