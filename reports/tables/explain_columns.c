/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/tables/columns.h"

#include <math.h>

#include "reports/text/json.h"

/* The explanation. */

#define ROW struct configuration
static const struct column configuration_name_columns[] = {
	TABLE,
	COL("name", "cell", TEXT, name),
	COL("guest", "guest", TEXT, guest),
	COL("cores", "cores", NUMBER, cores),
	COL("scenario", "scenario", TEXT, scenario),
	COL("variant", "variant", TEXT, variant),
	COL("label", "label", TEXT, label),
	{},
};
#undef ROW

static const char *term_state(const void *row)
{
	return state_label(((const struct term *)row)->state);
}

#define ROW struct term
const struct column term_columns[] = {
	TABLE,
	COL("phase", "phase", TEXT, phase, ON_PAGE(1, "phase")),
	{"state", "state", COLUMN_TEXT, .text = term_state, .none = "all states",
		ON_PAGE(2, "state")},
	COL("detail", "detail", TEXT, detail, .none = "(all)", ON_PAGE(3, "detail"),
		.field = PAGE_CODE),
	COL("value", "value", REAL, value),
	COL("low", "low", REAL, range.low),
	COL("high", "high", REAL, range.high),
	COL("share", "share", REAL, share),
	{},
};
#undef ROW

/** What the explanation of a row is in words. */
#define WORDS(type)                                                                                \
	static json_t *type##_text(const void *row)                                                \
	{                                                                                          \
		struct verdict words = {};                                                         \
                                                                                                   \
		type##_words(row, &words);                                                         \
		return text(words.text);                                                           \
	}

WORDS(scaling)
WORDS(spread)
WORDS(contrast)

static struct format_text percent(double share)
{
	return format_fixed(100 * share, 1);
}

static struct format_text signed_hundredths(double value)
{
	struct format_text t = {"-"};

	if (isfinite(value))
		snprintf(t.text, sizeof(t.text), "%+.2f", value);
	return t;
}

static struct format_text probability(double p)
{
	if (p < 0.001)
		return (struct format_text){"<0.001"};
	return format_fixed(p, 3);
}

#define ROW struct work
static const struct column work_columns[] = {
	TABLE,
	COL("instructions", NULL, REAL, instructions),
	COL("cycles_per_instruction", NULL, REAL, cycles_per_instruction),
	COL("ns_per_cycle", NULL, REAL, ns_per_cycle),
	COL("machine_cores", NULL, NEEDED, machine_cores),
	{},
};
#undef ROW

static struct format_text kind_of_phase(const void *row, enum look *look)
{
	const struct phase_scaling *p = row;

	(void)look;
	if (!isfinite(p->active))
		return (struct format_text){""};
	if (p->serial)
		return (struct format_text){"serial"};
	return (struct format_text){"parallel"};
}

#define ROW struct phase_scaling
const struct column phase_columns[] = {
	TABLE,
	COL("name", NULL, TEXT, name, ON_PAGE(1, "phase"), .field = PAGE_HEAD),
	COL("wall_ns", NULL, ESTIMATE, wall_ns, ON_PAGE(3, "#on all, s"), .format = format_seconds),
	COL("wall_one_ns", NULL, ESTIMATE, wall_one_ns, ON_PAGE(2, "#on one core, s"),
		.format = format_seconds),
	COL("loss_ns", NULL, ESTIMATE, loss_ns, ON_PAGE(6, "#lost, s"), .format = format_seconds),
	COL("active_lanes", NULL, REAL, active, ON_PAGE(4, "#active lanes"), .decimals = 2),
	COL("serial", NULL, BOOL, serial),
	{.type = COLUMN_OWN, .own = kind_of_phase, ON_PAGE(5, "type")},
	{},
};
#undef ROW

static double points_lost(const void *row)
{
	return 100 - 100 * ((const struct scaling *)row)->efficiency.value;
}

