/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/run/run_distributions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"

/* A worker has one for each kernel. A run of noise has one kernel; a program that runs it a few times has some. */
#define KERNELS_MAX 4

static const struct {
	const char *name;
	double q;
} quantiles[] = {{"p50", .5}, {"p90", .9}, {"p99", .99}, {"p99.9", .999}, {"p99.99", .9999}};

struct run_distribution *run_find_distribution(struct run *run, const struct marker *m)
{
	struct run_result *r = run->result;
	const char *kernel = marker_get(m, "kernel");
	uint64_t worker;

	if (!kernel || marker_get_u64(m, "worker", &worker) < 0)
		return NULL;
	for (size_t i = r->n_distributions; i > 0; i--)
		if (r->distributions[i - 1].head.worker == worker &&
			strcmp(r->distributions[i - 1].head.kernel, kernel) == 0)
			return &r->distributions[i - 1];
	return NULL;
}

void run_take_distribution(struct run *run, const struct marker *m)
{
	struct run_result *r = run->result;
	struct run_distribution d = {.counted = 0};

	if (distribution_decode_head(m, &d.head) < 0 || d.head.worker >= run->request->lanes ||
		run_find_distribution(run, m))
		return;
	if (r->n_distributions / KERNELS_MAX >= run->request->lanes) {
		run_warn(run,
			"the program reports more than %d distributions for each lane; the rest is left out",
			KERNELS_MAX);
		return;
	}
	d.buckets = calloc(DISTRIBUTION_BUCKETS, sizeof(*d.buckets));
	if (!d.buckets || ARRAY_ADD(r->distributions, r->n_distributions, d) < 0)
		free(d.buckets);
}

void run_take_buckets(struct run *run, const struct marker *m)
{
	struct run_distribution *d = run_find_distribution(run, m);
	uint64_t n = 0;

	if (!d)
		return;
	/* What is malformed has filled buckets by half. */
	if (distribution_decode_buckets(m, d->buckets, &n) == 0 && n <= INT64_MAX - d->counted)
		d->counted += n;
	else
		d->torn = true;
}

void run_take_largest(struct run *run, const struct marker *m)
{
	struct run_distribution *d = run_find_distribution(run, m);

	if (d && distribution_decode_largest(m, d->largest, &d->n_largest) < 0)
		d->n_largest = 0;
}

/* As rows are: by the first marker, which has both clocks. */
static void translate(const struct run *run, struct run_distribution *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n_largest; i++) {
		struct distribution_value v = d->largest[i];

		if (v.at_ns < run->guest_begin_ns ||
			v.at_ns - run->guest_begin_ns > INT64_MAX - run->host_begin_ns)
			continue;
		v.at_ns = v.at_ns - run->guest_begin_ns + run->host_begin_ns;
		d->largest[n++] = v;
	}
	d->n_largest = n;
}

/* Those without buckets are no more. */
static void drop_torn(struct run *run)
{
	struct run_result *r = run->result;

	for (size_t i = 0; i < r->n_distributions; i++) {
		struct run_distribution *d = &r->distributions[i];

		if (!d->torn && d->counted == d->head.n) {
			translate(run, d);
			run_close_series(run, d);
			continue;
		}
		run_warn(run,
			"the distribution %s of worker %llu did not come whole and is left out",
			d->head.kernel, (unsigned long long)d->head.worker);
		free(d->buckets);
		d->buckets = NULL;
	}
}

static int add(struct run_result *r, const char *kernel, const char *name, bool known, double value)
{
	struct run_reported q = {.known = known, .value = value, .wish = WISH_LOWER};

	snprintf(q.name, sizeof(q.name), "%s %s", kernel, name);
	return ARRAY_ADD(r->reported, r->n_reported, q);
}

/* All workers of a kernel together. */
static int sum_up(struct run_result *r, const char *kernel)
{
	_cleanup_free_ uint64_t *all = calloc(DISTRIBUTION_BUCKETS, sizeof(*all));
	uint64_t n = 0, max = 0, sum = 0;
	double time = 0, lost = 0;
	bool has_lost = true;
	int q = all ? 0 : -ENOMEM;

	for (size_t i = 0; i < r->n_distributions && q == 0; i++) {
		const struct run_distribution *d = &r->distributions[i];

		if (!d->buckets || strcmp(d->head.kernel, kernel) != 0)
			continue;
		for (size_t b = 0; b < DISTRIBUTION_BUCKETS; b++)
			q = __builtin_add_overflow(all[b], d->buckets[b], &all[b]) ? -ERANGE : q;
		q = __builtin_add_overflow(n, d->counted, &n) ? -ERANGE : q;
		q = __builtin_add_overflow(sum, d->head.sum, &sum) ? -ERANGE : q;
		max = d->head.max > max ? d->head.max : max;
		time += (double)d->head.time_ns;
		has_lost &= d->head.lost_ns != DISTRIBUTION_NONE;
		lost += has_lost ? (double)d->head.lost_ns : 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(quantiles) && q == 0; i++) {
		char name[32];

		snprintf(name, sizeof(name), "%s us", quantiles[i].name);
		q = add(r, kernel, name, n != 0,
			(double)distribution_quantile(all, n, max, quantiles[i].q) / 1e3);
	}
	if (q == 0)
		q = add(r, kernel, "max us", n != 0, (double)max / 1e3);
	if (q == 0 && n)
		q = add(r, kernel, "mean us", true, (double)sum / (double)n / 1e3);
	if (q == 0 && has_lost && time > 0)
		q = add(r, kernel, "noise %", true, 100 * lost / time);
	return q;
}

int run_close_distributions(struct run *run)
{
	struct run_result *r = run->result;

	drop_torn(run);
	for (size_t i = 0; i < r->n_distributions; i++) {
		const char *kernel = r->distributions[i].head.kernel;
		bool seen = false;
		int q;

		for (size_t k = 0; k < i; k++)
			seen |= r->distributions[k].buckets &&
				strcmp(r->distributions[k].head.kernel, kernel) == 0;
		q = seen || !r->distributions[i].buckets ? 0 : sum_up(r, kernel);
		if (q == -ERANGE)
			run_warn(run, "the numbers of the distributions %s cannot be added up",
				kernel);
		else if (q < 0)
			return q;
	}
	return 0;
}
