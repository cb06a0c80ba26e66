/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * How often the gate is right, and with the argument "history", the search for changes: power and false alarms, by simulation, as tables in Markdown for
 * docs/statistics.md and docs/ci.md. The tests are those of the report; the random numbers are the same in every run.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/statistics/change_points.h"
#include "reports/statistics/statistics.h"
#include "tests/reports/random_numbers.h"

enum { TURNS = 20000, RUNS_MAX = 16 };

#define SPREAD 0.02 /* of a single run, all shapes */
#define BOUND  0.02

/** One run of the @i-th of @n, with mean 1 and coefficient of variation SPREAD. */
typedef double (*shape_t)(size_t i, size_t n);

static double shape_normal(size_t i, size_t n)
{
	(void)i;
	(void)n;
	return 1 + SPREAD * normal();
}

/* Lognormal with σ 1 above a floor: skewness 6. */
static double shape_skewed(size_t i, size_t n)
{
	double mean = exp(0.5), deviation = sqrt((exp(1) - 1) * exp(1));

	(void)i;
	(void)n;
	return 1 + SPREAD * (exp(normal()) - mean) / deviation;
}

/* One run of four in the slower of two modes. */
static double shape_bimodal(size_t i, size_t n)
{
	double apart = SPREAD / sqrt(0.25 * 0.75) * 0.98, narrow = SPREAD * 0.199;

	(void)i;
	(void)n;
	return 1 + apart * ((uniform() < 0.25) - 0.25) + narrow * normal();
}

/* Half of the variance is a drift from the first run to the last, the same in both experiments. */
static double shape_drifting(size_t i, size_t n)
{
	double place = n > 1 ? (double)i / (double)(n - 1) - 0.5 : 0;

	return 1 + SPREAD * (sqrt(0.5 * 12) * place + sqrt(0.5) * normal());
}

static const struct shape {
	const char *name;
	shape_t run;
	double between; /* standard deviation of what a whole experiment is off by */
} shapes[] = {
	{"normal", shape_normal, 0},
	{"skewed (lognormal, σ = 1)", shape_skewed, 0},
	{"bimodal (1 of 4 is slower)", shape_bimodal, 0},
	{"drifting (half of the variance)", shape_drifting, 0},
	{"normal, experiments differ by σ = 0.5 %", shape_normal, 0.005},
	{"normal, experiments differ by σ = 1 %", shape_normal, 0.01},
};

static const double truths[] = {1, 1.02, 1.05};

static void fill(const struct shape *s, double mean, double *values, size_t n)
{
	mean *= 1 + s->between * normal();
	for (size_t i = 0; i < n; i++)
		values[i] = mean * s->run(i, n);
}

static void simulate(const struct shape *s, size_t n)
{
	printf("| %s | %zu |", s->name, n);
	for (size_t k = 0; k < ARRAY_SIZE(truths); k++) {
		size_t sides[3] = {};

		for (int turn = 0; turn < TURNS; turn++) {
			double a[RUNS_MAX], b[RUNS_MAX];
			struct comparison c;
			struct ratio_test test;

			fill(s, 1, a, n);
			fill(s, truths[k], b, n);
			if (compare(b, n, a, n, &c) < 0)
				exit(1);
			ratio_test(&c, 1 + BOUND, &test);
			sides[ratio_test_side(&test)]++;
		}
		printf(" %.1f / %.1f |", 100.0 * (double)sides[RATIO_ABOVE] / TURNS,
			100.0 * (double)sides[RATIO_BELOW] / TURNS);
	}
	putchar('\n');
}

