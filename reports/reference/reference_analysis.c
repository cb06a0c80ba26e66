/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/reference/reference_analysis.h"
#include "reports/text/format.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

/** Runs that are far from the others are worth a word if it is by more than this share. */
#define STRAY_SHARE 0.05

/** Chance below which a trend is called one. */
#define DRIFT_P 0.05

static int count_outliers(struct reference_result *result)
{
	const struct reference_configuration *configuration = result->configuration;
	int r;

	result->outlier = calloc(configuration->n, sizeof(*result->outlier));
	if (!result->outlier)
		return -ENOMEM;
	r = find_outliers(configuration->seconds, configuration->n, result->outlier);
	for (size_t i = 0; i < configuration->n; i++) {
		result->outlier[i] &=
			fabs(configuration->seconds[i] / result->time.median - 1) > STRAY_SHARE;
		result->n_outliers += result->outlier[i];
	}
	return r < 0 ? r : 0;
}

static int analyse_scaling(const struct reference *reference, struct reference_result *result)
{
	const struct reference_configuration *configuration = result->configuration;
	const struct reference_configuration *one = reference_configuration(
		reference, configuration->stack, configuration->scenario, 1);
	const double percent = 100.0 / (double)configuration->cores;
	struct comparison c;
	int r;

	result->speedup = result->efficiency = (struct estimate){NAN, {NAN, NAN}};
	if (!one)
		return 0;
	if (one == configuration) {
		result->speedup.value = 1;
		result->efficiency.value = 100;
		return 0;
	}
	r = compare(one->seconds, one->n, configuration->seconds, configuration->n, &c);
	if (r < 0)
		return r;
	result->speedup = (struct estimate){c.ratio.value, c.ratio.range};
	result->efficiency = (struct estimate){c.ratio.value * percent,
		{c.ratio.range.low * percent, c.ratio.range.high * percent}};
	return 0;
}

int reference_analyse(const struct reference *reference, struct reference_analysis **ret)
{
	_cleanup_reference_analysis_ struct reference_analysis *a = calloc(1, sizeof(*a));
	_cleanup_free_ double *p = calloc(reference->n_configurations + 1, sizeof(*p));
	int r = 0;

	if (a)
		a->list = calloc(reference->n_configurations + 1, sizeof(*a->list));
	if (!a || !a->list || !p)
		return -ENOMEM;
	a->reference = reference;
	for (size_t i = 0; i < reference->n_configurations; i++) {
		struct reference_result *result = &a->list[a->n++];
		const struct reference_configuration *configuration = &reference->configurations[i];

		result->configuration = configuration;
		r = describe(configuration->seconds, configuration->n, &result->time);
		result->mean = (struct estimate){result->time.mean, result->time.mean_interval};
		if (r >= 0)
			r = analyse_scaling(reference, result);
		if (r >= 0)
			r = find_order_effects(
				configuration->seconds, configuration->n, &result->order);
		if (r >= 0)
			r = count_outliers(result);
		if (r < 0)
			return r;
		p[i] = result->order.rho_p;
	}
	r = holm(p, a->n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < a->n; i++)
		a->list[i].drift_p = p[i];
	*ret = TAKE_PTR(a);
	return 0;
}

void reference_analysis_free(struct reference_analysis *a)
{
	if (!a)
		return;
	for (size_t i = 0; a->list && i < a->n; i++)
		free(a->list[i].outlier);
	free(a->list);
	free(a);
}

static double value_of(const struct reference_result *result, enum claim_kind kind)
{
	const double values[CLAIM_COUNT] = {
		[CLAIM_SPEEDUP] = result->speedup.value,
		[CLAIM_EFFICIENCY] = result->efficiency.value,
		[CLAIM_STDDEV] = result->time.stddev,
		[CLAIM_BOOT] = NAN,
		[CLAIM_MEAN] = result->time.mean,
	};

	return values[kind];
}

static bool is_about(
	const struct reference_claim *claim, const struct reference_configuration *configuration)
{
	return claim->stack == configuration->stack && claim->scenario == configuration->scenario &&
	       configuration->cores >= claim->cores_low &&
	       configuration->cores <= claim->cores_high;
}

static bool agree(double claimed, double rounding, double value)
{
	return fabs(claimed - value) <= rounding + CLAIM_TOLERANCE * fabs(value);
}

enum claim_verdict claim_check(
	const struct reference_analysis *a, const struct reference_claim *claim, double *ret_value)
{
	double low = INFINITY, high = -INFINITY, nearest;

	*ret_value = NAN;
	for (size_t i = 0; i < a->n; i++) {
		double value = value_of(&a->list[i], claim->kind);

		if (!is_about(claim, a->list[i].configuration) || isnan(value))
			continue;
		low = fmin(low, value);
		high = fmax(high, value);
	}
	if (low > high)
		return CLAIM_UNCHECKED;
	nearest = claim->value < (low + high) / 2 ? low : high;
	*ret_value = nearest;
	if (claim->value >= low && claim->value <= high)
		return CLAIM_AGREES;
	return agree(claim->value, claim->rounding, nearest) ? CLAIM_AGREES : CLAIM_DISAGREES;
}

struct findings {
	struct verdict *list;
	size_t n, max;
};

__attribute__((format(printf, 3, 4))) static void find(
	struct findings *f, bool good, const char *format, ...)
{
	va_list ap;

	if (f->n == f->max)
		return;
	f->list[f->n].good = good;
	va_start(ap, format);
	vsnprintf(f->list[f->n].text, sizeof(f->list[f->n].text), format, ap);
	va_end(ap);
	f->n++;
}

