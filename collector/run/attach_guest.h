/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The inside of a virtual machine that runs already, as far as its process tells. */

#include "collector/run/attach.h"

struct run_settings;

/**
 * Set a->inside and a->version, for the vCPUs of @a: the guest's memory by QEMU's own map of it, its kernel by the
 * command line and by @s, the programs that @s names. Where that cannot be had, a->no_inside says why. -ENOMEM, and what is
 * wrong with a file of @s, with a message.
 */
int attach_look_inside(struct attach *a, const struct run_settings *s, struct error *error);
