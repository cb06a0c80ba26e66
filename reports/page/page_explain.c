/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Why a stack does not scale as it might, why its runs differ, why stacks differ: each split
 * exactly over the states of the books, as bars, sentences and tables. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/detail_words.h"
#include "reports/explain/explain.h"
#include "reports/page/page_internal.h"
#include "reports/text/format.h"

#define PARTS_SHOWN 12
#define NAMED_TERMS 4

/** A term below this share of the whole is no part of a sentence. */
#define WORTH_NAMING 0.01

/** Of serial phases. */
#define SERIAL_COLOR "#4a4a48"

static const char *cause_color(const struct term *t)
{
	return t->phase ? SERIAL_COLOR : term_info(t->state)->color;
}

/** Room for a cause's name; longer ones are cut. */
#define CAUSE_MAX 256

/** What a cause is called, into @ret: see explain.h. */
static const char *cause_name(const struct term *t, char ret[static CAUSE_MAX])
{
	const char *before = "", *name = t->state < 0 ? "all states" : state_label(t->state);

	if (t->phase) {
		before = "serial phase ";
		name = t->phase;
	} else if (t->state == STATE_USER) {
		name = "program";
	} else if (t->state == STATE_PREEMPTED && t->detail && *t->detail) {
		before = "preempted by ";
		name = t->detail;
	} else if (t->state == STATE_GUEST && t->detail && strcmp(t->detail, DETAIL_OTHER) == 0) {
		name = "guest kernel, no named subsystem";
	} else if (t->state == STATE_GUEST && t->detail && *t->detail) {
		before = "guest ";
		name = t->detail;
	}
	snprintf(ret, CAUSE_MAX, "%s%s", before, name);
	return ret;
}

static void write_cause(const struct term *t, FILE *out)
{
	char name[CAUSE_MAX];

	markup_text(out, cause_name(t, name));
}

/** How the terms of one explanation are written: seconds, points of efficiency, shares of σ². */
struct scale {
	double unit; /**< a term's value over it is what readers see */
	const char *name;
	int decimals;
};

static struct format_text scaled(const struct scale *scale, double value)
{
	struct format_text t;

	snprintf(t.text, sizeof(t.text), "%.*f", scale->decimals, value / scale->unit);
	return t;
}

/** " [4.0, 6.2]", or nothing. */
static struct format_text interval_text(const struct scale *scale, const struct interval *range)
{
	struct format_text t = {};

	if (isfinite(range->low) && isfinite(range->high))
		snprintf(t.text, sizeof(t.text), " [%.*f, %.*f]", scale->decimals,
			range->low / scale->unit, scale->decimals, range->high / scale->unit);
	return t;
}

/** ": blocked 5.1 [4.0, 6.2], preempted 2.2 [...]": the largest terms of the sign of the whole. */
static void write_largest(const struct terms *terms, const struct scale *scale, FILE *out)
{
	size_t n = 0;

	for (size_t i = 0; i < terms->n && n < NAMED_TERMS; i++) {
		const struct term *t = &terms->list[i];

		if (!(t->share >= WORTH_NAMING))
			continue;
		fputs(n++ ? ", " : ": ", out);
		write_cause(t, out);
		fprintf(out, " %s%s", scaled(scale, t->value).text,
			interval_text(scale, &t->range).text);
	}
}

/** Is a term a part of a bar that is @whole long? */
static bool is_drawn(const struct term *t, double whole)
{
	return t->value / whole > 0.0002;
}

static double sum_of_positive(const struct terms *terms)
{
	double sum = 0;

	for (size_t i = 0; i < terms->n; i++)
		sum += fmax(terms->list[i].value, 0);
	return sum;
}

static void write_part(const struct term *t, const struct scale *scale, double percent, FILE *out)
{
	char name[CAUSE_MAX], words[3 * FORMAT_MAX];
	struct format_text value = scaled(scale, t->value);

	snprintf(words, sizeof(words), "%s %s%s", value.text, scale->name,
		interval_text(scale, &t->range).text);
	page_bar_part(out,
		&(struct page_part){.name = cause_name(t, name),
			.number = value.text,
			.words = words,
			.color = cause_color(t)},
		percent);
}

/** What a bar is about. */
struct cause_bar {
	const char *name;
	const char *of; /**< the kind of its details, see page_detail_id() */
	size_t index;
	double kept;  /**< what comes before the terms, left of the ideal, in their unit */
	double whole; /**< the length of a full bar */
	const char *sum;
};

/**
 * The terms side by side; what makes things better than ideal cannot be a part of a bar and is in
 * the table alone.
 */
