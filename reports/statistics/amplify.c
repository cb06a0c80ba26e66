/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/statistics/amplify.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <gsl/gsl_rng.h>

#include "common/array.h"
#include "common/cleanup.h"

/* ln 0: so low that its exponential is 0, and no product of it with a number of ranks is infinite. */
#define NEVER (-1e290)

/* Steps of one random number generator. */
#define CHUNK       (UINT64_C(1) << 20)
#define THREADS_MAX 256
#define SEED        20221
#define LOOK_NS     100000000

int amplify_begin(const double *values, size_t n, size_t n_sources, struct amplify *ret)
{
	*ret = (struct amplify){.n = n, .n_sources = n_sources};
	ret->values = calloc(n + 1, sizeof(*ret->values));
	ret->logs = calloc(n * n_sources + 1, sizeof(*ret->logs));
	ret->above = calloc(n * n_sources + 1, sizeof(*ret->above));
	if (!ret->values || !ret->logs || !ret->above)
		return -ENOMEM;
	memcpy(ret->values, values, n * sizeof(*values));
	return 0;
}

void amplify_clear(struct amplify *a)
{
	free(a->values);
	free(a->logs);
	free(a->above);
	*a = (struct amplify){.n = 0};
}

void amplify_add(struct amplify *a, size_t source, const double *mass, double share)
{
	double *logs = a->logs + source * a->n, *mixed = a->above + source * a->n;
	double all = 0, above = 0;

	for (size_t i = 0; i < a->n; i++)
		all += mass[i];
	/* From above, so that what is rare keeps its digits. */
	for (size_t i = a->n; i-- > 0; above += mass[i]) {
		logs[i] += share * (above < all ? fmax(log1p(-above / all), NEVER) : NEVER);
		mixed[i] += share * fmin(above / all, 1);
	}
	a->n_distributions++;
}

/* Each draw is from any distribution. */
static void find_mixed(
	const struct amplify *a, const double *weights, double all, double draws, double *ret)
{
	for (size_t i = 0; i < a->n; i++) {
		double above = 0;

		for (size_t s = 0; s < a->n_sources; s++)
			above += weights[s] / all * a->above[s * a->n + i];
		ret[i] = draws * (above < 1 ? fmax(log1p(-above), NEVER) : NEVER);
	}
}

/* ln of the probability that the longest is at most each value. */
static void find_logs(const struct amplify *a, const double *weights, double draws, double *ret)
{
	double all = 0;

	memset(ret, 0, a->n * sizeof(*ret));
	for (size_t s = 0; s < a->n_sources; s++)
		all += weights[s];
	if (draws < (double)a->n_distributions) {
		find_mixed(a, weights, all, draws, ret);
		return;
	}
	for (size_t s = 0; s < a->n_sources; s++) {
		const double *logs = a->logs + s * a->n;
		double power = draws * weights[s] / all;

		for (size_t i = 0; i < a->n && power > 0; i++)
			ret[i] += power * logs[i];
	}
}

double amplify_expected(const struct amplify *a, const double *weights, double draws)
{
	_cleanup_free_ double *logs = calloc(a->n + 1, sizeof(*logs));
	double mean = a->n && logs ? a->values[0] : NAN;

	if (!logs)
		return NAN;
	find_logs(a, weights, draws, logs);
	for (size_t i = 0; i + 1 < a->n; i++)
		mean -= expm1(logs[i]) * (a->values[i + 1] - a->values[i]);
	return mean;
}

double amplify_at_top(const struct amplify *a, const double *weights, double draws)
{
	_cleanup_free_ double *logs = calloc(a->n + 1, sizeof(*logs));

	if (!logs || a->n < 2)
		return NAN;
	find_logs(a, weights, draws, logs);
	return -expm1(logs[a->n - 2]);
}

struct crew {
	const struct amplify *a;
	const double *logs;
	uint64_t steps;
	_Atomic uint64_t next;  /* chunk */
	_Atomic uint64_t ready; /* chunks */
	_Atomic bool failed;
};

struct hand {
	struct crew *crew;
	uint64_t *counts; /* of each value */
	pthread_t thread;
	bool begun;
};

/* The first value that the longest does not exceed with that probability. */
static size_t value_at(const struct crew *c, double log_of)
{
	return ARRAY_BISECT(c->logs, c->a->n - 1, log, *log < log_of);
}

