/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CG, "conjugate gradient" (RNR-94-007, section 2.4): the smallest eigenvalue of a large sparse symmetric matrix by the
 * inverse power method, each step of which is solved by 25 iterations of conjugate gradients. Written from that
 * definition. Sums of vectors are made by blocks of rows, and these are added in their order.
 */
#include <stdlib.h>
#include <string.h>

#include "workload/cg-matrix.h"
#include "workload/kernels.h"

#define BLOCKS           32
#define SOLVE_ITERATIONS 25
#define STEPS_MAX        15

struct cg {
	struct cg_matrix a;
	double *x, *z, *p, *q, *r;
	double sums[BLOCKS][2]; /* of each block */
	double alpha, beta;
	double zeta[STEPS_MAX];
	unsigned n_zeta;
};

/* Order, nonzeros in a vector that the matrix is made of, steps, shift, and the published result. */
static const struct {
	uint32_t n;
	unsigned nonzeros, steps;
	double shift, zeta;
} classes[KERNEL_CLASSES] = {
	{1400, 7, 15, 10, 8.5971775078648},
	{7000, 8, 15, 12, 10.362595087124},
	{14000, 11, 15, 20, 17.130235054029},
};

/* Of a block. */
struct rows {
	uint32_t begin, end;
};

static struct rows rows_of(const struct cg *c, uint32_t task)
{
	uint64_t n = c->a.n;

	return (struct rows){(uint32_t)(n * task / BLOCKS), (uint32_t)(n * (task + 1) / BLOCKS)};
}

static void make_rows(void *context, uint32_t task)
{
	struct cg *c = ((struct kernel_job *)context)->own;
	struct rows rows = rows_of(c, task);

	cg_matrix_fill(&c->a, rows.begin, rows.end);
}

static int set_up(struct kernel_job *job, struct error *error)
{
	struct cg *c = job->own = calloc(1, sizeof(*c));
	uint32_t n = classes[job->class].n;
	double **vectors[] = {&c->x, &c->z, &c->p, &c->q, &c->r};
	int r;

	if (!c)
		return kernel_no_memory(sizeof(*c), error);
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		*vectors[i] = calloc(n, sizeof(double));
		if (!*vectors[i])
			return kernel_no_memory(n * sizeof(double), error);
	}
	r = cg_matrix_begin(
		&c->a, n, classes[job->class].nonzeros, classes[job->class].shift, error);
	return r < 0 ? r : job->run(job, BLOCKS, make_rows, error);
}

/* q = A p, and p q */
static void multiply(void *context, uint32_t task)
{
	struct cg *c = ((struct kernel_job *)context)->own;
	struct rows rows = rows_of(c, task);
	double sum = 0;

	for (uint32_t i = rows.begin; i < rows.end; i++) {
		c->q[i] = cg_matrix_row(&c->a, i, c->p);
		sum += c->p[i] * c->q[i];
	}
	c->sums[task][0] = sum;
}

/* z and r go on by alpha; r r */
static void go_on(void *context, uint32_t task)
{
	struct cg *c = ((struct kernel_job *)context)->own;
	struct rows rows = rows_of(c, task);
	double sum = 0;

	for (uint32_t i = rows.begin; i < rows.end; i++) {
		c->z[i] += c->alpha * c->p[i];
		c->r[i] -= c->alpha * c->q[i];
		sum += c->r[i] * c->r[i];
	}
	c->sums[task][0] = sum;
}

/* p = r + beta p */
static void turn(void *context, uint32_t task)
{
	struct cg *c = ((struct kernel_job *)context)->own;
	struct rows rows = rows_of(c, task);

	for (uint32_t i = rows.begin; i < rows.end; i++)
		c->p[i] = c->r[i] + c->beta * c->p[i];
}

/* r = p = x, z = 0; x x */
static void begin_solving(void *context, uint32_t task)
{
	struct cg *c = ((struct kernel_job *)context)->own;
	struct rows rows = rows_of(c, task);
	double sum = 0;

	for (uint32_t i = rows.begin; i < rows.end; i++) {
		c->z[i] = 0;
		c->r[i] = c->p[i] = c->x[i];
		sum += c->x[i] * c->x[i];
	}
	c->sums[task][0] = sum;
}