#define ROW struct scaling
const struct column scaling_columns[] = {
	TABLE,
	COL("cell", NULL, POINTER, many, .of = configuration_name_columns),
	{"text", NULL, COLUMN_OWN, .own_json = scaling_text},
	COL("weak", NULL, BOOL, weak),
	COL("speedup", NULL, ESTIMATE, speedup, SHOWN(1, "speed-up", 9, NULL), .decimals = 2),
	COL("efficiency", NULL, ESTIMATE, efficiency, SHOWN(2, "eff. %", 8, NULL),
		.format = percent),
	{.type = COLUMN_REAL, .number = points_lost, SHOWN(3, "lost", 7, NULL), .decimals = 1},
	COL("loss_ns", NULL, ESTIMATE, loss_ns),
	COL("serial_share", NULL, ESTIMATE, serial_share),
	COL("amdahl", NULL, ESTIMATE, amdahl),
	COL("work", NULL, OBJECT, work, .of = work_columns),
	COL("phases", NULL, LIST, phase, WHOLE(n_phases), .of = phase_columns),
	COL("causes", "cause", LIST, causes.list, WHOLE(causes.n), .of = term_columns),
	COL("by_state", "state", LIST, states.list, WHOLE(states.n), .of = term_columns),
	COL("by_phase", "phase", LIST, phases.list, WHOLE(phases.n), .of = term_columns),
	COL("by_phase_and_state", "phase and state", LIST, parts.list, WHOLE(parts.n),
		.of = term_columns),
	COL("by_detail", "detail", LIST, details.list, WHOLE(details.n), .of = term_columns),
	{},
};
#undef ROW

#define ROW struct description
static const struct column description_columns[] = {
	TABLE,
	COL("n", NULL, COUNT, n, SHOWN(1, "n", 3, "#runs")),
	COL("mean", NULL, NS, mean, SHOWN(2, "mean s", 7, NULL)),
	COL("", "runtime_", INTERVAL, mean_interval, SHOWN(3, "95 %", 16, NULL),
		.format = format_seconds),
	COL("stddev", NULL, NS, stddev),
	COL("stddev_", NULL, INTERVAL, stddev_interval),
	COL("cv", NULL, REAL, cv),
	COL("median", "runtime_median_s", NS, median, SHOWN(4, "median s", 9, "#median s")),
	COL("mad", "runtime_mad_s", NS, mad, SHOWN(5, "MAD s", 6, "#MAD s")),
	COL("min", NULL, NS, min, ON_PAGE(6, "#min s")),
	COL("max", NULL, NS, max, ON_PAGE(7, "#max s")),
	COL(NULL, NULL, SHARE, stddev, WHOLE(mean), SHOWN(8, "cv %", 5, NULL)),
	{},
};
#undef ROW

#define ROW struct spread
static const struct column order_columns[] = {
	TABLE,
	COL("rho", "order_rho", REAL, order.rho, SHOWN(1, "ρ", 6, "#drift ρ"),
		.format = signed_hundredths),
	COL("rho_p", "order_p", REAL, order.rho_p),
	COL("rho_p_holm", NULL, REAL, drift_p, SHOWN(2, "p", 7, "#p"), .format = probability),
	COL("slope_ns", NULL, REAL, order.slope),
	COL("first", NULL, REAL, order.first, ON_PAGE(4, "#first run %"), .format = percent),
	COL("first_p", NULL, REAL, order.first_p),
	COL("first_p_holm", NULL, REAL, first_p, ON_PAGE(5, "#p"), .format = probability),
	COL("warmup_runs", NULL, COUNT, order.warmup),
	COL("warmup_p", NULL, REAL, order.warmup_p),
	COL("warmup_p_holm", NULL, REAL, warmup_p),
	COL(NULL, "outliers", COUNT, n_outliers),
	{},
};
#undef ROW

static struct format_text needed(const void *row, enum look *look)
{
	const struct repetitions *n = &((const struct spread *)row)->one_percent;
	struct format_text t = {"-"};

	(void)look;
	if (n->n > 0 && (n->n_cautious == 0 || n->n_cautious > REPETITIONS_SURE * n->n))
		snprintf(t.text, sizeof(t.text), "%zu or more", repetitions_round(n->n));
	else if (n->n > 0)
		snprintf(t.text, sizeof(t.text), "%zu-%zu", repetitions_round(n->n),
			repetitions_round(n->n_cautious));
	return t;
}

static json_t *outlier_runs(const void *row)
{
	const struct spread *x = row;
	json_t *array = json_array();
	bool bad = !array;

	for (size_t i = 0; i < x->configuration->series.n; i++)
		if (x->outlier[i])
			bad |= json_array_append_new(
				       array, number(x->configuration->series.runs[i]->id)) < 0;
	return finish(array, bad);
}

