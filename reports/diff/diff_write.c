/* SPDX-License-Identifier: GPL-2.0-or-later */
/** What changed, as text, CSV and JSON. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/utf8.h"
#include "reports/diff/diff.h"
#include "reports/text/columns.h"
#include "reports/text/csv.h"
#include "reports/text/json.h"
#include "reports/text/text.h"

#define FUNCTIONS_SHOWN 15

/** Seconds, with a sign. */
static struct format_text signed_seconds(double ns)
{
	struct format_text t;

	snprintf(t.text, sizeof(t.text), "%+.3f", ns / 1e9);
	return t;
}

static void put_row(FILE *out, const char *name, const double ns[TREE_SIDES], double whole)
{
	double difference = ns[TREE_B] - ns[TREE_A];

	fprintf(out, "  %-12s%12s%12s%12s", name, format_seconds(ns[TREE_A]).text,
		format_seconds(ns[TREE_B]).text, signed_seconds(difference).text);
	if (whole != 0)
		fprintf(out, "%9.1f %%", 100 * difference / whole);
	fputc('\n', out);
}

static bool is_significant(const struct diff *d)
{
	const struct statistic *a = &d->pair.sides[TREE_A].configuration->runtime_ns;
	const struct statistic *b = &d->pair.sides[TREE_B].configuration->runtime_ns;

	return a->n >= 2 && b->n >= 2 && statistic_differ(a, b);
}

/* A share of what may be nothing means nothing. */
static void put_states(const struct diff *d, FILE *out)
{
	double whole = is_significant(d) ? d->runtime_ns[TREE_B] - d->runtime_ns[TREE_A] : 0;

	fprintf(out, "\n  %-12s%12s%12s%12s%11s\n", "state", "A", "B", "B - A",
		whole != 0 ? "share" : "");
	for (size_t i = 0; i < d->n_states; i++)
		put_row(out, d->states[i].name, d->states[i].ns, whole);
	put_row(out, "run time", d->runtime_ns, whole);
	fputs("  Seconds, mean over lanes and runs; the states sum to the run time.\n", out);
}

static void put_metrics(const struct diff *d, FILE *out)
{
	if (d->n_metrics)
		fprintf(out, "\n  %-20s%12s%12s%12s\n", "metric", "A", "B", "B - A");
	for (size_t i = 0; i < d->n_metrics; i++) {
		const struct diff_metric *m = &d->metrics[i];
		double change = m->mean[TREE_B] - m->mean[TREE_A];

		fprintf(out, "  %-20.*s%12s%12s%12s  %s\n", (int)utf8_within(m->name, 19), m->name,
			format_number(m->mean[TREE_A]).text, format_number(m->mean[TREE_B]).text,
			format_number(change).text,
			!m->differs                                          ? "not significant"
			: !m->better                                         ? "significant"
			: (change > 0) == (strcmp(m->better, "higher") == 0) ? "better"
									     : "worse");
	}
	if (d->n_metrics)
		fputs("  Numbers in the programs' output, mean over runs; Welch's test, 5 %.\n",
			out);
}

/** The name in @width columns, cut with an ellipsis. */
static void put_name(FILE *out, const char *name, size_t width)
{
	size_t n = 0, room = text_width(name) > width ? width - 1 : width;

	for (const char *p = name; *p; p++) {
		n += ((unsigned char)*p & 0xc0) != 0x80;
		if (n > room) {
			fputs("…", out);
			return;
		}
		fputc(*p, out);
	}
}

static void put_function(FILE *out, const double ns[TREE_SIDES], const char *error, const char *cpu)
{
	fprintf(out, "  %12s%10s%10s%10s  %-4s", signed_seconds(ns[TREE_B] - ns[TREE_A]).text,
		error, format_seconds(ns[TREE_A]).text, format_seconds(ns[TREE_B]).text, cpu);
}

static const char *cpu_of(const void *row)
{
	return ((const struct diff_function *)row)->on_cpu ? "on" : "off";
}

