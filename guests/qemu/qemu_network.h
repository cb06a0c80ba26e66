/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The network of a virtual machine that serves a port: QEMU's user-mode one, which hands a port of
 * the host on to the guest and leads nowhere else.
 */

#include <stdint.h>

#include "common/error.h"
#include "guests/guest.h"
#include "guests/process/command.h"
#include "guests/qemu/qmp.h"

/** The options of QEMU for it; none where the spec has no port. */
void qemu_network_add(struct strv *v, const char *device, const struct guest_spec *spec);

/** A connection that tries whether the guest answers. */
struct qemu_trial {
	int fd; /**< negative: none */
	int64_t since_ms;
};

/**
 * Does the guest answer at its port? QEMU itself takes every connection at once, so that one alone
 * says nothing: whether the guest has taken it too is in QEMU's own table. A server therefore sees
 * one connection without a byte. 1, 0: not yet; what @q gives.
 */
int qemu_network_answers(
	struct qemu_trial *t, struct qmp *q, const struct guest_spec *spec, struct error *error);

/** Release; idempotent. */
void qemu_trial_end(struct qemu_trial *t);