static struct format_text outliers(const void *row, enum look *look)
{
	const struct spread *x = row;
	struct format_text t;

	*look = x->n_outliers ? LOOK_ALARM : LOOK_NIL;
	snprintf(t.text, sizeof(t.text), "%zu", x->n_outliers);
	return t;
}

static void outlier_links(const void *row, FILE *out)
{
	const struct spread *x = row;
	size_t n = 0;

	if (x->n_outliers == 0)
		fputs("none", out);
	for (size_t i = 0; i < x->configuration->series.n; i++) {
		long long id = (long long)x->configuration->series.runs[i]->id;

		if (x->outlier[i])
			fprintf(out, "%s<a href=\"#run-%lld\">%lld</a>", n++ ? ", " : "run ", id,
				id);
	}
}

#define ROW struct mode
static const struct column mode_columns[] = {
	TABLE,
	COL("runs", NULL, COUNT, n),
	COL("median", NULL, REAL, median),
	COL("low", NULL, REAL, low),
	COL("high", NULL, REAL, high),
	{},
};
#undef ROW

#define ROW struct tail
static const struct column tail_columns[] = {
	TABLE,
	COL("quantile", NULL, REAL, quantile),
	COL("value", NULL, REAL, estimate.value),
	COL("low", NULL, REAL, estimate.range.low),
	COL("high", NULL, REAL, estimate.range.high),
	{},
};
#undef ROW

#define ROW struct boot_change
static const struct column boot_change_columns[] = {
	TABLE,
	COL("step", NULL, TEXT, name),
	COL("longer_ns", NULL, REAL, ns),
	{},
};
#undef ROW

static double gap_ns(const void *row)
{
	const struct mode_gap *g = row;

	return g->slow.runtime_ns.mean - g->fast.runtime_ns.mean;
}

static double boot_gap_ns(const void *row)
{
	const struct mode_gap *g = row;

	return g->slow.boot_ns.mean - g->fast.boot_ns.mean;
}

/** Of a pair of neighbouring modes. */
#define ROW struct mode_gap
static const struct column gap_columns[] = {
	TABLE,
	{"longer_ns", NULL, COLUMN_REAL, .number = gap_ns},
	{"boot_longer_ns", NULL, COLUMN_REAL, .number = boot_gap_ns},
	COL("causes", NULL, LIST, contrast.causes.list, WHOLE(contrast.causes.n),
		.of = term_columns),
	COL("boot_steps", NULL, LIST, boot.list, WHOLE(boot.n), .of = boot_change_columns),
	{},
};
#undef ROW

static struct format_text no_text(const void *row, enum look *look)
{
	*look = ((const struct spread *)row)->tails.n ? LOOK_PLAIN : LOOK_NIL;
	return (struct format_text){""};
}

static json_t *tails_json(const void *row)
{
	const struct tails *t = &((const struct spread *)row)->tails;

	return columns_json_rows(tail_columns, t->list, t->n);
}

/** "90 %: 0.118 [0.117, 0.131]"; in a metric's own unit. */
static void tails_markup(const void *row, FILE *out)
{
	const struct spread *x = row;
	struct format_text (*format)(double value) = x->metric ? format_number : format_seconds;

	if (x->tails.n == 0)
		fputs("-", out);
	for (size_t i = 0; i < x->tails.n; i++) {
		const struct estimate *e = &x->tails.list[i].estimate;

		fprintf(out, "%s%.0f %%: %s [%s, %s]", i ? "<br>" : "",
			100 * x->tails.list[i].quantile, format(e->value).text,
			format(e->range.low).text, format(e->range.high).text);
	}
}

static json_t *modes_json(const void *row)
{
	const struct modes *m = &((const struct spread *)row)->modes;

	return columns_json_rows(mode_columns, m->list, m->n);
}

static json_t *boot_modes_json(const void *row)
{
	const struct modes *m = &((const struct spread *)row)->boot_modes;

	return columns_json_rows(mode_columns, m->list, m->n);
}

static struct format_text modes_text(const void *row, enum look *look)
{
	const struct modes *m = &((const struct spread *)row)->modes;
	struct format_text t = {"-"};

