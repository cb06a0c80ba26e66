/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/statistics/levels.h"

#include <math.h>

#include "reports/statistics/statistics.h"

struct levels levels_of(const struct level_run *runs, size_t n)
{
	struct statistic means = {0}, variances = {0}, iteration = {0}, overhead = {0}, parts = {0};
	struct levels l = {0};
	double between;

	for (size_t i = 0; i < n; i++) {
		if (!(runs[i].n >= 2))
			return l;
		statistic_add(&means, runs[i].mean);
		statistic_add(&variances, runs[i].variance);
		statistic_add(&parts, 1 / runs[i].n);
		statistic_add(&iteration, runs[i].iterations_ns / runs[i].n);
		statistic_add(&overhead, runs[i].overhead_ns);
	}
	if (n < 2)
		return l;
	/* Their T2² = S2² - S1²/r1: what runs would differ by if each were known exactly. */
	between = means.m2 / (double)(n - 1) - variances.mean * parts.mean;
	l = (struct levels){.runs = n,
		.iterations = 1 / parts.mean,
		.mean = means.mean,
		.within = sqrt(variances.mean),
		.between = sqrt(fmax(between, 0)),
		.iteration_ns = iteration.mean,
		.overhead_ns = overhead.mean,
		.best = INFINITY};
	/* Their optimum, sqrt(c2/c1 · T1²/T2²). */
	if (l.between > 0 && l.iteration_ns > 0)
		l.best = fmax(1,
			ceil(sqrt(fmax(l.overhead_ns, 0) / l.iteration_ns) * l.within / l.between));
	return l;
}
