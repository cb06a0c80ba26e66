/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What noise keeps in order of time, as marker lines. */
#include <stdio.h>

#include "workload/emit.h"
#include "workload/noise.h"
#include "workload/series.h"

int noise_report_series(const struct noise *n, unsigned lane)
{
	const struct noise_lane *l = &n->lanes[lane];
	struct series_head h = {
		.worker = lane,
		.begin_ns = l->begin_ns,
		.step_ns = n->quantum_ns,
		.n = n->quanta < SERIES_MAX ? n->quanta : SERIES_MAX,
		.total = n->quanta,
		.tick_ns = noise_tick_ns(),
	};
	char body[MARKER_LINE_MAX];
	size_t from = 0;
	int r;

	if (!l->series)
		return 0;
	snprintf(h.kernel, sizeof(h.kernel), "%s", n->kernel->name);
	series_encode_head(body, &h);
	r = emit_marker("%s", body);
	while (r == 0 && series_encode_values(body, &h, l->series, &from))
		r = emit_marker("%s", body);
	return r;
}