static void put_functions(const struct diff *d, FILE *out)
{
	double rest[TREE_SIDES] = {};

	if (d->n_functions == 0) {
		fputs("\n  No samples: what functions take is not known.\n", out);
		return;
	}
	fprintf(out, "\n  %12s%10s%10s%10s  %-4sfunction\n", "B - A", "±", "A", "B", "CPU");
	for (size_t i = 0; i < d->n_functions; i++) {
		const struct diff_function *f = &d->functions[i];

		if (i < FUNCTIONS_SHOWN) {
			put_function(out, f->ns, f->on_cpu ? format_seconds(f->error_ns).text : "",
				cpu_of(f));
			put_name(out, f->symbol, 50);
			fputc('\n', out);
			continue;
		}
		rest[TREE_A] += f->ns[TREE_A];
		rest[TREE_B] += f->ns[TREE_B];
	}
	if (d->n_functions > FUNCTIONS_SHOWN) {
		put_function(out, rest, "", "");
		fprintf(out, "%zu others\n", d->n_functions - FUNCTIONS_SHOWN);
	}
	put_function(out, d->unsampled_ns, "", "");
	fputs("in no stack\n"
	      "  Own time of functions in seconds, per run and lane; these rows, too, sum to the "
	      "run time. On\n  the CPU by sampling (± its 95 % interval), off the CPU as "
	      "measured.\n",
		out);
}

int diff_write_text(const struct diff *d, FILE *out)
{
	const struct diff_operand *a = &d->pair.sides[TREE_A], *b = &d->pair.sides[TREE_B];
	char why[512];

	fprintf(out, "A: %s, %lld %s, %zu %s of %s\nB: %s, %lld %s, %zu %s of %s\n", a->name,
		(long long)a->configuration->cores,
		cores_word(a->configuration->cores, a->configuration->scenario),
		a->configuration->n_ok, a->configuration->n_ok == 1 ? "run" : "runs",
		a->configuration->scenario, b->name, (long long)b->configuration->cores,
		cores_word(b->configuration->cores, b->configuration->scenario),
		b->configuration->n_ok, b->configuration->n_ok == 1 ? "run" : "runs",
		b->configuration->scenario);
	diff_workloads(&d->pair, why, sizeof(why));
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
	put_states(d, out);
	put_metrics(d, out);
	put_functions(d, out);
	return ferror(out) ? -EIO : 0;
}

/* Documents and files. */

static double difference(const void *row)
{
	const double *ns = row;

	return ns[TREE_B] - ns[TREE_A];
}

#define ROW double[TREE_SIDES]
static const struct column time_columns[] = {
	TABLE,
	{"a_ns", "a_s", COLUMN_NS, TREE_A * sizeof(double)},
	{"b_ns", "b_s", COLUMN_NS, TREE_B * sizeof(double)},
	{"difference_ns", "difference_s", COLUMN_NS, .number = difference},
	{},
};
#undef ROW

#define TIMES COL("", "", OBJECT, ns, .of = time_columns)

#define ROW struct diff_state
static const struct column state_columns[] = {
	TABLE,
	COL("state", "state", TEXT, name),
	TIMES,
	COL("exact", NULL, BOOL, exact),
	{},
};
#undef ROW

#define ROW struct diff_function
static const struct column function_columns[] = {
	TABLE,
	COL("function", "function", TEXT, symbol),
	COL("module", "module", TEXT, module),
	COL("on_cpu", NULL, BOOL, on_cpu),
	{NULL, "cpu", COLUMN_TEXT, .text = cpu_of},
	TIMES,
	COL("error_ns", "error_s", NS, error_ns),
	COL("a_sum_ns", NULL, COUNT, sum_ns[TREE_A]),
	COL("b_sum_ns", NULL, COUNT, sum_ns[TREE_B]),
	COL("a_samples", "a_samples", COUNT, samples[TREE_A]),
	COL("b_samples", "b_samples", COUNT, samples[TREE_B]),
	{},
};
#undef ROW

#define ROW struct diff_metric
static const struct column metric_columns[] = {
	TABLE,
	COL("name", NULL, TEXT, name),
	COL("better", NULL, TEXT, better),
	COL("a", NULL, REAL, mean[TREE_A]),
	COL("b", NULL, REAL, mean[TREE_B]),
	COL("differs", NULL, BOOL, differs),
	{},
};
#undef ROW

#define ROW struct configuration
static const struct column configuration_columns[] = {
	TABLE,
	COL("guest", NULL, TEXT, guest),
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

static json_t *not_comparable(const void *row)
{
	char why[512];

	diff_workloads(&((const struct diff *)row)->pair, why, sizeof(why));
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
