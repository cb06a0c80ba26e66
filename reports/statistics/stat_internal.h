/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the files behind statistics.h share; nobody else includes this. */

#include "reports/statistics/statistics.h"

struct values {
	const double *list;
	size_t n;
};

/** Copy what is finite to @ret; returns how many. */
/** Fieller 1954: the ratios of the means that a test with this @t does not tell from theirs. */
struct interval ratio_range(const struct sample_mean *a, const struct sample_mean *b, double t);

size_t values_known(const double *values, size_t n, double *ret);

double weighted_mean(const double *values, const double *weights, size_t n);

/** Ranks from 1, ties sharing their mean, times two: whole numbers. @order has room for n. */
void double_ranks(const double *values, size_t n, size_t *order, double *ret);
