/* SPDX-License-Identifier: GPL-2.0-or-later */
/** What changed, as text, CSV and JSON. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/diff/diff.h"
#include "reports/text/columns.h"
#include "reports/text/csv.h"
#include "reports/text/json.h"

#define FUNCTIONS_SHOWN 15

/** Seconds, with a sign. */
static struct format_text signed_seconds(double ns)
{
	struct format_text t;

	snprintf(t.text, sizeof(t.text), "%+.3f", ns / 1e9);
	return t;
}

static double difference(const void *row)
{
	const double *ns = row;

	return ns[TREE_B] - ns[TREE_A];
}

#define ROW double[TREE_SIDES]
static const struct column time_columns[] = {
	TABLE,
	{"a_ns", "a_s", COLUMN_NS, TREE_A * sizeof(double), SHOWN(1, "A", 12, NULL)},
	{"b_ns", "b_s", COLUMN_NS, TREE_B * sizeof(double), SHOWN(2, "B", 12, NULL)},
	{"difference_ns", "difference_s", COLUMN_NS, .number = difference,
		SHOWN(3, "B - A", 12, NULL), .format = signed_seconds},
	{},
};
#undef ROW

#define TIMES(place_) COL("", "", OBJECT, ns, .of = time_columns, .place = (place_))

#define ROW struct diff_state
static const struct column state_columns[] = {
	TABLE,
	COL("state", "state", TEXT, name, SHOWN(1, "state", 18, NULL)),
	TIMES(2),
	COL("exact", NULL, BOOL, exact),
	{},
};
#undef ROW

/** A state's row in a terminal. */
struct state_line {
	struct diff_state state;
	double whole; /**< the difference of the run times */
};

static double share(const void *row)
{
	const struct state_line *line = row;

	return 100 * difference(line->state.ns) / line->whole;
}

#define ROW struct state_line
static const struct column line_columns[] = {
	TABLE,
	COL("", "", OBJECT, state, .of = state_columns, .place = 1),
	{},
};

static const struct column share_columns[] = {
	TABLE,
	COL("", "", OBJECT, state, .of = state_columns, .place = 1),
	{.type = COLUMN_REAL, .number = share, SHOWN(2, "share %", 11, NULL), .decimals = 1},
	{},
};
#undef ROW

static const char *cpu_of(const void *row)
{
	return ((const struct diff_function *)row)->on_cpu ? "on" : "off";
}

/* Rows that are no function's have no module. */
static const char *cpu_shown(const void *row)
{
	return ((const struct diff_function *)row)->module ? cpu_of(row) : NULL;
}

#define ROW struct diff_function
static const struct column function_columns[] = {
	TABLE,
	COL("function", "function", TEXT, symbol, SHOWN(1, "function", 46, NULL)),
	COL("module", "module", TEXT, module),
	COL("on_cpu", NULL, BOOL, on_cpu),
	{NULL, "cpu", COLUMN_TEXT, .text = cpu_of},
	{.type = COLUMN_TEXT, .text = cpu_shown, SHOWN(2, "CPU", -4, NULL)},
	TIMES(3),
	COL("error_ns", "error_s", NS, error_ns, SHOWN(4, "±", 10, NULL)),
	COL("a_sum_ns", NULL, COUNT, sum_ns[TREE_A]),
	COL("b_sum_ns", NULL, COUNT, sum_ns[TREE_B]),
	COL("a_samples", "a_samples", COUNT, samples[TREE_A]),
	COL("b_samples", "b_samples", COUNT, samples[TREE_B]),
	{},
};
#undef ROW

static double metric_change(const void *row)
{
	return difference(((const struct diff_metric *)row)->mean);
}

static const char *metric_outcome(const void *row)
{
	const struct diff_metric *m = row;

	if (!m->differs)
		return "not significant";
	if (!m->better)
		return "significant";
	return (metric_change(m) > 0) == (strcmp(m->better, "higher") == 0) ? "better" : "worse";
}

#define ROW struct diff_metric
static const struct column metric_columns[] = {
	TABLE,
	COL("name", NULL, TEXT, name, SHOWN(1, "metric", 20, NULL)),
	COL("better", NULL, TEXT, better),
	COL("a", NULL, REAL, mean[TREE_A], SHOWN(2, "A", 12, NULL), .format = format_number),
	COL("b", NULL, REAL, mean[TREE_B], SHOWN(3, "B", 12, NULL), .format = format_number),
	{.type = COLUMN_REAL,
		.number = metric_change,
		SHOWN(4, "B - A", 12, NULL),
		.format = format_number},
	COL("differs", NULL, BOOL, differs),
	{.type = COLUMN_TEXT, .text = metric_outcome, SHOWN(5, "change", -17, NULL)},
	{},
};
#undef ROW

