/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * What the program in the stack writes, standard output and standard error in the order in which
 * they arrive: kept in a file, searched for phases, metrics and its result, and summed up so that
 * runs can be compared. All of it is untrusted, and may be gigabytes.
 *
 * The program's own output is all that a native run or a container writes; of a guest, what its
 * console shows from the program's start to the words that follow its end. Marker lines, and lines
 * with a kernel's time stamp, are no part of it.
 */

#include "collector/run/run_internal.h"

/** Searching the output of a run takes no longer: an expression may need a fifth of a second for one
 * line that was made for that. */
#define OUTPUT_SEARCH_MAX_NS 30000000000ULL
/** So much of it waits to be searched until the run is over: twice what is kept in its file. */
#define OUTPUT_QUEUE_MAX ((size_t)128 << 20)

/** To be called once, before anything is written. -ENOMEM. */
int run_output_begin(struct run *run);

/** The next piece: its markers are taken, and what is looked for in its lines, in the order of the
 * stream where that decides which phase comes first. */
void run_output_push(struct run *run, const char *data, size_t length);

/** The same of the server's client: then all is looked for in its output, and nothing in the server's. */
void run_output_push_client(struct run *run, const char *data, size_t length);

/** There is no more: what was asked for and not found is said in the run's warnings. */
void run_output_end(struct run *run);
