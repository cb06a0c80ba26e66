/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Standard output and error: nothing that goes there is lost without a word. */

#include <stdbool.h>
#include <stdio.h>

/**
 * To be called first in main(). Descriptors 0 to 2 that are closed are taken, so that no file of
 * ours gets their numbers. At exit, however that comes: if something could not be written to
 * standard output, say so as @program (a static string), and make a status of 0 @status. A reader
 * that went away (a closed pipe) interrupts nothing, since SIGPIPE is ignored until the exit: then a
 * status of 0 becomes death by SIGPIPE, without a word.
 */
void streams_guard(const char *program, int status);

/** Is @f a terminal that can move its cursor and erase (TERM is set, and not "dumb")? */
bool stream_is_terminal(FILE *f);

/** How many columns the terminal has that @f is: by itself, else by COLUMNS. 0: @f is none, or nobody says. */
unsigned stream_columns(FILE *f);

/** Around a line that is written over again: what does not fit the terminal's width is cut, not wrapped. */
#define STREAM_ONE_LINE "\r\033[K\033[?7l"
#define STREAM_WRAPS    "\033[?7h"

/** That, and the user did not refuse colours (NO_COLOR)? */
bool stream_has_style(FILE *f);