static void write_bar(const struct cause_bar *bar, const struct terms *terms,
	const struct scale *scale, FILE *out)
{
	page_bar_open(out, bar->name, bar->of, bar->index);
	if (bar->kept > 0)
		page_bar_part(out,
			&(struct page_part){.name = "efficiency",
				.number = bar->sum,
				.words = bar->sum,
				.class = "kept"},
			100 * bar->kept / bar->whole);
	for (size_t i = 0; i < terms->n; i++)
		if (is_drawn(&terms->list[i], bar->whole))
			write_part(&terms->list[i], scale, 100 * terms->list[i].value / bar->whole,
				out);
	page_bar_close(out, bar->sum);
}

/** Of the whole: its cause, or phase, state and detail; its size. */
static void write_term_row(const struct term *t, const struct scale *scale, bool cause, FILE *out)
{
	fputs("<tr>", out);
	if (cause) {
		fputs("<th scope=\"row\">", out);
		write_cause(t, out);
		fputs("</th>", out);
	} else {
		page_columns(term_columns, t, out);
	}
	fprintf(out, "<td class=\"n\">%s", scaled(scale, t->value).text);
	fprintf(out, " <small>%s</small></td><td class=\"n\">%s</td></tr>\n",
		interval_text(scale, &t->range).text,
		isfinite(t->share) ? format_percent(t->share, 1).text : "-");
}

/** The largest parts; the rest as one row, so that the column adds up. */
static void write_terms(const struct terms *terms, const struct scale *scale, const char *label,
	bool cause, FILE *out)
{
	char unit[64];
	const char *names[PAGE_COLUMNS_MAX] = {"cause"};
	size_t n = cause ? 1 : page_column_names(term_columns, names, 0);
	double rest = 0, share = 0;

	snprintf(unit, sizeof(unit), "#%s", scale->name);
	names[n++] = unit;
	names[n++] = "#% of all";
	page_table_open(out, label, label, names, n);
	for (size_t i = 0; i < terms->n; i++) {
		if (i < PARTS_SHOWN) {
			write_term_row(&terms->list[i], scale, cause, out);
		} else {
			rest += terms->list[i].value;
			share += terms->list[i].share;
		}
	}
	if (terms->n > PARTS_SHOWN)
		fprintf(out,
			"<tr><td class=\"nil\" colspan=\"%zu\">%zu more</td><td class=\"n\">%s</td>"
			"<td class=\"n\">%s</td></tr>\n",
			n - 2, terms->n - PARTS_SHOWN, scaled(scale, rest).text,
			isfinite(share) ? format_percent(share, 1).text : "-");
	page_table_close(out);
}

static void write_phases(const struct scaling *x, FILE *out)
{
	page_columns_open(out, "phases, serial and parallel", "Phases", phase_columns);
	page_rows(phase_columns, x->phase, x->n_phases, out);
	page_table_close(out);
}

/** Points of efficiency: shares of N·T(N), of which T(1) is the efficiency. */
static struct scale points_of(const struct scaling *x)
{
	return (struct scale){(double)x->many->cores * x->many->runtime_ns.mean / 100, "points", 1};
}

static void write_scaling_bar(const struct scaling *x, size_t index, FILE *out)
{
	struct scale scale = points_of(x);
	double kept = x->one->runtime_ns.mean;
	char sum[FORMAT_MAX];

	snprintf(sum, sizeof(sum), "%.1f %%", 100 * x->efficiency.value);
	write_bar(&(struct cause_bar){.name = x->many->name,
			  .of = "scaling",
			  .index = index,
			  .kept = kept,
			  .whole = kept + sum_of_positive(&x->causes),
			  .sum = sum},
		&x->causes, &scale, out);
}

/** Begin what a bar leads to. */
static void open_details(const char *of, size_t index, FILE *out)
{
	fputs("<details", out);
	page_detail_id(out, of, index);
	fputs("><summary>", out);
}

static void write_words(const struct verdict *words, FILE *out)
{
	if (!*words->text)
		return;
	fputs("<p class=\"words\">", out);
	markup_text(out, words->text);
	fputs("</p>\n", out);
}

