/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the lanes are of what is attached to. */

#include "collector/run/attach.h"

/** By the threads' names, else the CPUs. -ESRCH (it has ended), -E2BIG, -ENOMEM with a message. */
int attach_choose_lanes(struct attach *a, struct error *error);

/** @t floats among the lanes of @a, which are CPUs. */
void attach_float(const struct attach *a, struct attach_thread *t);
