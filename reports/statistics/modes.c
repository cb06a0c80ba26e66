/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/statistics/modes.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_rng.h>
#include <gsl/gsl_sort_double.h>
#include <gsl/gsl_statistics_double.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "reports/statistics/stat_internal.h"

#define LEVEL 0.05
/* Of the uniform samples that a dip is compared with; a fixed seed: the same store, the same report. */
#define SAMPLES 999UL
#define SEED    20221
/* Of more values fewer samples are compared with, and the density is of so many, evenly taken. */
#define MANY        1000UL
#define SAMPLES_MIN 99
/* A heap has so many values at least, and that share of all. */
#define HEAP_MIN   3
#define HEAP_SHARE 0.1
/* Where more values are equal to others they lie on a grid, whose points would be modes. */
#define DISTINCT 0.9
/* The density is looked at so finely, with kernels from the whole range down to a hundredth. */
#define GRID      512
#define NARROWER  0.9
#define NARROWEST 0.01

/* How often one mode, at its worst, makes such a dip. */
static int dip_p(double dip, size_t n, double *ret)
{
	_cleanup_free_ double *sample = calloc(n + 1, sizeof(*sample));
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	size_t farther = 0, samples = n <= MANY ? SAMPLES : SAMPLES * MANY / n;

	if (samples < SAMPLES_MIN)
		samples = SAMPLES_MIN;
	if (!sample || !rng) {
		gsl_rng_free(rng);
		return -ENOMEM;
	}
	gsl_rng_set(rng, SEED);
	for (size_t s = 0; s < samples; s++) {
		for (size_t i = 0; i < n; i++)
			sample[i] = gsl_rng_uniform(rng);
		gsl_sort(sample, 1, n);
		farther += dip_of(sample, n) >= dip;
	}
	gsl_rng_free(rng);
	*ret = (double)(farther + 1) / (double)(samples + 1);
	return 0;
}

static void fill_density(const double *x, size_t n, double width, double ret[GRID])
{
	const size_t step = n / MANY + 1;

	for (size_t g = 0; g < GRID; g++) {
		double at = x[0] + (x[n - 1] - x[0]) * (double)g / (GRID - 1);

		ret[g] = 0;
		for (size_t i = 0; i < n; i += step) {
			double z = (x[i] - at) / width;

			ret[g] += exp(-z * z / 2);
		}
	}
}

/* How many of the values are left of the deepest valley that has heaps on both sides; 0: there is none. */
static size_t deepest_valley(const double *x, size_t n, size_t heap, const double density[GRID])
{
	double deepest = INFINITY;
	size_t left = 0, at = 0;

	for (size_t g = 1; g + 1 < GRID; g++) {
		double here = x[0] + (x[n - 1] - x[0]) * (double)g / (GRID - 1);

		while (at < n && x[at] <= here)
			at++;
		if (density[g] < density[g - 1] && density[g] <= density[g + 1] && at >= heap &&
			n - at >= heap && density[g] < deepest) {
			deepest = density[g];
			left = at;
		}
	}
	return left;
}

/* Where to part the values: by the widest kernel that shows two heaps. */
static size_t find_valley(const double *x, size_t n)
{
	size_t heap = (size_t)fmax(HEAP_MIN, ceil(HEAP_SHARE * (double)n)), left = 0;
	double range = x[n - 1] - x[0], density[GRID];

	for (double width = range; width > NARROWEST * range && left == 0; width *= NARROWER) {
		fill_density(x, n, width, density);
		left = deepest_valley(x, n, heap, density);
	}
	return left;
}

static void add_mode(struct modes *m, const double *x, size_t n)
{
	m->list[m->n++] =
		(struct mode){n, x[0], x[n - 1], gsl_stats_median_from_sorted_data(x, 1, n)};
}

/* Of parts each is tested at half the level of the whole. */
static int part(const double *x, size_t n, double level, struct modes *m)
{
	double dip = n >= MODES_RUNS_MIN ? dip_of(x, n) : 0, p = 1;
	size_t left;
	int r = n >= MODES_RUNS_MIN ? dip_p(dip, n, &p) : 0;

	if (r < 0)
		return r;
	if (isnan(m->dip)) {
		m->dip = dip;
		m->p = p;
	}
	left = p < level && m->n + 2 <= MODES_MAX ? find_valley(x, n) : 0;
	if (left == 0) {
		if (m->n < MODES_MAX)
			add_mode(m, x, n);
		return 0;
	}
	r = part(x, left, level / 2, m);
	return r < 0 ? r : part(x + left, n - left, level / 2, m);
}

static bool on_a_grid(const double *x, size_t n)
{
	size_t distinct = 1;

	for (size_t i = 1; i < n; i++)
		distinct += x[i] > x[i - 1];
	return (double)distinct < DISTINCT * (double)n;
}

int find_modes(const double *values, size_t n, struct modes *ret)
{
	_cleanup_free_ double *x = calloc(n + 1, sizeof(*x));
	struct modes m = {.dip = NAN, .p = NAN};
	int r;

	if (!x)
		return -ENOMEM;
	n = values_known(values, n, x);
	gsl_sort(x, 1, n);
	*ret = m;
	if (n < MODES_RUNS_MIN || on_a_grid(x, n))
		return 0;
	r = part(x, n, LEVEL, &m);
	if (r >= 0)
		*ret = m;
	return r;
}

size_t modes_index(const struct modes *m, double value)
{
	for (size_t i = 0; i < m->n; i++)
		if (value <= m->list[i].high)
			return i;
	return m->n;
}
