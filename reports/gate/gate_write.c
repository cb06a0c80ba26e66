/* SPDX-License-Identifier: GPL-2.0-or-later */
/** What the gate says, as text and JSON. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reports/gate/gate.h"
#include "reports/text/columns.h"
#include "reports/text/json.h"

static const char *const verdict_names[] = {
	[GATE_UNDECIDED] = "undecided",
	[GATE_NOT_SLOWER] = "not slower",
	[GATE_SLOWER] = "slower",
};

static const char *verdict_of(const void *row)
{
	return verdict_names[((const struct gate_row *)row)->verdict];
}

static const char *what_of(const void *row)
{
	return quantity_title(((const struct gate_row *)row)->what);
}

static const char *better_of(const void *row)
{
	return ((const struct gate_row *)row)->higher ? "higher" : "lower";
}

static struct format_text mean_of(const struct gate_row *row, int side)
{
	return row->is_time ? format_time(row->mean[side]) : format_number(row->mean[side]);
}

static struct format_text mean_a(const void *row, enum look *look)
{
	(void)look;
	return mean_of(row, TREE_A);
}

static struct format_text mean_b(const void *row, enum look *look)
{
	(void)look;
	return mean_of(row, TREE_B);
}

static double slower(const void *row)
{
	return 100 * (((const struct gate_row *)row)->test.ratio.value - 1);
}

static double slower_least(const void *row)
{
	return 100 * (((const struct gate_row *)row)->test.ratio.range.low - 1);
}

static double slower_most(const void *row)
{
	return 100 * (((const struct gate_row *)row)->test.ratio.range.high - 1);
}

static double unit_of(const struct gate_row *row)
{
	return row->is_time ? 1e9 : 1;
}

static double in_seconds_a(const void *row)
{
	const struct gate_row *r = row;

	return r->mean[TREE_A] / unit_of(r);
}

static double in_seconds_b(const void *row)
{
	const struct gate_row *r = row;

	return r->mean[TREE_B] / unit_of(r);
}

static bool is_slower(const void *row)
{
	return ((const struct gate_row *)row)->verdict == GATE_SLOWER;
}

#define ROW struct gate_row
static const struct column row_columns[] = {
	TABLE,
	COL("stack", NULL, TEXT, name, SHOWN(1, "stack", 24, NULL)),
	COL("cores", NULL, NUMBER, cores, SHOWN(3, "cores", 5, NULL)),
	COL("what", NULL, TEXT, what),
	{.type = COLUMN_TEXT, .text = what_of, SHOWN(2, "what", 14, NULL)},
	{"better", NULL, COLUMN_TEXT, .text = better_of},
	COL("a_runs", NULL, COUNT, n[TREE_A]),
	COL("b_runs", NULL, COUNT, n[TREE_B]),
	COL("a_failed_runs", NULL, COUNT, failed[TREE_A]),
	COL("b_failed_runs", NULL, COUNT, failed[TREE_B]),
	{"a_mean", NULL, COLUMN_REAL, .number = in_seconds_a},
	{"b_mean", NULL, COLUMN_REAL, .number = in_seconds_b},
	{.type = COLUMN_OWN, .own = mean_a, SHOWN(4, "A", 11, NULL)},
	{.type = COLUMN_OWN, .own = mean_b, SHOWN(5, "B", 11, NULL)},
	COL("ratio", NULL, ESTIMATE, test.ratio),
	{.type = COLUMN_REAL, .number = slower, SHOWN(6, "slower %", 8, NULL), .decimals = 2},
	{.type = COLUMN_REAL, .number = slower_least, SHOWN(7, "least", 7, NULL), .decimals = 2},
	{.type = COLUMN_REAL, .number = slower_most, SHOWN(8, "most", 7, NULL), .decimals = 2},
	COL("p_slower", NULL, REAL, test.p_above),
	COL("p_slower_holm", NULL, REAL, test.p_above_holm),
	COL("p_not_slower", NULL, REAL, test.p_below),
	COL("p_not_slower_holm", NULL, REAL, test.p_below_holm),
	COL("runs_to_decide", NULL, NEEDED, needed),
	{"verdict", NULL, COLUMN_TEXT, .text = verdict_of, SHOWN(9, "verdict", -10, NULL)},
	COL("", NULL, OBJECT, cause, .of = cause_columns, .only = is_slower),
	{},
};
#undef ROW

static const char *status_of(const struct gate *g)
{
	if (!gate_is_passed(g))
		return "failed";
	return g->n_verdict[GATE_UNDECIDED] > 0 ? "passed, but undecided" : "passed";
}

static void put_row_name(const struct gate_row *row, FILE *out)
{
	fprintf(out, "%.100s on %lld %s", row->name, (long long)row->cores,
		cores_word(row->cores, row->diff->pair.sides[TREE_B].configuration->scenario));
}

/* What the value itself changed by, in percent, where it is @ratio times as bad: of a rate that is a ninth, 89. */
static double changed(const struct gate_row *row, double ratio)
{
	return 100 * (row->higher ? 1 - 1 / ratio : ratio - 1);
}

