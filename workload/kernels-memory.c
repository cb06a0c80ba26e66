/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory's bandwidth and latency.
 *
 * triad: a = b + 3 c on three arrays, whose parts change after each round; the operation and the count of its bytes are
 *	those of McCalpin's STREAM. All elements are the same number, and each must be what one is by the same operations.
 *	They are no whole numbers: an emulator may compute exact results by a way that is much slower.
 * chase: loads each of which needs the one before it, around a ring through all lines of a buffer in random order.
 */
#include <stdlib.h>

#include "workload/emit.h"
#include "workload/kernels.h"
#include "workload/randlc.h"

#define BLOCKS 64

#define TRIAD_ROUNDS 10
#define TRIAD_FACTOR 3
#define TRIAD_BYTES  24 /* that an element takes: two are read, one is written */

#define CHASE_ROUNDS 8
#define CHASE_SEED   271828183

struct triad {
	uint32_t n; /* elements of an array */
	double *a, *b, *c;
	double sums[BLOCKS];
	double wanted;            /* what each element has to be */
	uint32_t differs[BLOCKS]; /* how many are not */
	uint64_t best_ns;         /* of a round */
};

/* 3 arrays of 1, 16 or 64 MiB */
static const uint32_t triad_elements[KERNEL_CLASSES] = {
	UINT32_C(1) << 17, UINT32_C(1) << 21, UINT32_C(1) << 23};

/* What each element begins with. */
static const double triad_begin[3] = {0, 1.0 / 3, 2.0 / 3};

static void triad_fill(void *context, uint32_t task)
{
	struct triad *t = ((struct kernel_job *)context)->own;
	uint32_t n = t->n / BLOCKS;

	for (uint32_t i = task * n; i < (task + 1) * n; i++) {
		t->a[i] = triad_begin[0];
		t->b[i] = triad_begin[1];
		t->c[i] = triad_begin[2];
	}
}

static int triad_set_up(struct kernel_job *job, struct error *error)
{
	struct triad *t = job->own = calloc(1, sizeof(*t));
	size_t bytes = triad_elements[job->class] * sizeof(double);

	if (!t)
		return kernel_no_memory(sizeof(*t), error);
	t->n = triad_elements[job->class];
	t->a = malloc(bytes);
	t->b = malloc(bytes);
	t->c = malloc(bytes);
	if (!t->a || !t->b || !t->c)
		return kernel_no_memory(3 * bytes, error);
	return job->run(job, BLOCKS, triad_fill, error);
}

static void triad_block(void *context, uint32_t task)
{
	struct triad *t = ((struct kernel_job *)context)->own;
	uint32_t n = t->n / BLOCKS;
	double *a = t->a + (size_t)task * n;
	const double *b = t->b + (size_t)task * n, *c = t->c + (size_t)task * n;

	for (uint32_t i = 0; i < n; i++)
		a[i] = b[i] + TRIAD_FACTOR * c[i];
}

static int triad_compute(struct kernel_job *job, struct error *error)
{
	struct triad *t = job->own;
	int r = 0;

	for (int i = 0; i < TRIAD_ROUNDS && r == 0; i++) {
		uint64_t begin_ns = emit_now_ns(), ns;
		double *a = t->a;

		r = job->run(job, BLOCKS, triad_block, error);
		ns = emit_now_ns() - begin_ns;
		if (i == 0 || ns < t->best_ns)
			t->best_ns = ns ? ns : 1;
		t->a = t->b;
		t->b = t->c;
		t->c = a;
	}
	return r;
}

static void triad_check(void *context, uint32_t task)
{
	struct triad *t = ((struct kernel_job *)context)->own;
	uint32_t n = t->n / BLOCKS, differs = 0;
	double sum = 0;

	for (uint32_t i = task * n; i < (task + 1) * n; i++) {
		sum += t->c[i];
		differs += t->c[i] != t->wanted;
	}
	t->sums[task] = sum;
	t->differs[task] = differs;
}

static int triad_verify(struct kernel_job *job, struct error *error)
{
	struct triad *t = job->own;
	double b = triad_begin[1], c = triad_begin[2];
	int r;

	for (int i = 0; i < TRIAD_ROUNDS; i++) {
		double next = b + TRIAD_FACTOR * c;

		b = c;
		c = next;
	}
	t->wanted = c;
	r = job->run(job, BLOCKS, triad_check, error);
	sha256_add(&job->digest, t->sums, sizeof(t->sums));
	kernel_add_rate(job, "GB/s", TRIAD_BYTES * 1e-3 * t->n * TRIAD_ROUNDS);
	kernel_add_metric(job, "best GB/s", (double)TRIAD_BYTES * t->n / (double)t->best_ns, true);
	for (int i = 0; i < BLOCKS && r == 0; i++)
		r = kernel_check(
			job, "the number of wrong elements in a block", t->differs[i], 0, 0, error);
	return r;
}

