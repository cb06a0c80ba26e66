/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Where QEMU, under emulation, keeps a vCPU's registers: found in its memory, else by a table of
 * its versions.
 */

#include <stddef.h>

#include "common/error.h"
#include "probes/records.h"

/**
 * Find the registers in @object, @size bytes from the begin of QEMU's object of a vCPU, as it was
 * before its first instruction: what a processor holds after a reset is known, and in which order
 * QEMU has it. Nothing of the rest is assumed, so this works with versions that are not known.
 * -ENODATA if it is not there, or there more than once.
 */
int guest_registers_by_reset(const void *object, size_t size, struct guest_tcg_layout *ret);

/**
 * @version: the first line of qemu --version. Sets ret->env to 0. -ENOENT, with a sentence for the
 * user, if that QEMU is not in the table; -EOPNOTSUPP, likewise, if it is too old: its guests'
 * stacks cannot be taken, all else can.
 */
int guest_registers_by_version(
	const char *version, struct guest_tcg_layout *ret, struct error *error);