static void put_slower(const struct gate *g, FILE *out)
{
	for (size_t i = 0; i < g->n_rows; i++) {
		const struct gate_row *row = &g->rows[i];

		if (row->verdict != GATE_SLOWER)
			continue;
		fputc(' ', out);
		put_row_name(row, out);
		fprintf(out, ": %s is %s by %.1f %%, at least %.1f %%.%s%s", what_of(row),
			!row->is_time && row->higher ? "lower"
			: row->is_time               ? "longer"
						     : "higher",
			changed(row, row->test.ratio.value),
			changed(row, row->test.ratio.range.low), *row->cause.text ? " " : "",
			row->cause.text);
	}
}

/** What could not be decided, and what would. */
static void put_undecided(const struct gate *g, FILE *out)
{
	size_t most = 0;

	if (g->n_verdict[GATE_UNDECIDED] == 0)
		return;
	for (size_t i = 0; i < g->n_rows; i++)
		if (g->rows[i].verdict == GATE_UNDECIDED && g->rows[i].needed > most)
			most = g->rows[i].needed;
	fprintf(out, " %zu of %zu cannot be decided", g->n_verdict[GATE_UNDECIDED], g->n_rows);
	if (most > 0)
		fprintf(out,
			": as these runs vary, it takes about %zu of each to show that B is no "
			"slower",
			repetitions_round(most));
	fprintf(out, "%s.", g->strict ? " (--strict: that fails)" : "");
}

/* "2", "0.5" */
static struct format_text bound_text(const struct gate *g)
{
	return format_number(100 * g->bound);
}

static void put_paragraph(const struct gate *g, FILE *out)
{
	fprintf(out, "%s: ", gate_is_passed(g) ? "Passed" : "Failed");
	if (g->n_verdict[GATE_SLOWER] > 0)
		fprintf(out, "B is slower by more than %s %% in %zu of %zu.", bound_text(g).text,
			g->n_verdict[GATE_SLOWER], g->n_rows);
	else if (g->n_verdict[GATE_UNDECIDED] > 0 && g->strict)
		fprintf(out, "B is not shown to be no more than %s %% slower.", bound_text(g).text);
	else if (g->n_verdict[GATE_UNDECIDED] > 0)
		fprintf(out, "B is not shown to be slower by more than %s %%.", bound_text(g).text);
	else
		fprintf(out, "B is shown to be no more than %s %% slower.", bound_text(g).text);
	put_slower(g, out);
	put_undecided(g, out);
	if (g->n_failed_runs > 0)
		fprintf(out, " %zu %s of B failed, and %s in none of these numbers%s.",
			g->n_failed_runs, g->n_failed_runs == 1 ? "run" : "runs",
			g->n_failed_runs == 1 ? "is" : "are",
			g->strict ? " (--strict: that fails)" : "");
	fputc('\n', out);
}

int gate_write_text(const struct gate *g, FILE *out)
{
	int r = columns_write(row_columns, g->rows, g->n_rows, out);

	if (r < 0)
		return r;
	fprintf(out,
		"Means; by how much B is slower, with one-sided 95 %% limits (Welch's test, Holm "
		"over %zu).\n\n",
		g->n_rows);
	put_paragraph(g, out);
	return ferror(out) ? -EIO : 0;
}

static json_t *paragraph_json(const struct gate *g)
{
	char *words = NULL;
	size_t size;
	FILE *out = open_memstream(&words, &size);
	json_t *value;

	if (!out)
		return NULL;
	put_paragraph(g, out);
	if (fclose(out) != 0) {
		free(words);
		return NULL;
	}
	words[strcspn(words, "\n")] = '\0';
	value = json_string(words);
	free(words);
	return value;
}

json_t *gate_json(const struct gate *g)
{
	json_t *o = json_object();
	bool bad = !o;

	bad |= put(o, "status", text(status_of(g)));
	bad |= put(o, "passed", json_boolean(gate_is_passed(g)));
	bad |= put(o, "text", paragraph_json(g));
	bad |= put(o, "bound", real(g->bound));
	bad |= put(o, "strict", json_boolean(g->strict));
	bad |= put(o, "slower", json_integer((json_int_t)g->n_verdict[GATE_SLOWER]));
	bad |= put(o, "not_slower", json_integer((json_int_t)g->n_verdict[GATE_NOT_SLOWER]));
	bad |= put(o, "undecided", json_integer((json_int_t)g->n_verdict[GATE_UNDECIDED]));
	bad |= put(o, "failed_runs", json_integer((json_int_t)g->n_failed_runs));
	bad |= put(o, "comparisons", columns_json_rows(row_columns, g->rows, g->n_rows));
	return finish(o, bad);
}
