/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What is left to do when a run is over. */

#include "collector/run/run_internal.h"

/** Close the books, audit, translate the rows. -ENOMEM. */
int run_close(struct run *run);
