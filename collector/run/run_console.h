/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What a run's program, or its client, writes: kept in a file, and its end for error messages. All of
 * it is untrusted, and may be gigabytes. */

#include "collector/run/run_internal.h"
#include "common/console.h"

/** How much of it is kept in its file. */
#define CONSOLE_LOGGED_MAX ((size_t)64 << 20)

/** Room for the end of it, and where there is a folder for logs, its file there: run-NNNN.@kind. -errno
 * with a message. */
int run_console_open(struct run *run, struct run_console *c, const char *kind, struct error *error);

/** The next piece. */
void run_console_take(struct run *run, struct run_console *c, const char *data, size_t n);

/** See console_last_words(). */
void run_console_last_words(const struct run_console *c, char ret[static CONSOLE_WORDS_SIZE]);

/** Release; what could not be written is the result's log_error. */
void run_console_close(struct run *run, struct run_console *c);
