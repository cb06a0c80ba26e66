/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of a reference and its findings: text, CSV, JSON. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/reference/reference_analysis.h"
#include "reports/text/columns.h"
#include "reports/text/json.h"
#include "reports/text/text.h"

#define FINDINGS_MAX 64

static json_t *seconds(const void *row)
{
	const struct reference_configuration *configuration = row;
	json_t *array = json_array();

	for (size_t i = 0; i < configuration->n; i++)
		json_array_append_new(array, json_real(configuration->seconds[i]));
	return array;
}

static const char *stack(const void *row)
{
	return ((const struct reference_result *)row)->configuration->stack;
}

static double cores(const void *row)
{
	return (double)((const struct reference_result *)row)->configuration->cores;
}

static struct format_text speedup(const void *row, enum look *look)
{
	(void)look;
	return format_estimate(&((const struct reference_result *)row)->speedup, 2);
}

static struct format_text efficiency(const void *row, enum look *look)
{
	(void)look;
	return format_estimate(&((const struct reference_result *)row)->efficiency, 1);
}

#define ROW struct reference_configuration
static const struct column configuration_columns[] = {
	TABLE,
	COL("stack", "stack", TEXT, stack),
	COL("scenario", "scenario", TEXT, scenario),
	COL("cores", "cores", NUMBER, cores),
	{"seconds", NULL, COLUMN_OWN, .own_json = seconds},
	{},
};
#undef ROW

#define ROW struct reference_result
static const struct column result_columns[] = {
	TABLE,
	COL("", "", POINTER, configuration, .of = configuration_columns),
	{.type = COLUMN_TEXT, .text = stack, SHOWN(1, "stack", 6, NULL)},
	{.type = COLUMN_NUMBER, .number = cores, SHOWN(2, "cores", 6, NULL)},
	COL(NULL, "runs", COUNT, time.n, SHOWN(3, "n", 4, NULL)),
	COL("mean_s", "mean_s", ESTIMATE, mean, SHOWN(4, "mean s", 8, NULL), .decimals = 2),
	COL(NULL, "mean_low_s", REAL, mean.range.low),
	COL(NULL, "mean_high_s", REAL, mean.range.high),
	COL("stddev_s", "stddev_s", REAL, time.stddev, SHOWN(5, "σ s", 7, NULL), .decimals = 2),
	COL("speedup", "speedup", ESTIMATE, speedup),
	COL(NULL, "speedup_low", REAL, speedup.range.low),
	COL(NULL, "speedup_high", REAL, speedup.range.high),
	COL("efficiency_percent", "efficiency_percent", ESTIMATE, efficiency),
	COL(NULL, "efficiency_low", REAL, efficiency.range.low),
	COL(NULL, "efficiency_high", REAL, efficiency.range.high),
	{.type = COLUMN_OWN, .own = speedup, SHOWN(6, "speed-up", 17, NULL)},
	{.type = COLUMN_OWN, .own = efficiency, SHOWN(7, "efficiency %", 17, NULL)},
	COL("drift_rho", "drift_rho", REAL, order.rho),
	COL("drift_p", "drift_p", REAL, drift_p),
	{},
};
#undef ROW

/** The kinds of claims that the table has beside the runs. */
static const enum claim_kind beside[] = {CLAIM_SPEEDUP, CLAIM_EFFICIENCY, CLAIM_STDDEV};

/** A configuration, and what the publication's text says of it. */
struct claimed {
	struct reference_result result;
	const char *texts[ARRAY_SIZE(beside)]; /**< NULL: nothing */
	bool disagrees[ARRAY_SIZE(beside)];
};

static struct format_text says(const struct claimed *c, size_t k, enum look *look)
{
	struct format_text shown = {""};

	if (c->texts[k])
		snprintf(shown.text, sizeof(shown.text), "%.50s%s", c->texts[k],
			c->disagrees[k] ? " !" : "");
	*look = c->disagrees[k] ? LOOK_ALARM : LOOK_PLAIN;
	return shown;
}

static struct format_text says_speedup(const void *row, enum look *look)
{
	return says(row, 0, look);
}

static struct format_text says_efficiency(const void *row, enum look *look)
{
	return says(row, 1, look);
}

static struct format_text says_stddev(const void *row, enum look *look)
{
	return says(row, 2, look);
}

#define ROW struct claimed
static const struct column claimed_columns[] = {
	TABLE,
	COL("", "", OBJECT, result, .of = result_columns, .place = 1),
	COL(NULL, "text_speedup", TEXT, texts[0]),
	COL(NULL, "text_efficiency_percent", TEXT, texts[1]),
	COL(NULL, "text_stddev_s", TEXT, texts[2]),
	{.type = COLUMN_OWN, .own = says_speedup, SHOWN(2, "said: ×", 8, NULL)},
	{.type = COLUMN_OWN, .own = says_efficiency, SHOWN(3, "said: %", 8, NULL)},
	{.type = COLUMN_OWN, .own = says_stddev, SHOWN(4, "said: σ", 8, NULL)},
	{},
};

