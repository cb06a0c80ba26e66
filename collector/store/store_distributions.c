/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "collector/store/store_writer_internal.h"
#include "common/cleanup.h"
#include "common/leb128.h"

static int write_values(
	struct store_writer *s, int64_t run, const struct run_distribution *d, struct error *error)
{
	int64_t worker = (int64_t)d->head.worker;
	int q = 0;

	for (size_t i = 0; i < DISTRIBUTION_BUCKETS && q == 0; i++)
		if (d->buckets[i])
			q = store_insert(s, error,
				"INSERT INTO distribution_bucket VALUES (?,?,?,?,?,?)", "isiiii",
				run, d->head.kernel, worker, (int64_t)distribution_low(i),
				(int64_t)distribution_high(i), (int64_t)d->buckets[i]);
	for (size_t i = 0; i < d->n_largest && q == 0; i++)
		q = store_insert(s, error, "INSERT INTO distribution_largest VALUES (?,?,?,?,?)",
			"isiii", run, d->head.kernel, worker, (int64_t)d->largest[i].value,
			(int64_t)d->largest[i].at_ns);
	return q;
}

static int write_series(
	struct store_writer *s, int64_t run, const struct run_distribution *d, struct error *error)
{
	const struct series_head *h = &d->series_head;
	_cleanup_free_ uint8_t *data = calloc(h->n + 1, LEB128_MAX);
	size_t used = 0;

	if (!data)
		return error_set_errno(error, -ENOMEM, "cannot write to %s", s->path);
	for (size_t i = 0; i < h->n; i++)
		used += leb128_put(data + used, d->series[i]);
	return store_insert(s, error, "INSERT INTO distribution_series VALUES (?,?,?,?,?,?,?,?,?)",
		"isiiiiiob", run, h->kernel, (int64_t)h->worker, (int64_t)h->begin_ns,
		(int64_t)h->step_ns, (int64_t)h->n, (int64_t)h->total, h->tick_ns != 0,
		(int64_t)h->tick_ns, data, used);
}

int store_write_distributions(
	struct store_writer *s, int64_t run, const struct run_result *r, struct error *error)
{
	int q = 0;

	for (size_t i = 0; i < r->n_distributions && q == 0; i++) {
		const struct distribution_head *h = &r->distributions[i].head;

		if (!r->distributions[i].buckets)
			continue;
		q = store_insert(s, error,
			"INSERT INTO distribution VALUES (?,?,?,?,?,?,?,?,?,?,?)", "isiiiiiiooo",
			run, h->kernel, (int64_t)h->worker, (int64_t)h->n, (int64_t)h->sum,
			(int64_t)h->min, (int64_t)h->max, (int64_t)h->time_ns,
			h->lost_ns != DISTRIBUTION_NONE, (int64_t)h->lost_ns, h->quantum_ns != 0,
			(int64_t)h->quantum_ns, h->threshold_ns != 0, (int64_t)h->threshold_ns);
		if (q == 0)
			q = write_values(s, run, &r->distributions[i], error);
		if (q == 0 && r->distributions[i].series)
			q = write_series(s, run, &r->distributions[i], error);
	}
	for (size_t i = 0; i < r->n_reported && q == 0; i++)
		q = store_insert(s, error, "INSERT INTO metric VALUES (?,?,?,?)", "isfs", run,
			r->reported[i].name, (int)r->reported[i].known, r->reported[i].value,
			output_wish_name(r->reported[i].wish));
	return q;
}
