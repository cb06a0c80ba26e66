/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The longest of very many waiting times, of which each comes from a measured distribution: what a step of a
 * bulk-synchronous program waits for. Nothing is drawn a million times: the longest of N independent values is at most
 * x with the probability P(X <= x)^N, exactly, whatever N is. docs/statistics.md has the formulas.
 */

#include <stddef.h>
#include <stdint.h>

struct amplify {
	size_t n;       /**< values */
	double *values; /**< ascending */
	double *logs;   /**< n for each source: ln P(X <= value); 0 P is a very low number */
	double *above; /**< likewise: P(X > value) of a draw from any of the source's distributions */
	size_t n_sources;
	size_t n_distributions; /**< of all sources */
};

/** @values are copied; they ascend. -ENOMEM; amplify_clear() in any case. */
int amplify_begin(const double *values, size_t n, size_t n_sources, struct amplify *ret);

/**
 * Add a distribution to a source: @mass of each value, not all 0, of any sum. A source of several, whose @share sum to
 * 1, is ranks of which each has its distribution for good (not: each value from any of them).
 */
void amplify_add(struct amplify *a, size_t source, const double *mass, double share);

/**
 * The mean of the longest of @draws values. @weights[s] says how often source s counts (in all any number above 0):
 * that share of the draws is from it. Fewer draws than there are distributions cannot be of all of them: each is
 * from any, which is the mean over all choices of distributions. So one draw has their mean.
 */
double amplify_expected(const struct amplify *a, const double *weights, double draws);

/** How probable it is that the longest of them is the largest value of all. */
double amplify_at_top(const struct amplify *a, const double *weights, double draws);

/** The longest of each step. */
struct amplify_steps {
	double steps, mean;
	double p50, p99, longest;
};

/** What a long simulation tells: @share of it is done; 1 at last. Called by the thread that began it. */
typedef void (*amplify_progress_t)(double share, void *userdata);

/**
 * Draw @steps longest ones of @draws values each, on @threads processors (0: all that there are). The result does not
 * depend on their number. -ENOMEM, or the errno of making threads.
 */
int amplify_simulate(const struct amplify *a, const double *weights, double draws, uint64_t steps,
	unsigned threads, amplify_progress_t progress, void *userdata, struct amplify_steps *ret);

void amplify_clear(struct amplify *a);
