/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the end of a process means, in words. */

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "guests/guest.h"

/**
 * 0 if the reaped @g says that its process ended with status 0; else -EIO with a sentence about
 * @who and the last words of @console. That we killed it is told apart from a signal of another's.
 * @by_shell: a status of 128 + number means a signal, as with shells and container engines.
 */
int exit_status_verdict(const struct guest *g, bool by_shell, const char *who, const char *console,
	size_t length, struct error *error);
