/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IS, "integer sort" (RNR-94-007, section 2.6): ten times, ranks of 2^16, 2^20 or 2^23 small whole numbers, two of which
 * are changed each time. Written from that definition, as a counting sort by buckets: each task spreads a block of keys
 * over the buckets, then each counts the keys of one bucket.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "workload/kernels.h"
#include "workload/randlc.h"

#define SEED        314159265
#define ITERATIONS  10
#define BLOCKS      64
#define BUCKET_BITS 7
#define BUCKETS     (1 << BUCKET_BITS)
#define TESTS       5

struct is {
	uint32_t n_keys, max_key; /* keys are below max_key */
	unsigned shift;           /* from a key to its bucket */
	uint32_t *keys, *spread;  /* as they were made; by buckets */
	uint32_t *ranks;          /* of each value, how many keys are not above it */
	uint32_t (*places)
		[BUCKETS]; /* of each block: how many keys of a bucket, then where they go */
	uint32_t begins[BUCKETS + 1];
};

/* Published: after iteration i the key at a place has a rank that rises with i for the first few of them, and falls
 * for the rest, counted from @from. */
static const struct {
	unsigned bits, max_bits;
	uint32_t place[TESTS], rank[TESTS];
	int n_rising;
	int from_rising, from_falling;
} classes[KERNEL_CLASSES] = {
	{16, 11, {48427, 17148, 23627, 62548, 4431}, {0, 18, 346, 64917, 65463}, 3, 0, 0},
	{20, 16, {357773, 934767, 875723, 898999, 404505}, {1249, 11698, 1039987, 1043896, 1048018},
		2, 2, 0},
	{23, 19, {2112377, 662041, 5336171, 3642833, 4250760},
		{104, 17523, 123928, 8288932, 8388264}, 3, 1, 1},
};

static void make_keys(void *context, uint32_t task)
{
	struct is *is = ((struct kernel_job *)context)->own;
	uint32_t n = is->n_keys / BLOCKS, begin = task * n, quarter = is->max_key / 4;
	uint64_t state = randlc_skip(SEED, (uint64_t)begin * 4);

	for (uint32_t i = begin; i < begin + n; i++) {
		double x = randlc(&state);

		for (int k = 1; k < 4; k++)
			x += randlc(&state);
		is->keys[i] = (uint32_t)(quarter * x);
	}
}

static int set_up(struct kernel_job *job, struct error *error)
{
	struct is *is = job->own = calloc(1, sizeof(*is));

	if (!is)
		return kernel_no_memory(sizeof(*is), error);
	is->n_keys = UINT32_C(1) << classes[job->class].bits;
	is->max_key = UINT32_C(1) << classes[job->class].max_bits;
	is->shift = classes[job->class].max_bits - BUCKET_BITS;
	is->keys = calloc(is->n_keys, sizeof(*is->keys));
	is->spread = calloc(is->n_keys, sizeof(*is->spread));
	is->ranks = calloc(is->max_key, sizeof(*is->ranks));
	is->places = calloc(BLOCKS, sizeof(*is->places));
	if (!is->keys || !is->spread || !is->ranks || !is->places)
		return kernel_no_memory(sizeof(*is->keys) * 2 * is->n_keys, error);
	return job->run(job, BLOCKS, make_keys, error);
}

static void count_block(void *context, uint32_t task)
{
	struct is *is = ((struct kernel_job *)context)->own;
	uint32_t n = is->n_keys / BLOCKS, counts[BUCKETS] = {0};

	for (uint32_t i = task * n; i < (task + 1) * n; i++)
		counts[is->keys[i] >> is->shift]++;
	memcpy(is->places[task], counts, sizeof(counts));
}

/* From how many keys of a bucket each block has to where the block's first goes. */
static void find_places(struct is *is)
{
	uint32_t at = 0;

	for (int bucket = 0; bucket < BUCKETS; bucket++) {
		is->begins[bucket] = at;
		for (int block = 0; block < BLOCKS; block++) {
			uint32_t n = is->places[block][bucket];

			is->places[block][bucket] = at;
			at += n;
		}
	}
	is->begins[BUCKETS] = at;
}

