/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/statistics/spectrum.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_fft_real.h>
#include <gsl/gsl_statistics_double.h>

#include "common/array.h"
#include "common/cleanup.h"

/* The mean is taken away, and a trend looks like these. */
#define LOWEST_BIN 3

/* Bins on either side of one that its background is made of: most; least. Noise of most machines rises towards low
 * frequencies: there fewer are alike. */
#define AROUND_MAX 128
#define AROUND_MIN 12

/* A line is that wide by the window alone, on either side. What stands at the highest frequency cannot be measured. */
#define LINE_BINS 2

/* Neighbouring bins of a Hann window are as good as 1 / 1.5 independent ones (its noise bandwidth, Harris 1978), and a
 * median is as good as the mean of about half as many. */
#define BINS_FOR_ONE 3

/* The correlation of the power of half overlapping segments under that window (Welch 1967). */
#define OVERLAP (1 / 36.)

size_t spectrum_segment(size_t n)
{
	size_t segment = SPECTRUM_SEGMENT_MAX;

	/* Two of them, half of each overlapping, are three. */
	while (segment > n / 2)
		segment /= 2;
	return segment >= SPECTRUM_SEGMENT_MIN ? segment : 0;
}

int spectrum_begin(size_t segment, struct spectrum *ret)
{
	*ret = (struct spectrum){.segment = segment, .n = segment / 2};
	ret->power = calloc(ret->n + 1, sizeof(*ret->power));
	ret->background = calloc(ret->n + 1, sizeof(*ret->background));
	ret->ratio = calloc(ret->n + 1, sizeof(*ret->ratio));
	return ret->power && ret->background && ret->ratio ? 0 : -ENOMEM;
}

void spectrum_clear(struct spectrum *s)
{
	free(s->power);
	free(s->background);
	free(s->ratio);
	*s = (struct spectrum){.n = 0};
}

static int add_segment(struct spectrum *s, const double *values, double *room)
{
	double mean = gsl_stats_mean(values, 1, s->segment), sum = 0;
	const double n = (double)s->segment;

	for (size_t i = 0; i < s->segment; i++)
		room[i] = (values[i] - mean) * (0.5 - 0.5 * cos(2 * M_PI * (double)i / n));
	if (gsl_fft_real_radix2_transform(room, 1, s->segment) != GSL_SUCCESS)
		return -ENOMEM;
	for (size_t k = 1; k < s->n; k++) {
		double re = room[k], im = room[s->segment - k];
		/* Both sides of the spectrum; the window lets 3/8 of the power through. */
		double power = 2 * (re * re + im * im) / (n * n * 3 / 8);

		s->power[k] += power;
		sum += power;
	}
	s->squares[0] += sum;
	s->squares[1] += sum * sum;
	s->segments++;
	return 0;
}

int spectrum_add(struct spectrum *s, const double *values, size_t n)
{
	_cleanup_free_ double *room = calloc(s->segment, sizeof(*room));
	int r = room ? 0 : -ENOMEM;

	gsl_set_error_handler_off();
	for (size_t at = 0; r == 0 && at + s->segment <= n; at += s->segment / 2)
		r = add_segment(s, values + at, room);
	return r;
}

/* How many independent segments of equal power they are worth: one that is much louder than the others is nearly
 * all of their mean. */
static double effective_segments(const struct spectrum *s)
{
	double n = (double)s->segments;

	if (!(s->squares[1] > 0))
		return n;
	return fmax(
		1, s->squares[0] * s->squares[0] / s->squares[1] / (1 + 2 * OVERLAP * (n - 1) / n));
}

/* The ratio of two means of squares, with @a and @b degrees of freedom, that chance exceeds with probability @p.
 * (gsl_cdf_fdist_Qinv() knows no answer that far out.) */
static double ratio_by_chance(double p, double a, double b)
{
	double low = 1, high = 2;

	while (high < 1e12 && gsl_cdf_fdist_Q(high, a, b) > p)
		high *= 2;
	for (int i = 0; i < 40; i++) {
		double middle = (low + high) / 2;

		if (gsl_cdf_fdist_Q(middle, a, b) > p)
			low = middle;
		else
			high = middle;
	}
	return high;
}