	*look = m->n > 1 ? LOOK_ALARM : LOOK_NIL;
	if (m->n)
		snprintf(t.text, sizeof(t.text), "%zu", m->n);
	return t;
}

/** "2: 12 near 99.00 ms, 8 near 117.0 ms" */
static void modes_markup(const void *row, FILE *out)
{
	const struct spread *x = row;
	struct format_text (*format)(double value) = x->metric ? format_number : format_time;
	enum look look;

	fputs(modes_text(row, &look).text, out);
	for (size_t i = 0; i < x->modes.n && x->modes.n > 1; i++)
		fprintf(out, "%s%zu near %s", i ? ", " : ": ", x->modes.list[i].n,
			format(x->modes.list[i].median).text);
}

#define ROW struct spread
static const struct column precision_columns[] = {
	TABLE,
	COL("runs_for_one_percent", "runs_for_1_percent", NEEDED, one_percent.n),
	COL("runs_for_one_percent_cautious", NULL, NEEDED, one_percent.n_cautious),
	{.type = COLUMN_OWN, .own = needed, SHOWN(1, "for ±1 %", 10, "#runs for ± 1 %")},
	{"outliers", NULL, COLUMN_OWN, .own = outliers, .markup = outlier_links,
		.own_json = outlier_runs, ON_PAGE(2, "outliers")},
	{"tails", NULL, COLUMN_OWN, .own = no_text, .markup = tails_markup, .own_json = tails_json,
		ON_PAGE(5, "quantiles")},
	COL("modes_p", NULL, REAL, modes.p),
	{"modes", NULL, COLUMN_OWN, .own_json = modes_json},
	COL(NULL, "modes", COUNT, modes.n),
	{.type = COLUMN_OWN, .own = modes_text, .markup = modes_markup, ON_PAGE(4, "modes")},
	{"order", "", COLUMN_OBJECT, .of = order_columns, .place = 3},
	{},
};

const struct column spread_columns[] = {
	TABLE,
	COL("cell", NULL, POINTER, configuration, .of = configuration_name_columns),
	{"text", NULL, COLUMN_OWN, .own_json = spread_text},
	COL("runtime_ns", "", OBJECT, runtime, .of = description_columns, .place = 1),
	COL("boot_ns", NULL, OBJECT, boot, .of = description_columns),
	{"", "", COLUMN_OBJECT, .of = precision_columns, .place = 2},
	COL("mode_gaps", NULL, LIST, gaps.list, WHOLE(gaps.n), .of = gap_columns),
	COL("boot_modes_p", NULL, REAL, boot_modes.p),
	{"boot_modes", NULL, COLUMN_OWN, .own_json = boot_modes_json},
	COL("boot_mode_gaps", NULL, LIST, boot_gaps.list, WHOLE(boot_gaps.n), .of = gap_columns),
	COL("variance", NULL, REAL, variance),
	COL("causes", "cause", LIST, causes.list, WHOLE(causes.n), .of = term_columns),
	COL("by_state", "state", LIST, states.list, WHOLE(states.n), .of = term_columns),
	COL("by_phase", "phase", LIST, phases.list, WHOLE(phases.n), .of = term_columns),
	COL("by_detail", "detail", LIST, details.list, WHOLE(details.n), .of = term_columns),
	{},
};
#undef ROW

#define ROW struct spread
const struct column variance_columns[] = {
	TABLE,
	COL(NULL, NULL, NS, runtime.stddev, SHOWN(1, "σ", 9, NULL), .format = format_time),
	{},
};
#undef ROW

/** "1.8 %" */
static struct format_text percent_text(double share)
{
	struct format_text t = {"-"};

	if (isfinite(share))
		snprintf(t.text, sizeof(t.text), "%.2g %%", 100 * share);
	return t;
}

