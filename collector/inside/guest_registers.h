/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Where QEMU, under emulation, keeps a vCPU's registers: a table by its version. */

#include "common/error.h"
#include "probes/records.h"

/**
 * @version: the first line of qemu --version. -ENOENT, with a sentence for the user, if that QEMU
 * is not in the table: its guests' stacks cannot be taken, all else can.
 */
int guest_tcg_layout_find(const char *version, struct guest_tcg_layout *ret, struct error *error);