static void table_of_runs(void)
{
	static const double spreads[] = {0.005, 0.01, 0.02, 0.03, 0.05};
	static const double bounds[] = {0.01, 0.02, 0.05, 0.1};

	printf("\n| CV of a run |");
	for (size_t k = 0; k < ARRAY_SIZE(bounds); k++)
		printf(" bound %g %% |", 100 * bounds[k]);
	printf("\n|---|");
	for (size_t k = 0; k < ARRAY_SIZE(bounds); k++)
		printf("---|");
	for (size_t i = 0; i < ARRAY_SIZE(spreads); i++) {
		printf("\n| %g %% |", 100 * spreads[i]);
		for (size_t k = 0; k < ARRAY_SIZE(bounds); k++)
			printf(" %zu |", runs_to_decide(spreads[i], spreads[i], bounds[k], 1));
	}
	putchar('\n');
}

/* A history: so many experiments of so many runs, and so many of them for each field. */
enum { EXPERIMENTS = 10, RUNS = 8, HISTORIES = 400 };

/* Where the level changes; EXPERIMENTS: nowhere. */
static const struct {
	const char *title;
	size_t at;
	double ratio;
} histories[] = {
	{"no change", EXPERIMENTS, 1},
	{"2 % at the sixth", 5, 1.02},
	{"2 % at the last", EXPERIMENTS - 1, 1.02},
	{"5 % at the last", EXPERIMENTS - 1, 1.05},
};

static double level_of(const double *values, size_t first, size_t last)
{
	double sum = 0;

	for (size_t i = first * RUNS; i < last * RUNS; i++)
		sum += values[i];
	return sum / (double)((last - first) * RUNS);
}

/** Is any of the changes at least as large as @least? */
static bool is_any_large(
	const double *values, const struct change_point *points, size_t n, double least)
{
	for (size_t i = 0; i < n; i++) {
		double before = level_of(values, i ? points[i - 1].at : 0, points[i].at);
		double after =
			level_of(values, points[i].at, i + 1 < n ? points[i + 1].at : EXPERIMENTS);

		if (fmax(after / before, before / after) - 1 >= least)
			return true;
	}
	return false;
}

/** Of a history with a change: how often just that is found; of one without: how often any is, and one of 2 % or more. */
static void simulate_history(const struct shape *s, size_t k)
{
	size_t sizes[EXPERIMENTS], found = 0, large = 0;

	for (int turn = 0; turn < HISTORIES; turn++) {
		double values[EXPERIMENTS * RUNS];
		struct change_point points[EXPERIMENTS];
		size_t n;

		for (size_t i = 0; i < EXPERIMENTS; i++) {
			sizes[i] = RUNS;
			fill(s, i < histories[k].at ? 1 : histories[k].ratio, values + i * RUNS,
				RUNS);
		}
		if (change_points_find(values, sizes, EXPERIMENTS, 0.05, points, &n) < 0)
			exit(1);
		found += histories[k].at == EXPERIMENTS ? n > 0
							: n == 1 && points[0].at == histories[k].at;
		large += is_any_large(values, points, n, 0.02);
	}
	printf(" %.1f", 100.0 * (double)found / HISTORIES);
	if (histories[k].at == EXPERIMENTS)
		printf(" / %.1f", 100.0 * (double)large / HISTORIES);
	printf(" |");
}

static void table_of_histories(void)
{
	printf("| run times (CV 2 %%) |");
	for (size_t k = 0; k < ARRAY_SIZE(histories); k++)
		printf(" %s |", histories[k].title);
	printf("\n|---|---|---|---|---|\n");
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		printf("| %s |", shapes[i].name);
		for (size_t k = 0; k < ARRAY_SIZE(histories); k++)
			simulate_history(&shapes[i], k);
		putchar('\n');
	}
}

int main(int argc, char **argv)
{
	static const size_t sizes[] = {4, 8, 16};

	if (argc > 1 && strcmp(argv[1], "history") == 0) {
		table_of_histories();
		return 0;
	}
	printf("| run times (CV 2 %%) | runs of each | B as A | B 2 %% slower | B 5 %% slower |\n"
	       "|---|---|---|---|---|\n");
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
		for (size_t k = 0; k < ARRAY_SIZE(sizes); k++)
			simulate(&shapes[i], sizes[k]);
	table_of_runs();
	return 0;
}