static void write_scaling(const struct scaling *x, size_t index, FILE *out)
{
	struct scale scale = points_of(x);
	double lost = 100 * (1 - x->efficiency.value);
	struct verdict words = {};

	open_details("scaling", index, out);
	page_configuration_name(out, x->many);
	fprintf(out, "<span>%sspeed-up %.2f; ", x->weak ? "scaled " : "", x->speedup.value);
	if (lost > 0) {
		fprintf(out, "%.1f points of efficiency lost", lost);
		write_largest(&x->causes, &scale, out);
	} else {
		fprintf(out, "%.1f points of efficiency gained over one core", -lost);
	}
	fputs("</span></summary>\n", out);
	scaling_words(x, &words);
	write_words(&words, out);
	write_phases(x, out);
	write_terms(&x->causes, &scale, "Lost efficiency by cause", true, out);
	write_terms(&x->details, &scale, "Lost efficiency by phase, state and detail", false, out);
	fputs("</details>\n", out);
}

static void write_scalings(const struct explanation *e, FILE *out)
{
	if (e->n_scalings == 0)
		return;
	fputs("<h3>Why the speed-up is not ideal</h3>\n"
	      "<p class=\"lead\">N cores supply N × T(N) of CPU time; one core needed T(1). The "
	      "excess is lost efficiency. Each state has an exact share of it, in percentage "
	      "points: its time on N cores, summed over the lanes, minus its time on one core. "
	      "“Program” counts as a loss when the same work takes more CPU "
	      "time.",
		out);
	if (explanation_is_weak(e))
		fputs(" Here the work grows with the cores (<code>--weak</code>): one core would have needed N × "
		      "T(1), and its states count N times.",
			out);
	fputs("</p>\n<div class=\"bars\">\n", out);
	for (size_t i = 0; i < e->n_scalings; i++) {
		page_bar_group(out, e->scalings[i].many, i ? e->scalings[i - 1].many : NULL);
		write_scaling_bar(&e->scalings[i], i, out);
	}
	fputs("</div>\n", out);
	for (size_t i = 0; i < e->n_scalings; i++)
		write_scaling(&e->scalings[i], i, out);
}

static struct scale shares_of(double variance)
{
	return (struct scale){variance / 100, "% of variance", 1};
}

static bool has_variance(const struct spread *x)
{
	return x->variance > 0 && x->causes.n > 0 && isfinite(x->causes.list[0].share);
}

static void write_variance_bar(const struct spread *x, size_t index, FILE *out)
{
	struct scale scale = shares_of(x->variance);
	char sum[FORMAT_MAX + 8];

	snprintf(sum, sizeof(sum), "σ %s", format_time(sqrt(x->variance)).text);
	write_bar(&(struct cause_bar){.name = x->configuration->name,
			  .of = "variance",
			  .index = index,
			  .whole = sum_of_positive(&x->causes),
			  .sum = sum},
		&x->causes, &scale, out);
}

static void write_variance(const struct spread *x, size_t index, FILE *out)
{
	struct scale scale = shares_of(x->variance);
	struct verdict words = {};

	open_details("variance", index, out);
	page_configuration_name(out, x->configuration);
	fprintf(out, "<span>σ %s, %s %% of the mean; in %% of the variance",
		format_time(sqrt(x->variance)).text,
		format_percent(sqrt(x->variance), x->runtime.mean).text);
	write_largest(&x->causes, &scale, out);
	fputs("</span></summary>\n", out);
	spread_words(x, &words);
	write_words(&words, out);
	write_terms(&x->causes, &scale, "Variance by cause", true, out);
	write_terms(&x->details, &scale, "Variance by phase, state and detail", false, out);
	fputs("</details>\n", out);
}

static void write_variances(const struct explanation *e, FILE *out)
{
	const struct configuration *before = NULL;
	size_t n = 0;

	for (size_t i = 0; i < e->n_spreads; i++)
		n += has_variance(&e->spreads[i]);
	if (n == 0)
		return;
	fputs("<h3>Why runs of the same stack differ</h3>\n"
	      "<p class=\"lead\">The variance of run time is the sum of its covariances with the "
	      "time "
	      "in each state. A state that is short in long runs has a share below zero, which the "
	      "table shows and the bar cannot.</p>\n<div class=\"bars\">\n",
		out);
	for (size_t i = 0; i < e->n_spreads; i++) {
		if (!has_variance(&e->spreads[i]))
			continue;
		page_bar_group(out, e->spreads[i].configuration, before);
		write_variance_bar(&e->spreads[i], i, out);
		before = e->spreads[i].configuration;
	}
	fputs("</div>\n", out);
	for (size_t i = 0; i < e->n_spreads; i++)
		if (has_variance(&e->spreads[i]))
			write_variance(&e->spreads[i], i, out);
}

static const struct scale seconds = {1e9, "s", 3};