#define ROW struct configuration
static const struct column configuration_columns[] = {
	TABLE,
	COL("guest", NULL, TEXT, guest),
	COL("variant", NULL, TEXT, variant),
	COL("cores", NULL, NUMBER, cores),
	COL("scenario", NULL, TEXT, scenario),
	COL("runs", NULL, COUNT, n_ok),
	{},
};
#undef ROW

#define ROW struct diff_operand
static const struct column operand_columns[] = {
	TABLE,
	COL("name", NULL, TEXT, name),
	COL("", NULL, POINTER, configuration, .of = configuration_columns),
	{},
};
#undef ROW

/* For a terminal. */

static bool is_significant(const struct diff *d)
{
	const struct statistic *a = &d->pair.sides[TREE_A].configuration->runtime_ns;
	const struct statistic *b = &d->pair.sides[TREE_B].configuration->runtime_ns;

	return a->n >= 2 && b->n >= 2 && statistic_differ(a, b);
}

/* A share of what may be nothing means nothing. */
static int put_states(const struct diff *d, FILE *out)
{
	const double *times = d->runtime_ns, whole = difference(times);
	struct state_line lines[TERM_COUNT + 1] = {};
	size_t n = 0;
	int r;

	for (; n < d->n_states; n++)
		lines[n] = (struct state_line){d->states[n], whole};
	lines[n++] = (struct state_line){
		{.name = "run time", .ns = {times[TREE_A], times[TREE_B]}}, whole};
	fputc('\n', out);
	r = columns_write(
		whole != 0 && is_significant(d) ? share_columns : line_columns, lines, n, out);
	fputs("Seconds, mean over lanes and runs; the states sum to the run time.\n", out);
	return r;
}

static int put_metrics(const struct diff *d, FILE *out)
{
	int r;

	if (d->n_metrics == 0)
		return 0;
	fputc('\n', out);
	r = columns_write(metric_columns, d->metrics, d->n_metrics, out);
	fputs("Numbers in the programs' output, mean over runs; Welch's test, 5 %.\n", out);
	return r;
}

static int put_functions(const struct diff *d, FILE *out)
{
	struct diff_function lines[FUNCTIONS_SHOWN + 2], others = {.error_ns = NAN};
	char name[64];
	size_t n = 0;
	int r;

	if (d->n_functions == 0) {
		fputs("\nNo samples: what functions take is not known.\n", out);
		return 0;
	}
	for (; n < d->n_functions && n < FUNCTIONS_SHOWN; n++)
		lines[n] = d->functions[n];
	for (size_t i = n; i < d->n_functions; i++)
		for (int side = 0; side < TREE_SIDES; side++)
			others.ns[side] += d->functions[i].ns[side];
	snprintf(name, sizeof(name), "%zu others", d->n_functions - n);
	others.symbol = name;
	if (d->n_functions > n)
		lines[n++] = others;
	lines[n++] = (struct diff_function){.symbol = "in no stack",
		.ns = {d->unsampled_ns[TREE_A], d->unsampled_ns[TREE_B]},
		.error_ns = NAN};
	fputc('\n', out);
	r = columns_write(function_columns, lines, n, out);
	fputs("Own time of functions in seconds, per run and lane; these rows, too, sum to the "
	      "run time. On\nthe CPU by sampling (± its 95 % interval), off the CPU as measured.\n",
		out);
	return r;
}

/* "A: osv, 2 cores, 4 runs of pigz -p 2 data" */
static void put_operand(char letter, const struct diff_operand *o, FILE *out)
{
	const struct configuration *c = o->configuration;
	const char *program = store_setting(o->summary->store, "program_line");

	fprintf(out, "%c: %s, %lld %s, %zu %s of %s\n", letter, o->name, (long long)c->cores,
		cores_word(c->cores, c->scenario), c->n_ok, c->n_ok == 1 ? "run" : "runs",
		program && *program ? program : c->scenario);
}

