/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * EP, "embarrassingly parallel" (Bailey et al., The NAS Parallel Benchmarks, RNR-94-007, section 2.1): pairs of Gaussian
 * deviates by the acceptance-rejection method, 2^24, 2^25 or 2^28 of them, counted by square annuli. Written from that
 * definition. The logarithm is gomath's, as the guests' differ.
 */
#include <stdlib.h>

#include "workload/gomath.h"
#include "workload/kernels.h"
#include "workload/randlc.h"

#define SEED       271828183
#define BATCH_BITS 16
#define ANNULI     10

struct batch {
	double sum_x, sum_y;
	uint32_t counts[ANNULI];
};

struct ep {
	uint32_t n_batches;
	struct batch *batches;
};

/* Published sums of X and Y. */
static const struct {
	unsigned bits; /* 2^bits pairs */
	double sum_x, sum_y;
} classes[KERNEL_CLASSES] = {
	{24, -3.247834652034740e3, -6.958407078382297e3},
	{25, -2.863319731645753e3, -6.320053679109499e3},
	{28, -4.295875165629892e3, -1.580732573678431e4},
};

static int set_up(struct kernel_job *job, struct error *error)
{
	struct ep *ep = job->own = calloc(1, sizeof(*ep));

	if (!ep)
		return kernel_no_memory(sizeof(*ep), error);
	ep->n_batches = UINT32_C(1) << (classes[job->class].bits - BATCH_BITS);
	ep->batches = calloc(ep->n_batches, sizeof(*ep->batches));
	return ep->batches ? 0 : kernel_no_memory(ep->n_batches * sizeof(*ep->batches), error);
}

static void do_batch(void *context, uint32_t task)
{
	struct ep *ep = ((struct kernel_job *)context)->own;
	uint64_t state = randlc_skip(SEED, (uint64_t)task << (BATCH_BITS + 1));
	struct batch found = {.sum_x = 0};

	for (uint32_t i = 0; i < UINT32_C(1) << BATCH_BITS; i++) {
		double x = 2 * randlc(&state) - 1, y = 2 * randlc(&state) - 1;
		double square = x * x + y * y, factor, a, b;

		if (square > 1)
			continue;
		factor = __builtin_sqrt(-2 * go_log(square) / square);
		x *= factor;
		y *= factor;
		a = go_abs(x);
		b = go_abs(y);
		found.counts[(int)(a > b ? a : b)]++;
		found.sum_x += x;
		found.sum_y += y;
	}
	ep->batches[task] = found;
}

static int compute(struct kernel_job *job, struct error *error)
{
	const struct ep *ep = job->own;

	return job->run(job, ep->n_batches, do_batch, error);
}

static int verify(struct kernel_job *job, struct error *error)
{
	const struct ep *ep = job->own;
	uint64_t counts[ANNULI] = {0};
	double sum_x = 0, sum_y = 0;
	int r;

	for (uint32_t i = 0; i < ep->n_batches; i++) {
		sum_x += ep->batches[i].sum_x;
		sum_y += ep->batches[i].sum_y;
		for (int k = 0; k < ANNULI; k++)
			counts[k] += ep->batches[i].counts[k];
	}
	sha256_add(&job->digest, &sum_x, sizeof(sum_x));
	sha256_add(&job->digest, &sum_y, sizeof(sum_y));
	sha256_add(&job->digest, counts, sizeof(counts));
	/* Two random numbers for each pair: what the benchmark calls its operations. */
	kernel_add_rate(job, "Mop/s", 2.0 * (double)(UINT64_C(1) << classes[job->class].bits));
	r = kernel_check(job, "the sum of X", sum_x, classes[job->class].sum_x, 1e-8, error);
	return r < 0 ? r
		     : kernel_check(
			       job, "the sum of Y", sum_y, classes[job->class].sum_y, 1e-8, error);
}

static void release(struct kernel_job *job)
{
	struct ep *ep = job->own;

	if (ep)
		free(ep->batches);
	free(ep);
}

const struct kernel kernel_ep = {
	.name = "ep",
	.title = "random pairs made normal, 2^24, 2^25, 2^28 of them (NAS EP); bound by arithmetic",
	.against = "the published values",
	.sha256 = {"dc05e55ac26e8d5fec57982a16b5eb375605cf2efa130e61b77543d9ba02de52",
		"1a9df688a68ed769f4fedd218624066a52b1b4da6a36d65b8ed387268989c86a",
		"e4d63454d0d24e547fa2844f9ae4549e674ae1ec44b49ecffc18c954d2120b48"},
	.set_up = set_up,
	.compute = compute,
	.verify = verify,
	.release = release,
};