/* x z, z z */
static void end_solving(void *context, uint32_t task)
{
	struct cg *c = ((struct kernel_job *)context)->own;
	struct rows rows = rows_of(c, task);
	double xz = 0, zz = 0;

	for (uint32_t i = rows.begin; i < rows.end; i++) {
		xz += c->x[i] * c->z[i];
		zz += c->z[i] * c->z[i];
	}
	c->sums[task][0] = xz;
	c->sums[task][1] = zz;
}

/* x = z / |z|, by alpha */
static void normalise(void *context, uint32_t task)
{
	struct cg *c = ((struct kernel_job *)context)->own;
	struct rows rows = rows_of(c, task);

	for (uint32_t i = rows.begin; i < rows.end; i++)
		c->x[i] = c->alpha * c->z[i];
}

/* The block's own sums, added up in their order. */
static double add_up(const struct cg *c, int which)
{
	double sum = 0;

	for (int i = 0; i < BLOCKS; i++)
		sum += c->sums[i][which];
	return sum;
}

static int solve(struct kernel_job *job, struct error *error)
{
	struct cg *c = job->own;
	double rho;
	int r = job->run(job, BLOCKS, begin_solving, error);

	rho = add_up(c, 0);
	for (int i = 0; i < SOLVE_ITERATIONS && r == 0; i++) {
		double before = rho;

		r = job->run(job, BLOCKS, multiply, error);
		c->alpha = rho / add_up(c, 0);
		if (r == 0)
			r = job->run(job, BLOCKS, go_on, error);
		rho = add_up(c, 0);
		c->beta = rho / before;
		if (r == 0)
			r = job->run(job, BLOCKS, turn, error);
	}
	return r;
}

static int compute(struct kernel_job *job, struct error *error)
{
	struct cg *c = job->own;
	int r = 0;

	for (uint32_t i = 0; i < c->a.n; i++)
		c->x[i] = 1;
	for (c->n_zeta = 0; c->n_zeta < classes[job->class].steps && r == 0; c->n_zeta++) {
		r = solve(job, error);
		if (r == 0)
			r = job->run(job, BLOCKS, end_solving, error);
		c->zeta[c->n_zeta] = classes[job->class].shift + 1 / add_up(c, 0);
		c->alpha = 1 / __builtin_sqrt(add_up(c, 1));
		if (r == 0)
			r = job->run(job, BLOCKS, normalise, error);
	}
	return r;
}

static int verify(struct kernel_job *job, struct error *error)
{
	const struct cg *c = job->own;
	double k = classes[job->class].nonzeros * (classes[job->class].nonzeros + 1.0);

	sha256_add(&job->digest, c->zeta, c->n_zeta * sizeof(*c->zeta));
	/* As the benchmark counts its operations. */
	kernel_add_rate(job, "Mop/s",
		2.0 * classes[job->class].steps * c->a.n *
			(3 + k + SOLVE_ITERATIONS * (5 + k) + 3));
	return kernel_check(
		job, "zeta", c->zeta[c->n_zeta - 1], classes[job->class].zeta, 1e-10, error);
}

static void release(struct kernel_job *job)
{
	struct cg *c = job->own;

	if (c) {
		cg_matrix_end(&c->a);
		free(c->x);
		free(c->z);
		free(c->p);
		free(c->q);
		free(c->r);
	}
	free(c);
}

const struct kernel kernel_cg = {
	.name = "cg",
	.title = "an eigenvalue of a sparse matrix of order 1400, 7000, 14000 (NAS CG); bound by "
		 "cache and memory, and by all waiting for all",
	.against = "the published values",
	.sha256 = {"f92b774a5cd261acea482b926619c36bb9657ed9c516fb4e77ca0f9de29f7fa3",
		"14251fca42d30cfbf1db91dc9058d9ea9c9bfaec7348afc44c648e1c0d278d0a",
		"2a35c2fb6fb805c8d57fd1f279cb08af047fa5d51017774d9b47495bf3845ee0"},
	.set_up = set_up,
	.compute = compute,
	.verify = verify,
	.release = release,
};
