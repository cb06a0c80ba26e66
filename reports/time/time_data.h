/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * All that is known of a run over time, as one JSON document, which the page draws
 * (assets/time_data.js reads it). Instants are in ns since the run's begin.
 *
 *     {"run": 7, "details": [[state, detail, taken_by], ...],
 *      "phases": [[name, begin, end], ...],
 *      "lanes": [[[phase, begin, merged, merged_ns, lost_ns, data], ...], ...],
 *      "rows": [[task, lane, begin, end], ...],
 *      "frames": [[side, module, symbol, inlined], ...],
 *      "stacks": [parent, frame, parent, frame, ...],
 *      "samples": [kind, stack, ns, kind, stack, ns, ...],
 *      "times": [[lane, begin, data], ...]}
 *
 * The data of blocks is the store's (docs/database.md), in base 64. A stack is a frame upon its parent
 * (-1: there is none), the thread outermost, then in the order in which readers see it. A row of the
 * store's samples is a kind (0 on a CPU, 1 off it, 2 an exit), a stack, and the time that one of them
 * stands for.
 */

#include <stdio.h>

#include "reports/store/store_reader.h"

/** For each run, in the order of store_tables(), how many bytes its document takes, about; 0: there
 * is no timeline. Free it. -ENOMEM, -EBADMSG with store_reader_error(). */
int time_data_bytes(struct store_reader *store, size_t **ret);

/** How long after the begin of @run an instant of the store is; 0 where that cannot be told. */
int64_t time_since(const struct store_run *run, int64_t ns);

/** Write the document. Errors as above. */
int time_data_write(struct store_reader *store, const struct store_run *run, FILE *out);