/** On one scale, so that the differences can be compared. */
static void write_contrast_bar(const struct contrast *x, double whole, size_t index, FILE *out)
{
	char name[CAUSE_MAX], sum[FORMAT_MAX + 8];

	snprintf(name, sizeof(name), "%.100s against %.100s", x->a->name, x->b->name);
	snprintf(sum, sizeof(sum), "+%s s", scaled(&seconds, x->runtime.difference.value).text);
	write_bar(
		&(struct cause_bar){
			.name = name, .of = "contrast", .index = index, .whole = whole, .sum = sum},
		&x->causes, &seconds, out);
}

static void write_contrast(const struct contrast *x, size_t index, FILE *out)
{
	struct verdict words = {};

	open_details("contrast", index, out);
	markup_text(out, x->a->name);
	fputs(" against ", out);
	markup_text(out, x->b->name);
	fputs(", ", out);
	page_cores(out, x->a->cores, x->a->scenario);
	fprintf(out, "<span>%s s longer%s", scaled(&seconds, x->runtime.difference.value).text,
		x->differs ? "" : " (which may be chance)");
	write_largest(&x->causes, &seconds, out);
	fputs("</span></summary>\n", out);
	contrast_words(x, &words);
	write_words(&words, out);
	write_terms(&x->causes, &seconds, "Difference by cause", true, out);
	write_terms(&x->details, &seconds, "Difference by phase, state and detail", false, out);
	fputs("</details>\n", out);
}

static void write_contrasts(const struct explanation *e, FILE *out)
{
	const struct configuration *before = NULL;
	double whole = 0;

	for (size_t i = 0; i < e->n_contrasts; i++)
		whole = fmax(whole, sum_of_positive(&e->contrasts[i].causes));
	if (!(whole > 0))
		return;
	fputs("<h3>Why stacks differ</h3>\n"
	      "<p class=\"lead\">The difference of mean run times is the sum of the differences of "
	      "the mean times in each state, in seconds of run time (mean of the lanes). All bars "
	      "have one scale; a state that takes less time on the slower stack is in the table "
	      "alone.</p>\n<div class=\"bars\">\n",
		out);
	for (size_t i = 0; i < e->n_contrasts; i++) {
		if (e->contrasts[i].causes.n == 0)
			continue;
		page_bar_group(out, e->contrasts[i].a, before);
		write_contrast_bar(&e->contrasts[i], whole, i, out);
		before = e->contrasts[i].a;
	}
	fputs("</div>\n", out);
	for (size_t i = 0; i < e->n_contrasts; i++)
		if (e->contrasts[i].causes.n > 0)
			write_contrast(&e->contrasts[i], i, out);
}

/** What bars have parts of. */
struct drawn {
	bool terms[TERM_COUNT];
	bool serial;
};

static void mark_drawn(const struct terms *terms, struct drawn *ret)
{
	double whole = sum_of_positive(terms);

	for (size_t i = 0; i < terms->n; i++) {
		const struct term *t = &terms->list[i];

		if (!(whole > 0) || !is_drawn(t, whole))
			continue;
		if (t->phase)
			ret->serial = true;
		else if (t->state >= 0)
			ret->terms[t->state] = true;
	}
}

static bool any_drawn(const struct drawn *drawn)
{
	for (unsigned i = 0; i < TERM_COUNT; i++)
		if (drawn->terms[i])
			return true;
	return drawn->serial;
}

/** The colours of the bars that follow, and no others. */
static void write_legend(const struct explanation *e, FILE *out)
{
	struct drawn drawn = {};

	for (size_t i = 0; i < e->n_scalings; i++)
		mark_drawn(&e->scalings[i].causes, &drawn);
	for (size_t i = 0; i < e->n_spreads; i++)
		if (has_variance(&e->spreads[i]))
			mark_drawn(&e->spreads[i].causes, &drawn);
	for (size_t i = 0; i < e->n_contrasts; i++)
		mark_drawn(&e->contrasts[i].causes, &drawn);
	if (!any_drawn(&drawn))
		return;
	fputs("<ul class=\"legend\">", out);
	page_state_legend(out, drawn.terms);
	if (drawn.serial)
		page_legend_entry(
			out, SERIAL_COLOR, "serial phase", "where one lane works at a time");
	for (int i = STATE_COUNT; i < TERM_COUNT; i++)
		if (drawn.terms[i])
			page_legend_entry(
				out, term_info(i)->color, state_label(i), term_info(i)->title);
	fputs("</ul>\n", out);
}

int page_explain(const struct page *page, FILE *out)
{
	const struct explanation *e = page->analysis->explanation;

	if (e->n_spreads == 0)
		return 0;
	write_legend(e, out);
	write_scalings(e, out);
	write_variances(e, out);
	write_contrasts(e, out);
	return 0;
}