/** "docker on 8 cores in paper-1" */
static void name_place(
	const char *stack, const char *scenario, int64_t low, int64_t high, char *ret, size_t size)
{
	char cores[48];

	if (low == high)
		snprintf(cores, sizeof(cores), "%lld %s", (long long)low, cores_word(low, ""));
	else
		snprintf(cores, sizeof(cores), "%lld to %lld cores", (long long)low,
			(long long)high);
	snprintf(
		ret, size, "%.100s on %s%s%.100s", stack, cores, *scenario ? " in " : "", scenario);
}

/**
 * Speed-up and efficiency say the same thing twice. Where one of them disagrees with the runs: does
 * the text's other one fit them?
 */
static void judge_by_twin(const struct reference_analysis *a, const struct reference_claim *claim,
	char *ret, size_t size)
{
	const bool speedup = claim->kind == CLAIM_SPEEDUP;
	const double cores = (double)claim->cores_low;
	const struct reference_claim *twin;
	double value, implied;

	*ret = '\0';
	if (claim->kind != CLAIM_SPEEDUP && claim->kind != CLAIM_EFFICIENCY)
		return;
	twin = reference_claim(a->reference, speedup ? CLAIM_EFFICIENCY : CLAIM_SPEEDUP,
		claim->stack, claim->scenario, claim->cores_low);
	if (!twin || claim->cores_low != claim->cores_high)
		return;
	implied = speedup ? twin->value * cores / 100 : twin->value * 100 / cores;
	snprintf(ret, size, "; the text's own %s of %s%s means %.2f%s, which %s",
		claim_table[twin->kind].title, twin->text, claim_table[twin->kind].unit, implied,
		claim_table[claim->kind].unit,
		claim_check(a, twin, &value) == CLAIM_AGREES ? "fits the runs"
							     : "does not fit either");
}

static void find_disagreements(const struct reference_analysis *a, struct findings *f)
{
	for (size_t i = 0; i < a->reference->n_claims; i++) {
		const struct reference_claim *claim = &a->reference->claims[i];
		const struct claim_info *info = &claim_table[claim->kind];
		char place[320], twin[160];
		double value;

		if (claim_check(a, claim, &value) != CLAIM_DISAGREES)
			continue;
		name_place(claim->stack, claim->scenario, claim->cores_low, claim->cores_high,
			place, sizeof(place));
		judge_by_twin(a, claim, twin, sizeof(twin));
		find(f, false,
			"%s: the text says %s %s%s, the runs give %.*f%s (the text is %+.0f %%)%s",
			place, info->title, claim->text, info->unit, info->decimals, value,
			info->unit, 100 * (claim->value / value - 1), twin);
	}
}

static void count_claims(const struct reference_analysis *a, struct findings *f)
{
	size_t counts[CLAIM_DISAGREES + 1] = {};

	if (a->reference->n_claims == 0)
		return;
	for (size_t i = 0; i < a->reference->n_claims; i++) {
		double value;

		counts[claim_check(a, &a->reference->claims[i], &value)]++;
	}
	find(f, counts[CLAIM_DISAGREES] == 0,
		"Of %zu numbers in the text %zu agree with the runs within %.0f %%, %zu do not; "
		"%zu "
		"cannot be checked, since their runs are not published",
		a->reference->n_claims, counts[CLAIM_AGREES], 100 * CLAIM_TOLERANCE,
		counts[CLAIM_DISAGREES], counts[CLAIM_UNCHECKED]);
}

static void find_drifts(const struct reference_analysis *a, struct findings *f)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct reference_result *result = &a->list[i];
		const struct reference_configuration *configuration = result->configuration;
		char place[320];

		if (!(result->drift_p < DRIFT_P))
			continue;
		name_place(configuration->stack, configuration->scenario, configuration->cores,
			configuration->cores, place, sizeof(place));
		find(f, false,
			"%s: run times %s in order of execution, from %.1f s to %.1f s (rank "
			"correlation %.2f, p = %.2g, corrected for %zu configurations), so mean and "
			"deviation "
			"hang on when it was measured",
			place, result->order.rho > 0 ? "rise" : "fall", configuration->seconds[0],
			configuration->seconds[configuration->n - 1], result->order.rho,
			result->drift_p, a->n);
	}
}

static void find_strays(const struct reference_analysis *a, struct findings *f)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct reference_result *result = &a->list[i];
		const struct reference_configuration *configuration = result->configuration;
		char place[320], list[160] = "";

		if (result->n_outliers == 0)
			continue;
		name_place(configuration->stack, configuration->scenario, configuration->cores,
			configuration->cores, place, sizeof(place));
		for (size_t k = 0; k < configuration->n; k++) {
			size_t used = strlen(list);

			if (result->outlier[k])
				snprintf(list + used, sizeof(list) - used, "%s%.1f s",
					used ? ", " : "", configuration->seconds[k]);
		}
		find(f, false,
			"%s: %zu of %zu runs %s far from the others, whose median is %.1f s: %s",
			place, result->n_outliers, configuration->n,
			result->n_outliers == 1 ? "is" : "are", result->time.median, list);
	}
}

size_t reference_findings(const struct reference_analysis *a, struct verdict *ret, size_t max)
{
	struct findings f = {.list = ret, .max = max};

	count_claims(a, &f);
	find_disagreements(a, &f);
	find_drifts(a, &f);
	find_strays(a, &f);
	return f.n;
}