static const struct column unclaimed_columns[] = {
	TABLE,
	COL("", "", OBJECT, result, .of = result_columns, .place = 1),
	{},
};
#undef ROW

static struct claimed claimed(const struct reference_analysis *a, size_t i)
{
	const struct reference_configuration *configuration = a->list[i].configuration;
	struct claimed row = {.result = a->list[i]};

	for (size_t k = 0; k < ARRAY_SIZE(beside); k++) {
		const struct reference_claim *claim = reference_claim(a->reference, beside[k],
			configuration->stack, configuration->scenario, configuration->cores);
		double value;

		row.texts[k] = claim ? claim->text : NULL;
		row.disagrees[k] = claim && claim_check(a, claim, &value) == CLAIM_DISAGREES;
	}
	return row;
}

/** The configurations from @first on that have its scenario; *@ret_next: the first of the next. */
static int write_scenario(
	const struct reference_analysis *a, size_t first, size_t *ret_next, FILE *out)
{
	const char *scenario = a->list[first].configuration->scenario;
	const bool claims = a->reference->n_claims > 0;
	_cleanup_free_ struct claimed *rows = calloc(a->n, sizeof(*rows));
	size_t n = 0;

	if (!rows)
		return -ENOMEM;
	for (; first + n < a->n && a->list[first + n].configuration->scenario == scenario; n++)
		rows[n] = claimed(a, first + n);
	*ret_next = first + n;
	fprintf(out, "\n%s\n", scenario);
	return columns_write(claims ? claimed_columns : unclaimed_columns, rows, n, out);
}

int reference_write_text(const struct reference_analysis *a, FILE *out)
{
	_cleanup_free_ struct verdict *findings = calloc(FINDINGS_MAX, sizeof(*findings));
	size_t runs = 0, n;
	int r = 0;

	if (!findings)
		return -ENOMEM;
	for (size_t i = 0; i < a->n; i++)
		runs += a->list[i].configuration->n;
	fprintf(out, "%s: %zu published runs\n", a->reference->name, runs);
	if (*a->reference->source)
		write_wrapped(out, " ", a->reference->source, SIZE_MAX);
	for (size_t i = 0; r == 0 && i < a->n;)
		r = write_scenario(a, i, &i, out);
	fputs("\nσ: standard deviation of a sample; (..): 95 % bootstrap interval", out);
	if (a->reference->n_claims > 0)
		fprintf(out,
			"\nsaid: speed-up, efficiency and σ in the publication's text; !: off by more "
			"than %.0f %%",
			100 * CLAIM_TOLERANCE);
	fputs("\n\n", out);
	n = reference_findings(a, findings, FINDINGS_MAX);
	for (size_t i = 0; i < n; i++)
		write_wrapped(out, findings[i].good ? " *" : " !", findings[i].text, SIZE_MAX);
	return r;
}

int reference_write_csv(const struct reference_analysis *a, FILE *out)
{
	columns_csv_names(claimed_columns, true, out);
	fputc('\n', out);
	for (size_t i = 0; i < a->n; i++) {
		const struct claimed row = claimed(a, i);

		columns_csv(claimed_columns, &row, true, out);
		fputc('\n', out);
	}
	return 0;
}

static json_t *claim_json(const struct reference_analysis *a, const struct reference_claim *claim)
{
	double value;
	enum claim_verdict verdict = claim_check(a, claim, &value);

	return json_pack("{s:s, s:s, s:I, s:I, s:s, s:f, s:o, s:o}", "stack", claim->stack,
		"scenario", claim->scenario, "cores_low", (json_int_t)claim->cores_low,
		"cores_high", (json_int_t)claim->cores_high, "what", claim_table[claim->kind].name,
		"value", claim->value, "runs_value", real(value), "agrees",
		verdict == CLAIM_UNCHECKED ? json_null() : json_boolean(verdict == CLAIM_AGREES));
}

int reference_make_json(const struct reference_analysis *a, json_t **ret)
{
	_cleanup_free_ struct verdict *findings = calloc(FINDINGS_MAX, sizeof(*findings));
	json_t *claims = json_array(), *list = json_array();
	json_t *document = json_object();
	size_t n = findings ? reference_findings(a, findings, FINDINGS_MAX) : 0;
	bool bad = !findings;

	for (size_t i = 0; i < a->reference->n_claims; i++)
		bad |= json_array_append_new(claims, claim_json(a, &a->reference->claims[i])) < 0;
	for (size_t i = 0; i < n; i++)
		bad |= json_array_append_new(list, json_pack("{s:b, s:s}", "good", findings[i].good,
							   "text", findings[i].text)) < 0;
	bad |= put(document, "reference", text(a->reference->name));
	bad |= put(document, "source", text(a->reference->source));
	bad |= put(document, "cells", columns_json_rows(result_columns, a->list, a->n));
	bad |= put(document, "claims", claims);
	bad |= put(document, "findings", list);
	document = finish(document, bad);
	if (!document)
		return -ENOMEM;
	*ret = document;
	return 0;
}
