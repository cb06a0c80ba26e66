/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The types of QEMU's machine that our virtual machines can be (--machine), in one table. */

#include <stdint.h>

#include "common/error.h"
#include "guests/guest.h"

struct machine_type {
	const char *name;
	const char *settings; /**< behind the name, in -machine */
	const char *global;   /**< of -global, or NULL */
	const char *disk;     /**< QEMU's device for a virtio disk */
	const char *network;  /**< and for a virtio network card */
	const char *
		firmware; /**< of kernels with a PVH entry that SeaBIOS does not boot, or NULL: its own does */
	uint64_t split_from; /**< with so many bytes of RAM or more ... */
	uint64_t below;      /**< ... this is what is below 4 GiB, and the rest above it */
};

/** Of one of enum machine. */
const struct machine_type *machine_type(enum machine machine);

/** Does the stack @ops boot on @machine? 0, or -EINVAL, as the user's mistake, with the reason. */
int machine_type_check(const struct guest_ops *ops, enum machine machine, struct error *error);
