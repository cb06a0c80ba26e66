/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The report as one self-contained HTML page: no network, and no second file but for timelines that
 * are too large. Scripts are named by their hashes in the page's content security policy, so nothing
 * that a name may smuggle in runs.
 */

#include <stdio.h>

#include "reports/analysis/analysis.h"
#include "reports/figures/figures.h"
#include "reports/output/output.h"

/** Beside the page: timelines that find no room in it. */
#define TIME_FOLDER "timeline"

/** Write the page; @figures are those for a paper, NULL: none. 0, -ENOMEM, -EIO, -EBADMSG. */
int page_write(const struct analysis *a, const struct figures *figures, FILE *out);

/** How many files page_time_files() makes. */
size_t page_time_count(const struct analysis *a);

/** Make them in @output, which is the folder TIME_FOLDER beside the page. */
int page_time_files(const struct analysis *a, struct output *output, struct error *error);
