/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * All that is known of a run over time, as one JSON document, which the page draws
 * (assets/time_data.js reads it). Instants are in ns since the run's begin.
 *
 *     {"run": 7, "details": [[state, detail, taken_by], ...],
 *      "phases": [[name, begin, end], ...],
 *      "lanes": [[[phase, begin, merged, merged_ns, lost_ns, data], ...], ...],
 *      "rows": [[task, lane, begin, end], ...]}
 *
 * The data of a lane's block is the store's (docs/database.md), in base 64.
 */

#include <stdio.h>

#include "reports/store/store_reader.h"

/** For each run, in the order of store_tables(), how many bytes its document takes, about; 0: there
 * is no timeline. Free it. -ENOMEM, -EBADMSG with store_reader_error(). */
int time_data_bytes(struct store_reader *store, size_t **ret);

/** Write the document. Errors as above. */
int time_data_write(struct store_reader *store, const struct store_run *run, FILE *out);