/** What comparisons of all quantities have. */
#define COMPARISON_TESTS                                                                           \
	COL("welch_t", NULL, REAL, welch_t), COL("welch_freedom", NULL, REAL, welch_freedom),      \
		COL("welch_p", NULL, REAL, welch_p, ON_PAGE(5, "#p Welch"),                        \
			.format = probability),                                                    \
		COL("welch_p_holm", NULL, REAL, p_holm, SHOWN(6, "p", 9, "#p Holm"),               \
			.format = probability),                                                    \
		COL("mann_whitney_u", NULL, REAL, mann_whitney_u),                                 \
		COL("mann_whitney_p", NULL, REAL, mann_whitney_p, ON_PAGE(7, "#p M.-W."),          \
			.format = probability),                                                    \
		COL("mann_whitney_least_p", NULL, REAL, mann_whitney_least),                       \
		COL("hedges_g", NULL, REAL, hedges_g, ON_PAGE(3, "#Hedges’ g"), .decimals = 2),    \
		COL("cliffs_delta", NULL, REAL, cliffs_delta, ON_PAGE(4, "#Cliff’s δ"),            \
			.decimals = 2),                                                            \
		COL("detectable", NULL, REAL, detectable),                                         \
		COL("equivalent_within", NULL, REAL, equivalent, ON_PAGE(8, "#equivalent within"), \
			.format = percent_text),                                                   \
	{                                                                                          \
	}

#define ROW struct comparison
static const struct column comparison_columns[] = {
	TABLE,
	COL("difference", NULL, ESTIMATE, difference, SHOWN(1, "longer", 10, "#longer by s"),
		.format = format_seconds),
	COL("ratio", NULL, ESTIMATE, ratio, ON_PAGE(2, "#times as long"), .decimals = 3),
	COMPARISON_TESTS,
};

static const struct column value_comparison_columns[] = {
	TABLE,
	COL("difference", NULL, ESTIMATE, difference, SHOWN(1, "difference", 12, "#difference"),
		.format = format_number),
	COL("ratio", NULL, ESTIMATE, ratio, SHOWN(2, "ratio", 9, "#ratio"), .decimals = 3),
	COMPARISON_TESTS,
};
#undef ROW

/** A program may write the same number in all runs: then there is no variance to test with. */
static struct format_text no_test(const struct contrast *x)
{
	if (x->metric->known.n < 2)
		return (struct format_text){"too few runs"};
	if (x->values.difference.value == 0)
		return (struct format_text){"all equal"};
	return (struct format_text){"constant: no test"};
}

static struct format_text judgement(const void *row, enum look *look)
{
	const struct contrast *x = row;
	bool below = x->values.p_holm < 0.05;

	*look = LOOK_NIL;
	if (isnan(x->values.welch_p) && x->metric)
		return no_test(x);
	if (isnan(x->values.welch_p))
		return (struct format_text){"too few runs"};
	if (x->control && !below)
		return (struct format_text){"noise only"};
	if (!x->control && !x->differs && below)
		return (struct format_text){"within the noise of the A/A control"};
	if (!x->control && !x->differs)
		return (struct format_text){"no significant difference"};
	*look = x->control ? LOOK_ALARM : LOOK_STRONG;
	if (x->control)
		return (struct format_text){"differs, but should not"};
	if (!x->metric)
		return (struct format_text){"slower"};
	if (x->metric->wish == WISH_NONE)
		return (struct format_text){"larger"};
	return (struct format_text){"worse"};
}

#define ROW struct contrast
const struct column contrast_columns[] = {
	TABLE,
	COL("a", NULL, POINTER, a, .of = configuration_name_columns),
	COL("b", NULL, POINTER, b, .of = configuration_name_columns),
	{"text", NULL, COLUMN_OWN, .own_json = contrast_text},
	COL("control", NULL, BOOL, control),
	COL("differs", NULL, BOOL, differs),
	COL("noise_ns", NULL, REAL, noise_ns),
	{.type = COLUMN_OWN, .own = judgement, ON_PAGE(1, "verdict")},
	COL("runtime_ns", NULL, OBJECT, runtime, .of = comparison_columns, .place = 2),
	COL("boot_ns", NULL, OBJECT, boot, .of = comparison_columns),
	COL("causes", "cause", LIST, causes.list, WHOLE(causes.n), .of = term_columns),
	COL("by_state", "state", LIST, states.list, WHOLE(states.n), .of = term_columns),
	COL("by_phase_and_state", "phase and state", LIST, parts.list, WHOLE(parts.n),
		.of = term_columns),
	COL("by_detail", "detail", LIST, details.list, WHOLE(details.n), .of = term_columns),
	{},
};
#undef ROW

