/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Promises of reports/statistics/spectrum.h: what is periodic is found at its frequency, and chance makes no peaks. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "reports/statistics/spectrum.h"
#include "tests/reports/random_numbers.h"

enum { N = 5000, SERIES = 4, SEEDS = 100 };

/* Noise of machines: mostly nothing, now and then much. */
static double spikes(void)
{
	return uniform() < 0.02 ? 100 / (0.05 + uniform()) : 0.5 * uniform();
}

/* As fill() says it, the peaks of @series series. */
static size_t peaks_of(
	size_t series, void (*fill)(double *values, size_t n), struct spectrum_peak **ret)
{
	static double values[N];
	struct spectrum s;
	size_t n;

	assert_int_equal(spectrum_segment(N), 2048);
	assert_int_equal(spectrum_begin(spectrum_segment(N), &s), 0);
	for (size_t i = 0; i < series; i++) {
		fill(values, N);
		assert_int_equal(spectrum_add(&s, values, N), 0);
	}
	assert_int_equal(spectrum_finish(&s), 0);
	assert_int_equal(spectrum_peaks(&s, ret, &n), 0);
	spectrum_clear(&s);
	return n;
}

static void white(double *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		values[i] = normal();
}

static void rare(double *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		values[i] = spikes();
}

/* One series in which a tenth is a hundred times as loud. */
static void uneven(double *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		values[i] = normal() * (i < n / 10 ? 100 : 1);
}

/* A walk that is pulled back: its power falls with frequency. */
static void red(double *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		values[i] = (i ? 0.9 * values[i - 1] : 0) + normal();
}

static void noise_without_a_period_has_no_peak(void **unused)
{
	static const struct {
		const char *name;
		void (*fill)(double *values, size_t n);
	} kinds[] = {{"white", white}, {"rare spikes", rare}, {"uneven", uneven}, {"red", red}};

	(void)unused;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		for (size_t series = 1; series <= SERIES; series += SERIES - 1) {
			int clean = 0;

			for (int seed = 1; seed <= SEEDS; seed++) {
				struct spectrum_peak *peaks;

				random_state = (uint64_t)seed * 7919;
				clean += peaks_of(series, kinds[k].fill, &peaks) == 0;
				free(peaks);
			}
			print_message("%s, %zu series: no peak in %d of %d seeds\n", kinds[k].name,
				series, clean, SEEDS);
			assert_true(clean >= 95);
		}
}

static double period;

/* Each @period steps one value is larger: what a timer's tick or a sleeping competitor does. */
static void periodic(double *values, size_t n)
{
	rare(values, n);
	for (double at = uniform() * period; at < (double)n; at += period)
		values[(size_t)at] += 600;
}

/* How far @bin is from the nearest multiple of 1 / period, of which those above half the sampling rate show below it;
 * *ret: which. */
static double away_from(double bin, int *ret)
{
	double least = INFINITY;

	for (int k = 1; k <= 100; k++) {
		double folded = fabs(k / period - nearbyint(k / period)) * 2048;

		if (fabs(folded - bin) >= least - 1e-6)
			continue;
		least = fabs(folded - bin);
		*ret = k;
	}
	return least;
}

static void a_period_is_found_with_its_frequency_and_harmonics(void **unused)
{
	static const double periods[] = {4, 7.3, 25, 97.7};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(periods); i++) {
		struct spectrum_peak *peaks;
		size_t n, found = 0;
		int harmonic = 0;

		random_state = i + 1;
		period = periods[i];
		n = peaks_of(SERIES, periodic, &peaks);
		for (size_t k = 0; k < n; k++) {
			double away = away_from(peaks[k].bin, &harmonic);

			if (away > 0.5)
				fail_msg("period %g: a peak at bin %g, %g off", period,
					peaks[k].bin, away);
			found += harmonic == 1;
		}
		assert_int_equal(found, 1);
		print_message("period %g: %zu peaks, the first has %.1f %% of the variance\n",
			period, n, 100 * peaks[0].share);
		free(peaks);
	}
}

static void equal(double *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		values[i] = 5;
}

static void what_does_not_vary_has_no_peak_and_few_values_no_spectrum(void **unused)
{
	struct spectrum_peak *peaks;

	(void)unused;
	assert_int_equal(peaks_of(2, equal, &peaks), 0);
	free(peaks);
	assert_int_equal(peaks_of(0, equal, &peaks), 0);
	free(peaks);
	assert_int_equal(spectrum_segment(511), 0);
	assert_int_equal(spectrum_segment(512), 256);
	assert_int_equal(spectrum_segment(65536), 4096);
}

/* A sine of amplitude 2 in noise of variance 1 has 2 / 3 of the variance. */
static void sine(double *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		values[i] = normal() + 2 * sin(2 * M_PI * 0.1234 * (double)i);
}

static void a_peaks_share_is_its_part_of_the_variance(void **unused)
{
	struct spectrum_peak *peaks;

	(void)unused;
	random_state = 3;
	assert_int_equal(peaks_of(SERIES, sine, &peaks), 1);
	assert_true(fabs(peaks[0].share - 2 / 3.) < 0.02);
	assert_true(fabs(peaks[0].bin - 0.1234 * 2048) < 0.1);
	free(peaks);
}

static void neighbouring_peaks_share_no_bin(void **unused)
{
	_cleanup_free_ struct spectrum_peak *peaks = NULL;
	struct spectrum s;
	size_t n;

	(void)unused;
	assert_int_equal(spectrum_begin(SPECTRUM_SEGMENT_MIN, &s), 0);
	s.segments = 1;
	for (size_t k = 1; k < s.n; k++) {
		s.power[k] = k == 20 || k == 23 ? 100 : k == 21 || k == 22 ? 11 : 1;
		s.background[k] = 1;
		s.ratio[k] = 20;
	}
	assert_int_equal(spectrum_peaks(&s, &peaks, &n), 0);
	assert_int_equal(n, 2);
	/* 99 and half of what is between them, each. */
	for (size_t i = 0; i < n; i++) {
		assert_true(fabs(peaks[i].share - (99 + 10) / (200 + 22 + (double)s.n - 5)) < 1e-9);
		assert_true(fabs(peaks[i].bin - (i ? 23 - 10 / 109. : 20 + 10 / 109.)) < 1e-9);
	}
	spectrum_clear(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(noise_without_a_period_has_no_peak),
		cmocka_unit_test(a_period_is_found_with_its_frequency_and_harmonics),
		cmocka_unit_test(what_does_not_vary_has_no_peak_and_few_values_no_spectrum),
		cmocka_unit_test(a_peaks_share_is_its_part_of_the_variance),
		cmocka_unit_test(neighbouring_peaks_share_no_bin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