static void spread_block(void *context, uint32_t task)
{
	struct is *is = ((struct kernel_job *)context)->own;
	uint32_t n = is->n_keys / BLOCKS, places[BUCKETS];

	memcpy(places, is->places[task], sizeof(places));
	for (uint32_t i = task * n; i < (task + 1) * n; i++)
		is->spread[places[is->keys[i] >> is->shift]++] = is->keys[i];
}

static void rank_bucket(void *context, uint32_t task)
{
	struct is *is = ((struct kernel_job *)context)->own;
	uint32_t first = task << is->shift, n = UINT32_C(1) << is->shift, sum = is->begins[task];
	uint32_t *ranks = is->ranks + first;

	memset(ranks, 0, n * sizeof(*ranks));
	for (uint32_t i = is->begins[task]; i < is->begins[task + 1]; i++)
		ranks[is->spread[i] - first]++;
	for (uint32_t i = 0; i < n; i++)
		ranks[i] = sum += ranks[i];
}

static int rank_all(struct kernel_job *job, struct error *error)
{
	int r = job->run(job, BLOCKS, count_block, error);

	if (r < 0)
		return r;
	find_places(job->own);
	r = job->run(job, BLOCKS, spread_block, error);
	return r < 0 ? r : job->run(job, BUCKETS, rank_bucket, error);
}

/* The published test of every iteration. */
static int check_ranks(const struct kernel_job *job, int iteration, struct error *error)
{
	const struct is *is = job->own;
	int r = 0;

	for (int t = 0; t < TESTS && r == 0; t++) {
		bool rising = t < classes[job->class].n_rising;
		int off = rising ? iteration - classes[job->class].from_rising
				 : classes[job->class].from_falling - iteration;
		uint32_t key = is->keys[classes[job->class].place[t]];

		r = kernel_check(job, "a key's rank", key ? (double)is->ranks[key - 1] : 0,
			(double)classes[job->class].rank[t] + off, 0, error);
	}
	return r;
}

static int compute(struct kernel_job *job, struct error *error)
{
	struct is *is = job->own;
	int r = 0;

	for (int i = 1; i <= ITERATIONS && r == 0; i++) {
		is->keys[i] = (uint32_t)i;
		is->keys[i + ITERATIONS] = is->max_key - (uint32_t)i;
		r = rank_all(job, error);
		if (r == 0)
			r = check_ranks(job, i, error);
	}
	return r;
}

/* By their ranks the keys have to come into order. The ranks are used up. */
static int check_order(struct kernel_job *job, struct error *error)
{
	struct is *is = job->own;

	for (uint32_t i = 0; i < is->n_keys; i++) {
		uint32_t key = is->spread[i];

		is->keys[--is->ranks[key]] = key;
	}
	for (uint32_t i = 1; i < is->n_keys; i++)
		if (is->keys[i - 1] > is->keys[i])
			return error_set(error, -EBADMSG,
				"kernel is, class %s: keys %u and %u are not in order",
				kernel_class_names[job->class], i - 1, i);
	return 0;
}

static int verify(struct kernel_job *job, struct error *error)
{
	const struct is *is = job->own;

	sha256_add(&job->digest, is->ranks, is->max_key * sizeof(*is->ranks));
	kernel_add_rate(job, "Mop/s", (double)is->n_keys * ITERATIONS);
	return check_order(job, error);
}

static void release(struct kernel_job *job)
{
	struct is *is = job->own;

	if (is) {
		free(is->keys);
		free(is->spread);
		free(is->ranks);
		free(is->places);
	}
	free(is);
}

const struct kernel kernel_is = {
	.name = "is",
	.title =
		"ranks of 2^16, 2^20, 2^23 whole numbers (NAS IS); bound by memory, and by all waiting for all",
	.against = "the published values",
	.sha256 = {"7bb6171f4a48867379d00451d5067811b22e3c8bd8550b5ce2f5c538991c75f5",
		"9eb7bbe5c64813e737a420b9f64ddc8b6330a5a6aabe3c1bd5a4a94ce6806355",
		"d9417d4c71f6d84badc4b18675609c9c4bb4d0569668d31ce94167c36b877a23"},
	.set_up = set_up,
	.compute = compute,
	.verify = verify,
	.release = release,
};
