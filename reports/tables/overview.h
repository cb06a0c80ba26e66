/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The one table of an experiment, for a terminal and for the page: for each configuration its run
 * time, boot, speed-up, metrics, and where the lanes' time went.
 */

#include "reports/explain/explain.h"
#include "reports/text/columns.h"

/** More metrics are in no row. */
#define OVERVIEW_METRICS_MAX 6

/** The index after all states: what is shown of none of them. */
#define OVERVIEW_OTHER STATE_COUNT

/** A configuration's row; times in seconds. */
struct overview_row {
	const struct configuration *configuration;
	size_t n_ok, n_runs;
	struct estimate runtime, speedup, efficiency, boot;
	double share_ns[STATE_COUNT + 1]; /**< NAN: not known */
	double lane_time_ns;
	struct estimate metrics[OVERVIEW_METRICS_MAX];
};

struct overview {
	struct overview_row *rows; /**< one for each configuration */
	size_t n;
	/** A table of rows. In a terminal it takes at most table_width() columns, with two metrics; all
	 * are on the page. A state has a column if it is large, in a terminal also if there is room.
	 */
	struct column columns[COLUMN_FIELDS_MAX];
	char titles[COLUMN_FIELDS_MAX][72]; /**< of the page */
	size_t n_metrics;
	size_t n_metrics_hidden; /**< in a terminal */
	int name_width;
	bool has_shares;
};

/** -ENOMEM. The explanation must outlive it. */
int overview_make(const struct explanation *e, struct overview **ret);

void overview_free(struct overview *o);

static inline void overview_freep(struct overview **o)
{
	overview_free(*o);
}

#define _cleanup_overview_ __attribute__((cleanup(overview_freep)))
