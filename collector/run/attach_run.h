/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** A run on a process that runs already. */

#include "collector/run/run_internal.h"

/** The life cycle of a run on request->attach. 0 or a negative errno, as run_execute(). */
int attach_execute(struct run *run, struct error *error);