int diff_write_text(const struct diff *d, FILE *out)
{
	const struct diff_operand *a = &d->pair.sides[TREE_A], *b = &d->pair.sides[TREE_B];
	char why[512];
	int r;

	put_operand('A', a, out);
	put_operand('B', b, out);
	diff_workloads(&d->pair, false, why, sizeof(why));
	if (*why)
		fprintf(out, "Attention: %s.\n", why);
	if (!(d->runtime_ns[TREE_A] > 0))
		fprintf(out, "A has no run time to compare with");
	else if (d->runtime_ns[TREE_B] >= 2 * d->runtime_ns[TREE_A])
		fprintf(out, "B takes %.3g times as long as A",
			d->runtime_ns[TREE_B] / d->runtime_ns[TREE_A]);
	else
		fprintf(out, "B takes %s %% of A's run time",
			format_percent(d->runtime_ns[TREE_B], d->runtime_ns[TREE_A]).text);
	fprintf(out, "%s.\n",
		a->configuration->runtime_ns.n < 2 || b->configuration->runtime_ns.n < 2
			? "; significance is not known from single runs"
		: is_significant(d) ? ", a significant difference (Welch's test, 5 %)"
				    : ", not a significant difference (Welch's test, 5 %)");
	r = put_states(d, out);
	if (r == 0)
		r = put_metrics(d, out);
	if (r == 0)
		r = put_functions(d, out);
	return r == 0 && ferror(out) ? -EIO : r;
}

/* Documents and files. */

static json_t *not_comparable(const void *row)
{
	char why[512];

	diff_workloads(&((const struct diff *)row)->pair, false, why, sizeof(why));
	return text(*why ? why : NULL);
}

static json_t *states_json(const void *row)
{
	const struct diff *d = row;

	return columns_json_rows(state_columns, d->states, d->n_states);
}

#define ROW struct diff
static const struct column diff_columns[] = {
	TABLE,
	COL("a", NULL, OBJECT, pair.sides[TREE_A], .of = operand_columns),
	COL("b", NULL, OBJECT, pair.sides[TREE_B], .of = operand_columns),
	{"not_comparable", NULL, COLUMN_OWN, .own_json = not_comparable},
	COL("runtime", NULL, OBJECT, runtime_ns, .of = time_columns),
	{"states", NULL, COLUMN_OWN, .own_json = states_json},
	COL("metrics", NULL, LIST, metrics, WHOLE(n_metrics), .of = metric_columns),
	COL("functions", NULL, LIST, functions, WHOLE(n_functions), .of = function_columns),
	COL("unsampled", NULL, OBJECT, unsampled_ns, .of = time_columns),
	{},
};
#undef ROW

json_t *diff_json(const struct diff *d)
{
	return columns_json_row(diff_columns, d);
}

static void put_pair(const struct diff *d, FILE *out)
{
	csv_text(out, d->pair.sides[TREE_A].name);
	fputc(',', out);
	csv_text(out, d->pair.sides[TREE_B].name);
	csv_number(out, d->pair.sides[TREE_A].configuration->cores);
	csv_number(out, d->pair.sides[TREE_B].configuration->cores);
}

/** Rows of @c, and the begin of one more, whose times are the caller's. */
static void put_rows(const struct diff *d, const struct column *c, const void *rows, size_t n,
	bool heading, FILE *out)
{
	if (heading) {
		fputs("a,b,a_cores,b_cores", out);
		columns_csv_names(c, false, out);
		fputc('\n', out);
	}
	for (size_t i = 0; i < n; i++) {
		put_pair(d, out);
		columns_csv(c, (const char *)rows + i * c->offset, false, out);
		fputc('\n', out);
	}
	put_pair(d, out);
}

int diff_write_states_csv(const struct diff *d, bool heading, FILE *out)
{
	put_rows(d, state_columns, d->states, d->n_states, heading, out);
	fputs(",runtime", out);
	columns_csv(time_columns, d->runtime_ns, false, out);
	fputc('\n', out);
	return ferror(out) ? -EIO : 0;
}

int diff_write_functions_csv(const struct diff *d, bool heading, FILE *out)
{
	put_rows(d, function_columns, d->functions, d->n_functions, heading, out);
	fputs(",[in no stack],,", out);
	columns_csv(time_columns, d->unsampled_ns, false, out);
	fputs(",,,\n", out);
	return ferror(out) ? -EIO : 0;
}
