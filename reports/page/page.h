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

/** Which runs' timelines are in the page, and which beside it. */
struct page_times;

/** Work that out, once for the page and the files beside it. -ENOMEM, -EBADMSG. */
int page_times_make(const struct analysis *a, struct page_times **ret);

/** NULL is fine. */
void page_times_free(struct page_times *p);

static inline void page_times_freep(struct page_times **p)
{
	page_times_free(*p);
}

#define _cleanup_page_times_ __attribute__((cleanup(page_times_freep)))

/** How many files page_time_files() makes. */
size_t page_times_files(const struct page_times *p);

/** Make them in @output, which is the folder TIME_FOLDER beside the page. */
int page_time_files(const struct analysis *a, const struct page_times *p, struct output *output,
	struct error *error);

/** Write the page; @figures are those for a paper, NULL: none. 0, -ENOMEM, -EIO, -EBADMSG. */
int page_write(const struct analysis *a, const struct figures *figures,
	const struct page_times *times, FILE *out);