static void find_background(
	struct spectrum *s, size_t k, double *room, size_t *last_m, double *last_ratio)
{
	size_t around = k / 2 > AROUND_MAX ? AROUND_MAX : k / 2 < AROUND_MIN ? AROUND_MIN : k / 2;
	size_t first = k > around + 1 ? k - around : 1;
	size_t last = k + around < s->n ? k + around : s->n - 1, m = last - first + 1;
	/* The mean of gamma distributed values from their median. */
	double median = gsl_cdf_gamma_Pinv(0.5, s->effective, 1 / s->effective);
	double tested = (double)(s->n - LOWEST_BIN - LINE_BINS);

	memcpy(room, s->power + first, m * sizeof(*room));
	s->background[k] = gsl_stats_median(room, 1, m) / median;
	s->ratio[k] = INFINITY;
	if (k < LOWEST_BIN || k + LINE_BINS >= s->n || !(s->background[k] > 0))
		return;
	/* Most bins have as many around them as the one before. */
	if (m != *last_m)
		*last_ratio = ratio_by_chance(SPECTRUM_CHANCE / tested, 2 * s->effective,
			2 * s->effective * (double)m / BINS_FOR_ONE);
	*last_m = m;
	s->ratio[k] = *last_ratio;
}

int spectrum_finish(struct spectrum *s)
{
	_cleanup_free_ double *room = calloc(s->n + 1, sizeof(*room));
	double ratio = INFINITY;
	size_t m = 0;

	if (!room)
		return -ENOMEM;
	for (size_t k = 1; k < s->n && s->segments; k++)
		s->power[k] /= (double)s->segments;
	s->effective = s->segments ? effective_segments(s) : 0;
	for (size_t k = 1; k < s->n && s->segments; k++)
		find_background(s, k, room, &m, &ratio);
	return 0;
}

static bool is_high(const struct spectrum *s, size_t k)
{
	return s->power[k] > s->ratio[k] * s->background[k];
}

/* Bins of a peak: those that stand out, and all that are counted as its. */
struct window {
	size_t first, last, low, high;
};

static struct spectrum_peak measure(const struct spectrum *s, const struct window *w)
{
	struct spectrum_peak p = {.width = (double)(w->last - w->first + 1)};
	double above = 0, where = 0, all = 0;

	for (size_t k = w->low; k <= w->high; k++) {
		double over = fmax(s->power[k] - s->background[k], 0);

		above += over;
		where += over * (double)k;
		if (s->background[k] > 0)
			p.height = fmax(p.height, s->power[k] / s->background[k]);
	}
	for (size_t k = 1; k < s->n; k++)
		all += s->power[k];
	p.bin = where / above;
	p.share = above / all;
	return p;
}

/* Neighbours share the bins between them: none counts twice. */
static void divide(const struct spectrum *s, struct window *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct window *w = &list[i];

		w->low = w->first > LINE_BINS ? w->first - LINE_BINS : 1;
		w->high = w->last + LINE_BINS < s->n ? w->last + LINE_BINS : s->n - 1;
		if (i > 0 && list[i - 1].high >= w->low) {
			list[i - 1].high = (list[i - 1].last + w->first) / 2;
			w->low = list[i - 1].high + 1;
		}
	}
}

static int find_windows(const struct spectrum *s, struct window **list, size_t *n)
{
	for (size_t k = LOWEST_BIN; s->segments && k < s->n; k++) {
		struct window w = {.first = k, .last = k};

		if (!is_high(s, k))
			continue;
		for (; k < s->n && k <= w.last + LINE_BINS; k++)
			w.last = is_high(s, k) ? k : w.last;
		k = w.last + LINE_BINS;
		if (ARRAY_ADD(*list, *n, w) < 0)
			return -ENOMEM;
	}
	return 0;
}

int spectrum_peaks(const struct spectrum *s, struct spectrum_peak **ret, size_t *ret_n)
{
	_cleanup_free_ struct spectrum_peak *list = NULL;
	_cleanup_free_ struct window *windows = NULL;
	size_t n = 0;
	int r = find_windows(s, &windows, &n);

	list = calloc(n + 1, sizeof(*list));
	if (r < 0 || !list)
		return -ENOMEM;
	divide(s, windows, n);
	for (size_t i = 0; i < n; i++)
		list[i] = measure(s, &windows[i]);
	*ret = TAKE_PTR(list);
	*ret_n = n;
	return 0;
}