static void triad_release(struct kernel_job *job)
{
	struct triad *t = job->own;

	if (t) {
		free(t->a);
		free(t->b);
		free(t->c);
	}
	free(t);
}

/* What a processor takes from memory at once. */
struct line {
	_Alignas(64) struct line *next;
};

struct chase {
	uint32_t n;
	struct line *lines;
	uint32_t *order;        /* of the ring */
	uint32_t ends[BLOCKS];  /* where each part of the ring ended */
	uint64_t spent[BLOCKS]; /* ns */
};

/* 1, 16 or 64 MiB */
static const uint32_t chase_lines[KERNEL_CLASSES] = {
	UINT32_C(1) << 14, UINT32_C(1) << 18, UINT32_C(1) << 20};

static int chase_set_up(struct kernel_job *job, struct error *error)
{
	struct chase *c = job->own = calloc(1, sizeof(*c));
	uint64_t state = CHASE_SEED;

	if (!c)
		return kernel_no_memory(sizeof(*c), error);
	c->n = chase_lines[job->class];
	c->lines = aligned_alloc(_Alignof(struct line), c->n * sizeof(*c->lines));
	c->order = malloc(c->n * sizeof(*c->order));
	if (!c->lines || !c->order)
		return kernel_no_memory(c->n * (sizeof(*c->lines) + sizeof(*c->order)), error);
	for (uint32_t i = 0; i < c->n; i++)
		c->order[i] = i;
	for (uint32_t i = c->n; i > 1; i--) {
		uint32_t other = (uint32_t)(i * randlc(&state)), taken = c->order[i - 1];

		c->order[i - 1] = c->order[other];
		c->order[other] = taken;
	}
	for (uint32_t i = 0; i < c->n; i++)
		c->lines[c->order[i]].next = &c->lines[c->order[(i + 1) % c->n]];
	return 0;
}

static void chase_part(void *context, uint32_t task)
{
	struct chase *c = ((struct kernel_job *)context)->own;
	uint32_t n = c->n / BLOCKS;
	const struct line *at = &c->lines[c->order[(size_t)task * n]];
	uint64_t begin_ns = emit_now_ns();

	for (uint32_t i = 0; i < n; i++)
		at = at->next;
	/* The time of the last load, too: the address is needed here. */
	c->ends[task] = (uint32_t)(at - c->lines);
	__asm__ volatile("" ::: "memory");
	c->spent[task] += emit_now_ns() - begin_ns;
}

static int chase_compute(struct kernel_job *job, struct error *error)
{
	int r = 0;

	for (int i = 0; i < CHASE_ROUNDS && r == 0; i++)
		r = job->run(job, BLOCKS, chase_part, error);
	return r;
}

static int chase_verify(struct kernel_job *job, struct error *error)
{
	const struct chase *c = job->own;
	size_t n = c->n / BLOCKS;
	uint64_t spent = 0;
	int r = 0;

	sha256_add(&job->digest, c->ends, sizeof(c->ends));
	for (uint32_t i = 0; i < BLOCKS && r == 0; i++) {
		spent += c->spent[i];
		r = kernel_check(job, "the line where a part of the ring ends", c->ends[i],
			c->order[(i + 1) % BLOCKS * n], 0, error);
	}
	kernel_add_metric(job, "ns/load", (double)spent / c->n / CHASE_ROUNDS, false);
	return r;
}

static void chase_release(struct kernel_job *job)
{
	struct chase *c = job->own;

	if (c) {
		free(c->lines);
		free(c->order);
	}
	free(c);
}

const struct kernel kernel_triad = {
	.name = "triad",
	.title = "a = b + 3 c on arrays of 1, 16, 64 MiB (as STREAM's); bound by memory bandwidth",
	.against = "the same operations on one number",
	.sha256 = {"3483d8f8e65895fce4929a85ce963e4307b58002892a28e2dd09eda07e23afcf",
		"889f5ba65e7aabd8fb3a333214f92667f7e49a3c1ce7b6836d3d0d9d43ed1480",
		"ea44b9ad3fd4368d078fa80c41af301a6161a9751582797379f9148db9378c9d"},
	.set_up = triad_set_up,
	.compute = triad_compute,
	.verify = triad_verify,
	.release = triad_release,
};

const struct kernel kernel_chase = {
	.name = "chase",
	.title =
		"a ring of pointers in random order through 1, 16, 64 MiB; bound by memory latency",
	.against = "the ring as it was made",
	.sha256 = {"29f75df47036006b841ec64a2f53bed08e309236d36cab9552d6f3b37f6b92e0",
		"dd6c85daa703f47daa70984b11ec648a5588c210091ee68c15d487d72794c778",
		"49ab69a7f4bf444bffd3143d20d1efb79fa9525365ef6bebf624e9f846efd937"},
	.set_up = chase_set_up,
	.compute = chase_compute,
	.verify = chase_verify,
	.release = chase_release,
};
