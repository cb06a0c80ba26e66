/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the end of a process means, in words. */

#include <stddef.h>

#include "common/error.h"

/**
 * 0 if @wait_status (of waitpid) says that the process ended with status 0; else -EIO with a
 * sentence about @who and the last words of @console. A shell's way of reporting signals (128 +
 * number), which container engines share, is understood.
 */
int exit_status_verdict(
	int wait_status, const char *who, const char *console, size_t length, struct error *error);
