/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stencil: 100 steps of the heat equation on a cube of 64, 128 or 256 points a side, its faces at 0, by the explicit
 * method, in which each point and its 6 neighbours make its next value (Jacobi; our own, none of NAS). It begins with
 * sin(pi x) sin(pi y) sin(pi z), which each step multiplies by 1 - 6c (1 - cos(pi h)) and otherwise leaves as it is:
 * so every point is known after any number of steps.
 */
#include <stdlib.h>
#include <string.h>

#include "workload/gomath.h"
#include "workload/kernels.h"

#define STEPS 100
#define C     0.125 /* of the difference to the neighbours; stable below 1/6 */

struct stencil {
	uint32_t side;
	double *now, *next; /* side^3 points */
	double *sines;      /* of pi h i */
	double *sums, *off; /* of each plane: sum of its points; how far one is off, at most */
	double factor;      /* what sin sin sin is multiplied by in all steps */
};

static const uint32_t sides[KERNEL_CLASSES] = {64, 128, 256};

static double *plane_of(const struct stencil *s, double *points, uint32_t z)
{
	return points + (size_t)z * s->side * s->side;
}

static void make_plane(void *context, uint32_t z)
{
	struct stencil *s = ((struct kernel_job *)context)->own;
	double *now = plane_of(s, s->now, z);

	for (uint32_t y = 0; y < s->side; y++)
		for (uint32_t x = 0; x < s->side; x++)
			now[(size_t)y * s->side + x] = s->sines[x] * s->sines[y] * s->sines[z];
	memset(plane_of(s, s->next, z), 0, (size_t)s->side * s->side * sizeof(double));
}

static int take_memory(struct stencil *s, struct error *error)
{
	size_t bytes = (size_t)s->side * s->side * s->side * sizeof(double);

	s->now = malloc(bytes);
	s->next = malloc(bytes);
	s->sines = calloc(s->side, sizeof(double));
	s->sums = calloc(s->side, sizeof(double));
	s->off = calloc(s->side, sizeof(double));
	return s->now && s->next && s->sines && s->sums && s->off
		       ? 0
		       : kernel_no_memory(2 * bytes, error);
}

static int set_up(struct kernel_job *job, struct error *error)
{
	struct stencil *s = job->own = calloc(1, sizeof(*s));
	double h, step;
	int r;

	if (!s)
		return kernel_no_memory(sizeof(*s), error);
	s->side = sides[job->class];
	r = take_memory(s, error);
	if (r < 0)
		return r;
	h = GO_PI / (s->side - 1);
	for (uint32_t i = 1; i < s->side - 1; i++)
		s->sines[i] = go_cos(GO_PI / 2 - h * i);
	step = 1 - 6 * C * (1 - go_cos(h));
	s->factor = 1;
	for (int i = 0; i < STEPS; i++)
		s->factor *= step;
	return job->run(job, s->side, make_plane, error);
}

/* All but its edges, which stay 0. */
static void step_plane(void *context, uint32_t task)
{
	struct stencil *s = ((struct kernel_job *)context)->own;
	size_t side = s->side, square = side * side;
	const double *now = plane_of(s, s->now, task + 1);
	double *next = plane_of(s, s->next, task + 1);

	for (size_t y = 1; y < side - 1; y++)
		for (size_t i = y * side + 1; i < (y + 1) * side - 1; i++)
			next[i] =
				(1 - 6 * C) * now[i] +
				C * (((now[i - 1] + now[i + 1]) + (now[i - side] + now[i + side])) +
					    (*(now + i - square) + now[i + square]));
}

static int compute(struct kernel_job *job, struct error *error)
{
	struct stencil *s = job->own;
	int r = 0;

	for (int i = 0; i < STEPS && r == 0; i++) {
		double *swap = s->now;

		r = job->run(job, s->side - 2, step_plane, error);
		s->now = s->next;
		s->next = swap;
	}
	return r;
}

static void check_plane(void *context, uint32_t z)
{
	struct stencil *s = ((struct kernel_job *)context)->own;
	const double *now = plane_of(s, s->now, z);
	double sum = 0, most = 0;

	for (uint32_t y = 0; y < s->side; y++)
		for (uint32_t x = 0; x < s->side; x++) {
			double value = now[(size_t)y * s->side + x];
			double off =
				go_abs(value - s->factor * s->sines[x] * s->sines[y] * s->sines[z]);

			sum += value;
			/* Written so that NaN is kept. */
			if (!(off <= most))
				most = off;
		}
	s->sums[z] = sum;
	s->off[z] = most;
}

static int verify(struct kernel_job *job, struct error *error)
{
	struct stencil *s = job->own;
	uint64_t inside = s->side - 2;
	int r = job->run(job, s->side, check_plane, error);

	sha256_add(&job->digest, s->sums, s->side * sizeof(*s->sums));
	kernel_add_rate(job, "Mpoint/s", (double)(inside * inside * inside) * STEPS);
	for (uint32_t z = 0; z < s->side && r == 0; z++)
		r = kernel_check(job, "a plane's largest value, plus what one is off by",
			1 + s->off[z], 1, 1e-12, error);
	return r;
}

static void release(struct kernel_job *job)
{
	struct stencil *s = job->own;

	if (s) {
		free(s->now);
		free(s->next);
		free(s->sines);
		free(s->sums);
		free(s->off);
	}
	free(s);
}

const struct kernel kernel_stencil = {
	.name = "stencil",
	.title =
		"heat in a cube of 64, 128, 256 points a side, 7-point Jacobi; bound by cache and memory",
	.against = "the exact solution",
	.sha256 = {"ce269199769326f3361c3f5d02f2abe8ea21119f07a988870595f07ee7e6e304",
		"d520b2503fb13857d22defbca16c3be0a3e73cad92c6ac07883af4d4fb8a2750",
		"eec6394a78a08d509a323a19fda1e3a5dfa8feba39af4e4d3acec566b5f67d52"},
	.set_up = set_up,
	.compute = compute,
	.verify = verify,
	.release = release,
};