static void *work(void *userdata)
{
	struct hand *h = userdata;
	struct crew *c = h->crew;
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	uint64_t chunk;

	if (!rng)
		c->failed = true;
	while (rng && (chunk = atomic_fetch_add(&c->next, 1)) * CHUNK < c->steps) {
		uint64_t left = c->steps - chunk * CHUNK;

		gsl_rng_set(rng, SEED + chunk);
		for (uint64_t i = 0; i < CHUNK && i < left; i++)
			h->counts[value_at(c, log(gsl_rng_uniform_pos(rng)))]++;
		atomic_fetch_add(&c->ready, 1);
	}
	gsl_rng_free(rng);
	return NULL;
}

static void wait_for(struct crew *c, uint64_t chunks, amplify_progress_t progress, void *userdata)
{
	const struct timespec look = {.tv_nsec = LOOK_NS};

	while (progress && !c->failed && c->ready < chunks) {
		progress((double)c->ready / (double)chunks, userdata);
		nanosleep(&look, NULL);
	}
	if (progress)
		progress(1, userdata);
}

static double quantile(const struct amplify *a, const uint64_t *counts, uint64_t steps, double q)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < a->n; i++) {
		seen += counts[i];
		if ((double)seen >= q * (double)steps)
			return a->values[i];
	}
	return NAN;
}

static void sum_up(const struct amplify *a, struct hand *hands, unsigned n, uint64_t steps,
	struct amplify_steps *ret)
{
	uint64_t *counts = hands[0].counts;

	*ret = (struct amplify_steps){.steps = (double)steps};
	for (size_t i = 0; i < a->n; i++) {
		for (unsigned k = 1; k < n; k++)
			counts[i] += hands[k].counts[i];
		ret->mean += (double)counts[i] / (double)steps * a->values[i];
		if (counts[i])
			ret->longest = a->values[i];
	}
	ret->p50 = quantile(a, counts, steps, .5);
	ret->p99 = quantile(a, counts, steps, .99);
}

static unsigned hands_for(uint64_t chunks, unsigned threads)
{
	long there = sysconf(_SC_NPROCESSORS_ONLN);

	if (threads == 0)
		threads = there > 0 ? (unsigned)there : 1;
	if (threads > THREADS_MAX)
		threads = THREADS_MAX;
	return threads > chunks ? (unsigned)chunks : threads;
}

/* Few steps are made by the caller itself; of many it tells how far they are. */
static int let_work(struct crew *c, struct hand *hands, unsigned n, uint64_t chunks,
	amplify_progress_t progress, void *userdata)
{
	const bool alone = n == 1 && (!progress || chunks == 1);
	int r = 0;

	for (unsigned i = 0; !alone && i < n && r == 0; i++) {
		r = -pthread_create(&hands[i].thread, NULL, work, &hands[i]);
		hands[i].begun = r == 0;
	}
	if (alone)
		work(&hands[0]);
	else if (r == 0)
		wait_for(c, chunks, progress, userdata);
	else
		c->next = UINT64_MAX / CHUNK / 2; /* who has begun is to end */
	for (unsigned i = 0; i < n; i++)
		if (hands[i].begun)
			pthread_join(hands[i].thread, NULL);
	return r < 0 ? r : c->failed ? -ENOMEM : 0;
}

int amplify_simulate(const struct amplify *a, const double *weights, double draws, uint64_t steps,
	unsigned threads, amplify_progress_t progress, void *userdata, struct amplify_steps *ret)
{
	_cleanup_free_ double *logs = calloc(a->n + 1, sizeof(*logs));
	uint64_t chunks = (steps + CHUNK - 1) / CHUNK;
	unsigned n = hands_for(chunks, threads);
	_cleanup_free_ struct hand *hands = calloc(n + 1, sizeof(*hands));
	struct crew crew = {.a = a, .logs = logs, .steps = steps};
	int r = logs && hands && a->n && n ? 0 : -ENOMEM;

	for (unsigned i = 0; i < n && r == 0; i++) {
		hands[i] = (struct hand){.crew = &crew, .counts = calloc(a->n, sizeof(uint64_t))};
		r = hands[i].counts ? 0 : -ENOMEM;
	}
	if (r == 0) {
		find_logs(a, weights, draws, logs);
		r = let_work(&crew, hands, n, chunks, progress, userdata);
	}
	if (r == 0)
		sum_up(a, hands, n, steps, ret);
	for (unsigned i = 0; hands && i < n; i++)
		free(hands[i].counts);
	return r;
}
