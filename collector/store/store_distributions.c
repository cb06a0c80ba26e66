/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/store/store_writer_internal.h"

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
	}
	for (size_t i = 0; i < r->n_quantiles && q == 0; i++)
		q = store_insert(s, error, "INSERT INTO metric VALUES (?,?,?,?)", "isfs", run,
			r->quantiles[i].name, (int)r->quantiles[i].known, r->quantiles[i].value,
			output_wish_name(WISH_LOWER));
	return q;
}
