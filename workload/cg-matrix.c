/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workload/cg-matrix.h"

#include <stdlib.h>
#include <string.h>

#include "workload/gomath.h"
#include "workload/kernels.h"
#include "workload/randlc.h"

#define SEED     314159265
#define RCOND    0.1
#define DIAGONAL 0.5 /* vector i has this as element i */

static double power(double x, uint32_t n)
{
	double product = 1;

	for (; n; n >>= 1, x *= x)
		if (n & 1)
			product *= x;
	return product;
}

/* The n-th root of RCOND, by Newton's method from near it: pow() differs from one libm to the next. */
static double ratio_of(uint32_t n)
{
	double r = 1 + go_log(RCOND) / n;

	for (int i = 0; i < 10; i++)
		r -= (power(r, n) - RCOND) / (n * power(r, n - 1));
	return r;
}

/* Element @which of vector @v is @value: where it is already, or behind the others. */
static void set_element(struct cg_matrix *a, uint32_t v, uint32_t which, double value)
{
	uint64_t begin = (uint64_t)v * a->width;
	unsigned k = 0;

	while (k < a->counts[v] && a->at[begin + k] != which)
		k++;
	a->at[begin + k] = which;
	a->values[begin + k] = value;
	if (k == a->counts[v])
		a->counts[v]++;
}

static bool has_element(const struct cg_matrix *a, uint32_t v, uint32_t which)
{
	for (unsigned k = 0; k < a->counts[v]; k++)
		if (a->at[(uint64_t)v * a->width + k] == which)
			return true;
	return false;
}

/* Pairs of random numbers, value and place; places that are too large or taken are passed over. */
static void make_vectors(struct cg_matrix *a, unsigned nonzeros)
{
	double weight = 1, ratio = ratio_of(a->n);
	uint64_t state = SEED;
	uint32_t power_of_two = 1;

	while (power_of_two < a->n)
		power_of_two *= 2;
	randlc(&state); /* the definition leaves the first one out */
	for (uint32_t v = 0; v < a->n; v++, weight *= ratio) {
		while (a->counts[v] < nonzeros) {
			double value = randlc(&state);
			uint32_t which = (uint32_t)(power_of_two * randlc(&state));

			if (which < a->n && !has_element(a, v, which))
				set_element(a, v, which, value);
		}
		set_element(a, v, v, DIAGONAL);
		a->weights[v] = weight;
	}
}

/* Which vectors have element i, for all i. */
static void make_index(struct cg_matrix *a)
{
	for (uint32_t v = 0; v < a->n; v++)
		for (unsigned k = 0; k < a->counts[v]; k++)
			a->first[a->at[(uint64_t)v * a->width + k] + 1]++;
	for (uint32_t i = 0; i < a->n; i++)
		a->first[i + 1] += a->first[i];
	for (uint32_t v = 0; v < a->n; v++)
		for (unsigned k = 0; k < a->counts[v]; k++) {
			uint32_t i = a->at[(uint64_t)v * a->width + k];

			a->used[a->first[i] + a->lengths[i]++] = v;
		}
}

int cg_matrix_begin(
	struct cg_matrix *a, uint32_t n, unsigned nonzeros, double shift, struct error *error)
{
	size_t places = (size_t)n * (nonzeros + 1), elements;

	*a = (struct cg_matrix){.n = n, .width = nonzeros + 1, .shift = shift};
	a->at = calloc(places, sizeof(*a->at));
	a->values = calloc(places, sizeof(*a->values));
	a->counts = calloc(n, sizeof(*a->counts));
	a->weights = calloc(n, sizeof(*a->weights));
	a->first = calloc(n + 1, sizeof(*a->first));
	a->used = calloc(places, sizeof(*a->used));
	a->lengths = calloc(n, sizeof(*a->lengths));
	if (!a->at || !a->values || !a->counts || !a->weights || !a->first || !a->used ||
		!a->lengths)
		return kernel_no_memory(places * 16, error);
	make_vectors(a, nonzeros);
	make_index(a);
	elements = (size_t)a->first[n] * a->width;
	a->columns = calloc(elements, sizeof(*a->columns));
	a->elements = calloc(elements, sizeof(*a->elements));
	return a->columns && a->elements ? 0 : kernel_no_memory(elements * 12, error);
}

/* Elements stay in the order of their columns. */
static void add_element(struct cg_matrix *a, uint32_t row, uint32_t column, double value)
{
	uint64_t begin = (uint64_t)a->first[row] * a->width;
	uint32_t *columns = a->columns + begin, k = a->lengths[row];
	double *elements = a->elements + begin;

	while (k > 0 && columns[k - 1] > column)
		k--;
	if (k > 0 && columns[k - 1] == column) {
		elements[k - 1] += value;
		return;
	}
	memmove(columns + k + 1, columns + k, (a->lengths[row] - k) * sizeof(*columns));
	memmove(elements + k + 1, elements + k, (a->lengths[row] - k) * sizeof(*elements));
	columns[k] = column;
	elements[k] = value;
	a->lengths[row]++;
}

static double element_of(const struct cg_matrix *a, uint32_t v, uint32_t which)
{
	for (unsigned k = 0; k < a->counts[v]; k++)
		if (a->at[(uint64_t)v * a->width + k] == which)
			return a->values[(uint64_t)v * a->width + k];
	return 0;
}

void cg_matrix_fill(struct cg_matrix *a, uint32_t begin, uint32_t end)
{
	for (uint32_t row = begin; row < end; row++) {
		a->lengths[row] = 0;
		for (uint32_t u = a->first[row]; u < a->first[row + 1]; u++) {
			uint32_t v = a->used[u];
			double own = element_of(a, v, row);

			for (unsigned k = 0; k < a->counts[v]; k++) {
				uint64_t other = (uint64_t)v * a->width + k;
				double value = own * (a->weights[v] * a->values[other]);

				if (v == row && a->at[other] == row)
					value += RCOND - a->shift;
				add_element(a, row, a->at[other], value);
			}
		}
	}
}

void cg_matrix_end(struct cg_matrix *a)
{
	free(a->at);
	free(a->values);
	free(a->counts);
	free(a->weights);
	free(a->first);
	free(a->used);
	free(a->lengths);
	free(a->columns);
	free(a->elements);
}