static const char *name_of_spread(const void *row)
{
	return ((const struct spread *)row)->metric->name;
}

static const char *name_of_contrast(const void *row)
{
	return ((const struct contrast *)row)->metric->name;
}

static const char *wish_of_spread(const void *row)
{
	return output_wish_name(((const struct spread *)row)->metric->wish);
}

static const char *wish_of_contrast(const void *row)
{
	return output_wish_name(((const struct contrast *)row)->metric->wish);
}

#define ROW struct description
static const struct column value_columns[] = {
	TABLE,
	COL("n", "runs", COUNT, n, SHOWN(1, "n", 4, "#runs")),
	COL("mean", "mean", REAL, mean, SHOWN(2, "mean", 10, "#mean"), .format = format_number),
	COL("", NULL, INTERVAL, mean_interval, SHOWN(3, "95 %", 16, "#95 %"),
		.format = format_number),
	COL(NULL, "mean_low", REAL, mean_interval.low),
	COL(NULL, "mean_high", REAL, mean_interval.high),
	COL("stddev", "stddev", REAL, stddev),
	COL("stddev_", NULL, INTERVAL, stddev_interval),
	COL("cv", NULL, REAL, cv),
	COL("median", "median", REAL, median, SHOWN(4, "median", 10, "#median"),
		.format = format_number),
	COL("mad", "mad", REAL, mad, ON_PAGE(5, "#MAD"), .format = format_number),
	COL("min", "min", REAL, min, ON_PAGE(6, "#min"), .format = format_number),
	COL("max", "max", REAL, max, ON_PAGE(7, "#max"), .format = format_number),
	COL(NULL, NULL, SHARE, stddev, WHOLE(mean), SHOWN(8, "cv %", 6, "#CV %")),
	{},
};
#undef ROW

#define ROW struct spread
const struct column metric_columns[] = {
	TABLE,
	COL("cell", "", POINTER, configuration, .of = configuration_name_columns),
	{"metric", "metric", COLUMN_TEXT, .text = name_of_spread},
	{"better", "better", COLUMN_TEXT, .text = wish_of_spread},
	COL("values", "", OBJECT, values, .of = value_columns, .place = 1),
	{"", "", COLUMN_OBJECT, .of = precision_columns, .place = 2},
	{},
};
#undef ROW

#define ROW struct contrast
const struct column metric_contrast_columns[] = {
	TABLE,
	COL("a", NULL, POINTER, a, .of = configuration_name_columns),
	COL("b", NULL, POINTER, b, .of = configuration_name_columns),
	{"metric", NULL, COLUMN_TEXT, .text = name_of_contrast},
	{"better", NULL, COLUMN_TEXT, .text = wish_of_contrast},
	COL("control", NULL, BOOL, control),
	COL("differs", NULL, BOOL, differs),
	COL("noise", NULL, REAL, noise_ns),
	COL("values", NULL, OBJECT, values, .of = value_comparison_columns, .place = 1),
	{.type = COLUMN_OWN, .own = judgement, SHOWN(2, "verdict", 38, "verdict")},
	{},
};
#undef ROW

#define ROW struct drift
static const struct column drift_columns[] = {
	TABLE,
	COL("n", NULL, COUNT, n),
	COL("rho", NULL, REAL, rho),
	COL("p", NULL, REAL, p),
	COL("slope", NULL, REAL, slope),
	COL("span", NULL, REAL, span),
	{},
};
#undef ROW

#define ROW struct explanation
const struct column explanation_columns[] = {
	TABLE,
	COL("speedup", NULL, LIST, scalings, WHOLE(n_scalings), .of = scaling_columns),
	COL("spread", NULL, LIST, spreads, WHOLE(n_spreads), .of = spread_columns),
	COL("difference", NULL, LIST, contrasts, WHOLE(n_contrasts), .of = contrast_columns),
	COL("metrics", NULL, LIST, metrics, WHOLE(n_metrics), .of = metric_columns),
	COL("metric_difference", NULL, LIST, metric_contrasts, WHOLE(n_metric_contrasts),
		.of = metric_contrast_columns),
	COL("drift", NULL, OBJECT, drift, .of = drift_columns),
	{},
};
#undef ROW
