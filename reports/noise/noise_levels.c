/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Of a configuration's noise: what varies within its runs, and what from run to run. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/noise/noise_internal.h"
#include "reports/text/format.h"

/* Detours (a kernel with a threshold) are no iterations: how many there are is what is measured. All workers of a run together; they work at the
 * same time. */
static const char sums_sql[] =
	"SELECT d.kernel, sum(d.n), sum(d.sum_ns), max(d.time_ns), (SELECT sum(b.n * (b.low_ns + b.high_ns) / 2.0 *"
	" (b.low_ns + b.high_ns) / 2.0) FROM distribution_bucket b WHERE b.run = ?1 AND b.kernel = d.kernel),"
	" (SELECT sum(b.n * (b.low_ns + b.high_ns) / 2.0) FROM distribution_bucket b WHERE b.run = ?1"
	" AND b.kernel = d.kernel)"
	" FROM distribution d WHERE d.run = ?1 AND d.kernel <> 'detour' AND d.threshold_ns IS NULL GROUP BY d.kernel ORDER BY d.kernel LIMIT 1";

/* Of values whose squares are known by bucket: about the buckets' own mean. */
static double variance_of(double n, double squares, double sum)
{
	return n >= 2 ? fmax((squares - sum * sum / n) / (n - 1), 0) : NAN;
}

static bool take_row(sqlite3_stmt *row, const struct store_run *run, struct level_run *ret)
{
	double n = sqlite3_column_double(row, 1), time_ns = sqlite3_column_double(row, 3);

	if (!(n >= 2) || !noise_time_fits(run, time_ns))
		return false;
	*ret = (struct level_run){.n = n,
		.mean = sqlite3_column_double(row, 2) / n,
		.variance = variance_of(
			n, sqlite3_column_double(row, 4), sqlite3_column_double(row, 5)),
		.iterations_ns = time_ns,
		.overhead_ns = (double)run->end_ns - (double)run->start_ns - time_ns};
	return true;
}

int noise_levels_make(const struct summary *s, const struct configuration *c, struct levels *ret)
{
	_cleanup_free_ struct level_run *runs = calloc(c->series.n + 1, sizeof(*runs));
	_cleanup_query_ sqlite3_stmt *query = NULL;
	size_t n = 0;
	int r;

	if (!runs)
		return -ENOMEM;
	if (!configuration_is_noise(c) || !store_has_table(s->store, "distribution_bucket"))
		return 0;
	r = store_prepare(s->store, &query, sums_sql);
	for (size_t i = 0; i < c->series.n && r >= 0; i++) {
		sqlite3_reset(query);
		sqlite3_bind_int64(query, 1, c->series.runs[i]->id);
		r = store_step(s->store, query);
		n += r > 0 && take_row(query, c->series.runs[i], &runs[n]);
	}
	if (r < 0)
		return r;
	*ret = levels_of(runs, n);
	return 0;
}

void noise_levels_words(const struct levels *l, char ret[NOISE_WORDS_MAX])
{
	char best[128] = "runs do not differ beyond that: longer runs tell as much as more of them";

	if (isfinite(l->best))
		snprintf(best, sizeof(best), "best for the time: about %s values a run",
			format_count(l->best).text);
	snprintf(ret, NOISE_WORDS_MAX,
		"%zu runs of %s values: σ within a run %s, from run to run %s; %s", l->runs,
		format_count(l->iterations).text, format_time(l->within).text,
		l->between > 0 ? format_time(l->between).text : "none", best);
}
