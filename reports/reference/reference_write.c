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
#define WIDTH        100

/** The kinds of claims that the table has beside the runs. */
static const enum claim_kind beside[] = {CLAIM_SPEEDUP, CLAIM_EFFICIENCY, CLAIM_STDDEV};

/** What the text says of a configuration, with a mark where the runs disagree; empty: nothing. */
static const char *claimed(const struct reference_analysis *a,
	const struct reference_result *result, enum claim_kind kind, char mark)
{
	static _Thread_local char text[80];
	const struct reference_configuration *configuration = result->configuration;
	const struct reference_claim *claim = reference_claim(a->reference, kind,
		configuration->stack, configuration->scenario, configuration->cores);
	double value;

	*text = '\0';
	if (!claim)
		return text;
	snprintf(text, sizeof(text), "%.60s", claim->text);
	if (mark && claim_check(a, claim, &value) == CLAIM_DISAGREES)
		snprintf(text, sizeof(text), "%.60s %c", claim->text, mark);
	return text;
}

static void write_estimate(const struct estimate *e, int decimals, FILE *out)
{
	char text[80] = "-";

	if (isfinite(e->range.low))
		snprintf(text, sizeof(text), "%.*f (%.*f-%.*f)", decimals, e->value, decimals,
			e->range.low, decimals, e->range.high);
	else if (isfinite(e->value))
		snprintf(text, sizeof(text), "%.*f", decimals, e->value);
	fprintf(out, "%18s", text);
}

static void write_padded(const char *text, int width, FILE *out)
{
	fputs(text, out);
	for (int n = (int)text_width(text); n < width; n++)
		fputc(' ', out);
}

static int stack_width(const struct reference *reference)
{
	int width = 5;

	for (size_t i = 0; i < reference->n_configurations; i++) {
		int n = (int)text_width(reference->configurations[i].stack);

		width = n > width ? n : width;
	}
	return width > 24 ? 24 : width;
}

static void write_row(
	const struct reference_analysis *a, const struct reference_result *r, int width, FILE *out)
{
	write_padded(r->configuration->stack, width, out);
	fprintf(out, "%6lld%4zu%9.2f", (long long)r->configuration->cores, r->time.n, r->time.mean);
	if (isfinite(r->time.stddev))
		fprintf(out, "%8.2f", r->time.stddev);
	else
		fprintf(out, "%8s", "-");
	write_estimate(&r->speedup, 2, out);
	write_estimate(&r->efficiency, 1, out);
	for (size_t k = 0; a->reference->n_claims > 0 && k < ARRAY_SIZE(beside); k++)
		fprintf(out, "%9s", claimed(a, r, beside[k], '!'));
	fputc('\n', out);
}

static void write_head(const struct reference_analysis *a, int width, FILE *out)
{
	write_padded("", width, out);
	fprintf(out, "%6s%4s%9s%8s%18s%18s", "", "", "", "", "", "");
	if (a->reference->n_claims > 0)
		fputs("   the text says", out);
	fputc('\n', out);
	write_padded("stack", width, out);
	/* σ is two bytes and one column. */
	fprintf(out, "%6s%4s%9s%9s%18s%18s", "cores", "n", "mean s", "σ s", "speed-up",
		"efficiency %");
	if (a->reference->n_claims > 0)
		fprintf(out, "%9s%9s%10s", "speed-up", "eff. %", "σ s");
	fputc('\n', out);
}

/** Write @text in lines of WIDTH columns, each begun by two spaces, the first by @mark. */
static void write_wrapped(const char *mark, const char *text, FILE *out)
{
	size_t column = 2;

	fputs(mark, out);
	while (*text) {
		size_t n = strcspn(text, " ");
		_cleanup_free_ char *word = strndup(text, n);

		if (word && column > 2 && column + 1 + text_width(word) > WIDTH) {
			fputs("\n  ", out);
			column = 2;
		} else if (column > 2) {
			fputc(' ', out);
			column++;
		}
		fputs(word ? word : "", out);
		column += word ? text_width(word) : 0;
		text += n + strspn(text + n, " ");
	}
	fputc('\n', out);
}

int reference_write_text(const struct reference_analysis *a, FILE *out)
{
	_cleanup_free_ struct verdict *findings = calloc(FINDINGS_MAX, sizeof(*findings));
	const int width = stack_width(a->reference);
	size_t runs = 0, n;

	if (!findings)
		return -ENOMEM;
	for (size_t i = 0; i < a->n; i++)
		runs += a->list[i].configuration->n;
	fprintf(out, "%s: %zu published runs\n", a->reference->name, runs);
	if (*a->reference->source)
		write_wrapped("  ", a->reference->source, out);
	for (size_t i = 0; i < a->n; i++) {
		const struct reference_result *r = &a->list[i];

		if (i == 0 ||
			r->configuration->scenario != a->list[i - 1].configuration->scenario) {
			fprintf(out, "\n%s\n", r->configuration->scenario);
			write_head(a, width, out);
		}
		write_row(a, r, width, out);
	}
	fputs("\nσ: standard deviation of a sample; (..): 95 % bootstrap interval", out);
	if (a->reference->n_claims > 0)
		fprintf(out, "; !: off by more than %.0f %%", 100 * CLAIM_TOLERANCE);
	fputs("\n\n", out);
	n = reference_findings(a, findings, FINDINGS_MAX);
	for (size_t i = 0; i < n; i++)
		write_wrapped(findings[i].good ? "  " : "! ", findings[i].text, out);
	return 0;
}

static json_t *seconds(const void *row)
{
	const struct reference_configuration *configuration = row;
	json_t *array = json_array();

	for (size_t i = 0; i < configuration->n; i++)
		json_array_append_new(array, json_real(configuration->seconds[i]));
	return array;
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
	COL(NULL, "runs", COUNT, time.n),
	COL("mean_s", "mean_s", ESTIMATE, mean),
	COL(NULL, "mean_low_s", REAL, mean.range.low),
	COL(NULL, "mean_high_s", REAL, mean.range.high),
	COL("stddev_s", "stddev_s", REAL, time.stddev),
	COL("speedup", "speedup", ESTIMATE, speedup),
	COL(NULL, "speedup_low", REAL, speedup.range.low),
	COL(NULL, "speedup_high", REAL, speedup.range.high),
	COL("efficiency_percent", "efficiency_percent", ESTIMATE, efficiency),
	COL(NULL, "efficiency_low", REAL, efficiency.range.low),
	COL(NULL, "efficiency_high", REAL, efficiency.range.high),
	COL("drift_rho", "drift_rho", REAL, order.rho),
	COL("drift_p", "drift_p", REAL, drift_p),
	{},
};
#undef ROW

int reference_write_csv(const struct reference_analysis *a, FILE *out)
{
	columns_csv_names(result_columns, true, out);
	fputs(",text_speedup,text_efficiency_percent,text_stddev_s\n", out);
	for (size_t i = 0; i < a->n; i++) {
		const struct reference_result *r = &a->list[i];

		columns_csv(result_columns, r, true, out);
		for (size_t k = 0; k < ARRAY_SIZE(beside); k++)
			fprintf(out, ",%s", claimed(a, r, beside[k], '\0'));
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
