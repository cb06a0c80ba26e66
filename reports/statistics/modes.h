/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Do values come in several heaps? Hartigan and Hartigan's dip test (1985) says whether: how far is
 * the sample from any distribution with one mode, and how often is a uniform sample, the hardest
 * case, as far? A kernel density (Silverman 1981: the widest kernel that shows two) says where
 * to part them. Each part is tested again.
 */

#include <stdbool.h>
#include <stddef.h>

#define MODES_MAX 6
/** With fewer values nothing is said. */
#define MODES_RUNS_MIN 8

struct mode {
	size_t n;
	double low, high; /**< least and largest value */
	double median;
};

struct modes {
	size_t n;   /**< 1: nothing speaks against one; 0: too few values, or they lie on a grid */
	double dip; /**< NAN where n is 0 */
	double p;   /**< that one mode makes such a dip, at most */
	struct mode list[MODES_MAX]; /**< by value; of one mode that of all values */
};

/** NANs are left out. -ENOMEM. */
int find_modes(const double *values, size_t n, struct modes *ret);

/** The mode that @value belongs to; of a NAN @m->n. */
size_t modes_index(const struct modes *m, double value);

/** The dip of @n sorted values: the largest distance from the nearest distribution with one mode. NAN if out of memory, or n is
 * 0. */
double dip_of(const double *sorted, size_t n);
