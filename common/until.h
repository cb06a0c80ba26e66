/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Repeating runs until an interval is narrow enough ("Enough runs" in docs/statistics.md): who looks
 * at the interval again and again and stops when it pleases has one that holds less often than it
 * says. So looks are planned, at numbers of runs that grow by half, and each interval is made at the
 * level 1 - 5 % / looks: by Bonferroni's inequality all of them hold together in 95 %, whichever is
 * the last one (repeated confidence intervals: Jennison and Turnbull 1989).
 */

#include <stddef.h>

#include "common/error.h"

#define UNTIL_LOOKS_MAX 40
#define UNTIL_NAME_SIZE 64

/** What --until asks for. */
struct until_aim {
	double share; /**< half of the interval's width, as a share of its middle; 0: nothing is asked */
	char a[UNTIL_NAME_SIZE], b[UNTIL_NAME_SIZE]; /**< of the ratio a/b; empty: of every mean */
};

/** "1%", "1", "2.5%:osv/native". -EINVAL with a message marked as the user's. */
int until_parse(const char *text, struct until_aim *ret, struct error *error);

/** After how many runs of each configuration to look, from @least to @most; how many looks. */
size_t until_looks(unsigned least, unsigned most, unsigned ret[UNTIL_LOOKS_MAX]);

/** Values so far; start from {}. */
struct until_sample {
	size_t n;
	double mean;
	double m2;
};

void until_add(struct until_sample *s, double value);

/**
 * Half the width of the interval of a mean (@n_samples 1), or of a ratio of means (2), over its
 * middle, at the level that so many looks need: Student's, of a ratio Welch's of the logarithm, by the delta
 * method. INFINITY where it cannot be said: fewer than two values, a mean that is not positive.
 */
double until_width(const struct until_sample *const *samples, size_t n_samples, size_t looks);

/** How many values it takes in place of @n to come from @width to @share: widths go as 1 / sqrt(n). */
double until_needed(double n, double width, double share);
