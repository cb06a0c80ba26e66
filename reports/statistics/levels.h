/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Two levels of variance, after Kalibera and Jones (Rigorous benchmarking in reasonable time, ISMM
 * 2013): runs, and iterations within a run. Which of the two varies, and how many iterations a run
 * is worth: those beyond that cost more than they tell, and another run tells more.
 */

#include <stddef.h>

/** One run: of its iterations how many, their mean and variance (divisor n - 1), and what they cost. */
struct level_run {
	double n, mean, variance;
	double iterations_ns; /**< all of them */
	double overhead_ns;   /**< what the run took beside them: boot, set-up */
};

struct levels {
	size_t runs;       /**< 0: nothing can be said */
	double iterations; /**< of a run: harmonic mean */
	double mean;
	double within;  /**< σ of iterations of one run */
	double between; /**< σ of runs, without what the iterations make; 0: none is seen */
	double iteration_ns, overhead_ns;
	double best; /**< iterations of a run; INFINITY where runs do not differ */
};

/** From two runs of two iterations on; else runs is 0. */
struct levels levels_of(const struct level_run *runs, size_t n);
