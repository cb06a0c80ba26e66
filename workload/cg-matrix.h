/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The matrix of CG (RNR-94-007, section 2.4.2): a weighted sum of outer products x x' of n random sparse vectors, with
 * weights that fall geometrically from 1 to 0.1, and 0.1 less a shift on the diagonal.
 */

#include <stdint.h>

#include "common/error.h"

struct cg_matrix {
	uint32_t n;
	unsigned width; /**< the most nonzeros of a vector */
	double shift;
	/* The vectors, width places for each: which elements, and their values; n of each are set. */
	uint32_t *at;
	double *values;
	unsigned *counts;
	double *weights;
	/* Which vectors have element i: used[first[i]] to used[first[i + 1] - 1]. */
	uint32_t *first, *used;
	/* Row i has lengths[i] elements, from (uint64_t)first[i] * width on. */
	uint32_t *lengths, *columns;
	double *elements;
};

/** Make the vectors, and room for the rows. 0 or -ENOMEM with a message. */
int cg_matrix_begin(
	struct cg_matrix *a, uint32_t n, unsigned nonzeros, double shift, struct error *error);

/** Make rows @begin to @end - 1. Different rows may be made at once. */
void cg_matrix_fill(struct cg_matrix *a, uint32_t begin, uint32_t end);

/** Release. All zero is fine. */
void cg_matrix_end(struct cg_matrix *a);

/** Row @i times the vector @x. */
static inline double cg_matrix_row(const struct cg_matrix *a, uint32_t i, const double *x)
{
	uint64_t begin = (uint64_t)a->first[i] * a->width;
	const uint32_t *columns = a->columns + begin;
	const double *elements = a->elements + begin;
	double sum = 0;

	for (uint32_t k = 0, n = a->lengths[i]; k < n; k++)
		sum += elements[k] * x[columns[k]];
	return sum;
}
