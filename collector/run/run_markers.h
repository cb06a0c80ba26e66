/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the program in the stack says by its markers. All of it is untrusted input. */

#include "collector/run/run_internal.h"

/** A marker from the program. */
void run_on_marker(const struct marker *m, void *userdata);
