/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Why a stack does not scale as it might, why its runs differ, why stacks differ: each split
 * exactly over the states of the books, as bars, sentences and tables. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/explain/explain.h"
#include "reports/page/page_internal.h"
#include "reports/text/format.h"

#define PARTS_SHOWN 12
#define NAMED_TERMS 4

/** A narrower part of a bar has no room for its name. */
#define NAME_PERCENT 14

/** A term below this share of the whole is no part of a sentence. */
#define WORTH_NAMING 0.01

/** Of serial phases; the residual has none. */
#define SERIAL_COLOR   "#4a4a48"
#define RESIDUAL_COLOR "#9a9a94"

static const char *cause_color(const struct term *t)
{
	return t->phase                    ? SERIAL_COLOR
	       : t->state == TERM_RESIDUAL ? RESIDUAL_COLOR
					   : state_table[t->state].color;
}

/** What a cause is called: see explain.h. */
static void write_cause(const struct term *t, FILE *out)
{
	if (t->phase) {
		fputs("serial phase ", out);
		markup_text(out, t->phase);
	} else if (t->state == STATE_USER) {
		fputs("program", out);
	} else if (t->state == STATE_PREEMPTED && t->detail && *t->detail) {
		fprintf(out, "%s by ", state_table[t->state].name);
		markup_text(out, t->detail);
	} else if (t->state == STATE_GUEST && t->detail && *t->detail) {
		fputs("guest ", out);
		markup_text(out, t->detail);
	} else {
		fputs(t->state < 0 ? "all states" : state_label(t->state), out);
	}
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

static void write_interval(const struct scale *scale, const struct interval *range, FILE *out)
{
	if (isfinite(range->low) && isfinite(range->high))
		fprintf(out, " [%s, %s]", scaled(scale, range->low).text,
			scaled(scale, range->high).text);
}

/** "blocked 5.1 [4.0, 6.2], preempted 2.2 [...]": the largest terms of the sign of the whole. */
static void write_largest(const struct terms *terms, const struct scale *scale, FILE *out)
{
	size_t n = 0;

	for (size_t i = 0; i < terms->n && n < NAMED_TERMS; i++) {
		const struct term *t = &terms->list[i];

		if (!(t->share >= WORTH_NAMING))
			continue;
		fputs(n++ ? ", " : "", out);
		write_cause(t, out);
		fprintf(out, " %s", scaled(scale, t->value).text);
		write_interval(scale, &t->range, out);
	}
}

static double sum_of_positive(const struct terms *terms)
{
	double sum = 0;

	for (size_t i = 0; i < terms->n; i++)
		sum += fmax(terms->list[i].value, 0);
	return sum;
}

static void write_segment(
	const struct term *t, const struct scale *scale, double from, double percent, FILE *out)
{
	fputs("<g><title>", out);
	write_cause(t, out);
	fprintf(out, ": %s %s", scaled(scale, t->value).text, scale->name);
	write_interval(scale, &t->range, out);
	fprintf(out, "</title><rect x=\"%.3f%%\" width=\"%.3f%%\" height=\"28\" fill=\"%s\"/>",
		from, percent, cause_color(t));
	if (percent > NAME_PERCENT) {
		fprintf(out, "<text x=\"%.3f%%\" y=\"18\" text-anchor=\"middle\" fill=\"%s\">",
			from + percent / 2, page_ink_on(cause_color(t)));
		write_cause(t, out);
		fputs("</text>", out);
	}
	fputs("</g>", out);
}

/**
 * The terms side by side; what makes things better than ideal cannot be a part of a bar and is in
 * the table alone. @kept: before them, what is left of the ideal, in the terms' unit; @whole: the
 * bar's whole length.
 */
static void write_bar(const char *name, const char *what, const struct terms *terms,
	const struct scale *scale, double kept, double whole, const char *sum, FILE *out)
{
	double from = 100 * kept / whole;

	fputs("<div class=\"bar\"><div class=\"name\">", out);
	markup_text(out, name);
	fprintf(out, "</div>\n<svg role=\"img\" aria-label=\"%s of ", what);
	markup_text(out, name);
	fputs(": ", out);
	write_largest(terms, scale, out);
	fputs("\">", out);
	if (kept > 0)
		fprintf(out,
			"<g><title>efficiency: %.1f %%</title><rect class=\"kept\" "
			"width=\"%.3f%%\" "
			"height=\"28\"/>%s</g>",
			from, from,
			from > 12 ? "<text class=\"kept-name\" x=\"8\" y=\"18\">efficiency</text>"
				  : "");
	for (size_t i = 0; i < terms->n; i++) {
		double percent = 100 * terms->list[i].value / whole;

		if (!(percent > 0.02))
			continue;
		write_segment(&terms->list[i], scale, from, percent, out);
		from += percent;
	}
	fprintf(out, "</svg>\n<div class=\"sum\">%s</div></div>\n", sum);
}

static void write_term_row(
	const struct term *t, const struct scale *scale, bool phase, bool detail, FILE *out)
{
	fputs("<tr>", out);
	if (phase) {
		fputs("<td>", out);
		markup_text(out, t->phase ? t->phase : "");
		fputs("</td>", out);
	}
	fputs(phase ? "<td>" : "<th scope=\"row\">", out);
	if (phase)
		fputs(t->state < 0 ? "all states" : state_label(t->state), out);
	else
		write_cause(t, out);
	fputs(phase ? "</td>" : "</th>", out);
	if (detail) {
		fputs("<td class=\"t\"><code class=\"name\">", out);
		markup_text(out, t->detail && *t->detail ? t->detail : "(all)");
		fputs("</code></td>", out);
	}
	fprintf(out, "<td class=\"n\">%s", scaled(scale, t->value).text);
	if (isfinite(t->range.low) && isfinite(t->range.high)) {
		fputs(" <small>", out);
		write_interval(scale, &t->range, out);
		fputs("</small>", out);
	}
	fprintf(out, "</td><td class=\"n\">%s</td></tr>\n",
		isfinite(t->share) ? format_percent(t->share, 1).text : "-");
}

/** The largest parts; the rest as one row, so that the column adds up. */
static void write_terms(const struct terms *terms, const struct scale *scale, const char *label,
	bool phase, bool detail, FILE *out)
{
	char unit[64];
	const char *names[5];
	size_t n = 0;
	double rest = 0, share = 0;

	snprintf(unit, sizeof(unit), "#%s", scale->name);
	if (phase)
		names[n++] = "phase";
	names[n++] = phase ? "state" : "cause";
	if (detail)
		names[n++] = "detail";
	names[n++] = unit;
	names[n++] = "#% of all";
	page_table_open(out, label, label, names, n);
	for (size_t i = 0; i < terms->n; i++) {
		if (i < PARTS_SHOWN) {
			write_term_row(&terms->list[i], scale, phase, detail, out);
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

static void write_estimate(const struct estimate *e, double unit, int decimals, FILE *out)
{
	const struct scale scale = {.unit = unit, .decimals = decimals};

	if (!isfinite(e->value)) {
		fputs("<td class=\"n\">-</td>", out);
		return;
	}
	fprintf(out, "<td class=\"n\">%s <small>", scaled(&scale, e->value).text);
	write_interval(&scale, &e->range, out);
	fputs("</small></td>", out);
}

static void write_phases(const struct scaling *x, FILE *out)
{
	static const char *const names[] = {
		"phase", "#on one core, s", "#on all, s", "#active lanes", "type", "#lost, s"};

	page_table_open(out, "phases, serial and parallel", "Phases", names, ARRAY_SIZE(names));
	for (size_t i = 0; i < x->n_phases; i++) {
		const struct phase_scaling *p = &x->phase[i];

		fputs("<tr><th scope=\"row\">", out);
		markup_text(out, p->name);
		fputs("</th>", out);
		write_estimate(&p->wall_one_ns, 1e9, 3, out);
		write_estimate(&p->wall_ns, 1e9, 3, out);
		if (isfinite(p->active))
			fprintf(out, "<td class=\"n\">%.2f</td><td>%s</td>", p->active,
				p->serial ? "serial" : "parallel");
		else
			fputs("<td class=\"n\">-</td><td></td>", out);
		write_estimate(&p->loss_ns, 1e9, 3, out);
		fputs("</tr>\n", out);
	}
	page_table_close(out);
}

/** Points of efficiency: shares of N·T(N), of which T(1) is the efficiency. */
static struct scale points_of(const struct scaling *x)
{
	return (struct scale){(double)x->many->cores * x->many->runtime_ns.mean / 100, "points", 1};
}

static void write_scaling_bar(const struct scaling *x, FILE *out)
{
	struct scale scale = points_of(x);
	double kept = x->one->runtime_ns.mean, whole = kept + sum_of_positive(&x->causes);
	char sum[64];

	snprintf(sum, sizeof(sum), "%.1f %%", 100 * x->efficiency.value);
	write_bar(x->many->name, "lost efficiency", &x->causes, &scale, kept, whole, sum, out);
}

static void write_words(const struct verdict *words, FILE *out)
{
	if (!*words->text)
		return;
	fputs("<p class=\"words\">", out);
	markup_text(out, words->text);
	fputs("</p>\n", out);
}

static void write_scaling(const struct scaling *x, FILE *out)
{
	struct scale scale = points_of(x);
	double lost = 100 * (1 - x->efficiency.value);
	struct verdict words = {};

	fputs("<details><summary>", out);
	page_cell_name(out, x->many);
	fprintf(out, "<span>speed-up %.2f; ", x->speedup.value);
	if (lost > 0) {
		fprintf(out, "%.1f points of efficiency lost: ", lost);
		write_largest(&x->causes, &scale, out);
	} else {
		fprintf(out, "%.1f points of efficiency gained over one core", -lost);
	}
	fputs("</span></summary>\n", out);
	scaling_words(x, &words);
	write_words(&words, out);
	write_phases(x, out);
	write_terms(&x->causes, &scale, "Lost efficiency by cause", false, false, out);
	write_terms(
		&x->details, &scale, "Lost efficiency by phase, state and detail", true, true, out);
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
	      "time.</p>\n<div class=\"bars\">\n",
		out);
	for (size_t i = 0; i < e->n_scalings; i++) {
		int64_t cores = e->scalings[i].many->cores;

		if (i == 0 || cores != e->scalings[i - 1].many->cores) {
			fputs("<div class=\"head\">", out);
			page_cores(out, cores, e->scalings[i].many->scenario);
			fputs("</div>\n", out);
		}
		write_scaling_bar(&e->scalings[i], out);
	}
	fputs("</div>\n", out);
	for (size_t i = 0; i < e->n_scalings; i++)
		write_scaling(&e->scalings[i], out);
}

static struct scale shares_of(double variance)
{
	return (struct scale){variance / 100, "% of variance", 1};
}

static bool has_variance(const struct spread *x)
{
	return x->variance > 0 && x->causes.n > 0 && isfinite(x->causes.list[0].share);
}

static void write_variance_bar(const struct spread *x, FILE *out)
{
	struct scale scale = shares_of(x->variance);
	char sum[FORMAT_MAX + 8];

	snprintf(sum, sizeof(sum), "σ %s", format_time(sqrt(x->variance)).text);
	write_bar(x->cell->name, "variance", &x->causes, &scale, 0, sum_of_positive(&x->causes),
		sum, out);
}

static void write_variance(const struct spread *x, FILE *out)
{
	struct scale scale = shares_of(x->variance);
	struct verdict words = {};

	fputs("<details><summary>", out);
	page_cell_name(out, x->cell);
	fprintf(out, "<span>σ %s, %s %% of the mean; in %% of the variance: ",
		format_time(sqrt(x->variance)).text,
		format_percent(sqrt(x->variance), x->runtime.mean).text);
	write_largest(&x->causes, &scale, out);
	fputs("</span></summary>\n", out);
	spread_words(x, &words);
	write_words(&words, out);
	write_terms(&x->causes, &scale, "Variance by cause", false, false, out);
	write_terms(&x->details, &scale, "Variance by phase, state and detail", true, true, out);
	fputs("</details>\n", out);
}

static void write_variances(const struct explanation *e, FILE *out)
{
	size_t n = 0;
	int64_t cores = -1;

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
		if (e->spreads[i].cell->cores != cores) {
			cores = e->spreads[i].cell->cores;
			fputs("<div class=\"head\">", out);
			page_cores(out, cores, e->spreads[i].cell->scenario);
			fputs("</div>\n", out);
		}
		write_variance_bar(&e->spreads[i], out);
	}
	fputs("</div>\n", out);
	for (size_t i = 0; i < e->n_spreads; i++)
		if (has_variance(&e->spreads[i]))
			write_variance(&e->spreads[i], out);
}

static void write_contrast(const struct contrast *x, FILE *out)
{
	static const struct scale seconds = {1e9, "s", 3};
	struct verdict words = {};

	fputs("<details><summary>", out);
	markup_text(out, x->a->name);
	fputs(" against ", out);
	markup_text(out, x->b->name);
	fputs(", ", out);
	page_cores(out, x->a->cores, x->a->scenario);
	fprintf(out, "<span>%s s longer%s: ", scaled(&seconds, x->runtime.difference).text,
		x->differs ? "" : " (which may be chance)");
	write_largest(&x->causes, &seconds, out);
	fputs("</span></summary>\n", out);
	contrast_words(x, &words);
	write_words(&words, out);
	write_terms(&x->causes, &seconds, "Difference by cause", false, false, out);
	write_terms(
		&x->details, &seconds, "Difference by phase, state and detail", true, true, out);
	fputs("</details>\n", out);
}

static void write_contrasts(const struct explanation *e, FILE *out)
{
	size_t n = 0;

	for (size_t i = 0; i < e->n_contrasts; i++)
		n += e->contrasts[i].causes.n > 0;
	if (n == 0)
		return;
	fputs("<h3>Why stacks differ</h3>\n"
	      "<p class=\"lead\">The difference of mean run times is the sum of the differences of "
	      "the mean times in each state, in seconds of run time (mean of the lanes).</p>\n",
		out);
	for (size_t i = 0; i < e->n_contrasts; i++)
		if (e->contrasts[i].causes.n > 0)
			write_contrast(&e->contrasts[i], out);
}

int page_explain(const struct page *page, FILE *out)
{
	const struct explanation *e = page->analysis->explanation;

	if (e->n_spreads == 0)
		return 0;
	page_state_legend(e->summary,
		"<li><svg viewBox=\"0 0 14 14\" aria-hidden=\"true\"><rect x=\".5\" "
		"y=\".5\" width=\"13\" height=\"13\" fill=\"" SERIAL_COLOR
		"\"/></svg>serial phase <small>where one lane works at a time</small></li>\n",
		out);
	write_scalings(e, out);
	write_variances(e, out);
	write_contrasts(e, out);
	return 0;
}
