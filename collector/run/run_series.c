/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "collector/run/run_distributions.h"

/* It follows its distribution, which a series without one would be noise to readers. */
void run_take_series(struct run *run, const struct marker *m)
{
	struct run_distribution *d = run_find_distribution(run, m);
	struct series_head h;

	if (!d || d->series || series_decode_head(m, &h) < 0)
		return;
	d->series = calloc(h.n + 1, sizeof(*d->series));
	if (d->series)
		d->series_head = h;
}

void run_take_values(struct run *run, const struct marker *m)
{
	struct run_distribution *d = run_find_distribution(run, m);
	size_t from, n;

	if (!d || !d->series)
		return;
	/* In order, and none twice: else what is missing would be zeros. */
	if (series_decode_values(m, d->series, d->series_head.n, &from, &n) < 0 ||
		from != d->n_series)
		d->series_torn = true;
	else
		d->n_series += n;
}

void run_close_series(struct run *run, struct run_distribution *d)
{
	struct series_head *h = &d->series_head;

	if (!d->series)
		return;
	if (!d->series_torn && d->n_series == h->n && h->begin_ns >= run->guest_begin_ns &&
		h->begin_ns - run->guest_begin_ns <= INT64_MAX - run->host_begin_ns) {
		h->begin_ns = h->begin_ns - run->guest_begin_ns + run->host_begin_ns;
		return;
	}
	run_warn(run, "the series %s of worker %llu did not come whole and is left out", h->kernel,
		(unsigned long long)h->worker);
	free(d->series);
	d->series = NULL;
}
