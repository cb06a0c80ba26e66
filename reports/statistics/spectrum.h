/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * What is periodic in series of values that were taken at equal steps: Welch's averaged periodogram (1967), and
 * which of its peaks chance does not make. docs/statistics.md has the rule.
 */

#include <stdbool.h>
#include <stddef.h>

/** The family-wise chance that white noise shows any peak. */
#define SPECTRUM_CHANCE 0.01

/** Segments of fewer values have no spectrum, those of more are not made. */
#define SPECTRUM_SEGMENT_MIN 256
#define SPECTRUM_SEGMENT_MAX 4096

struct spectrum {
	size_t segment;  /**< values in a segment: a power of two. Bin k is of k / segment a step */
	size_t n;        /**< bins: segment / 2 */
	size_t segments; /**< that were averaged */
	double effective; /**< independent ones that they are worth */
	double *power;    /**< mean of the segments, in each bin; all bins together: the variance */
	double *background; /**< what the bins around it have; 0: all values were equal */
	double *ratio; /**< power over background from which on a bin belongs to a peak; INFINITY: not tested */
	double squares[2]; /**< sums over segments: of their power, of its square */
};

struct spectrum_peak {
	double bin;    /**< its middle */
	double width;  /**< bins from its first to its last */
	double height; /**< highest power over background */
	double share;  /**< of the variance, what it has above the background */
};

/** As long as segments are for series of @n values; 0: too few. */
size_t spectrum_segment(size_t n);

/** An empty spectrum. -ENOMEM; spectrum_clear() in any case. */
int spectrum_begin(size_t segment, struct spectrum *ret);

/** Take a series in, which has at least as many values as a segment. -ENOMEM. */
int spectrum_add(struct spectrum *s, const double *values, size_t n);

/** All are in: find background and what is a peak. -ENOMEM. */
int spectrum_finish(struct spectrum *s);

/** The peaks in order of frequency. Free the list. -ENOMEM. */
int spectrum_peaks(const struct spectrum *s, struct spectrum_peak **ret, size_t *ret_n);

void spectrum_clear(struct spectrum *s);
