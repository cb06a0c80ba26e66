/* SPDX-License-Identifier: GPL-2.0-or-later */
/** A history as text and JSON. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/history/history.h"
#include "reports/text/json.h"

/** A point, as a terminal has it. */
struct line {
	const char *label;
	size_t runs;
	struct format_text mean, interval, change;
};

static struct format_text mean_shown(const void *row, enum look *look)
{
	(void)look;
	return ((const struct line *)row)->mean;
}

static struct format_text interval_shown(const void *row, enum look *look)
{
	(void)look;
	return ((const struct line *)row)->interval;
}

static struct format_text change_shown(const void *row, enum look *look)
{
	(void)look;
	return ((const struct line *)row)->change;
}

#define ROW struct line
static const struct column line_columns[] = {
	TABLE,
	COL(NULL, NULL, TEXT, label, SHOWN(1, "experiment", 32, NULL)),
	COL(NULL, NULL, COUNT, runs, SHOWN(2, "runs", 5, NULL)),
	{.type = COLUMN_OWN, .own = mean_shown, SHOWN(3, "mean", 12, NULL)},
	{.type = COLUMN_OWN, .own = interval_shown, SHOWN(4, "95 % interval", 26, NULL)},
	{.type = COLUMN_OWN, .own = change_shown, SHOWN(5, "change", 10, NULL)},
	{},
};
#undef ROW

static struct format_text value_of(const struct history_series *s, double value)
{
	return s->is_time ? format_time(value) : format_number(value);
}

static const struct history_change *change_at(const struct history_series *s, size_t point)
{
	for (size_t i = 0; i < s->n_changes; i++)
		if (s->changes[i].at == point)
			return &s->changes[i];
	return NULL;
}

static struct format_text percent_of(const struct history_change *c)
{
	struct format_text t;

	snprintf(t.text, sizeof(t.text), "%+.1f %%", 100 * (c->ratio - 1));
	return t;
}

static struct line line_of(const struct history_series *s, size_t i)
{
	const struct history_point *p = &s->points[i];
	const struct history_change *c = change_at(s, i);
	struct line line = {.label = p->store->label, .runs = p->n};

	if (p->n == 0) {
		strcpy(line.mean.text, "-");
		return line;
	}
	line.mean = value_of(s, p->mean.value);
	if (!isnan(p->mean.range.low))
		snprintf(line.interval.text, sizeof(line.interval.text), "[%.24s, %.24s]",
			value_of(s, p->mean.range.low).text, value_of(s, p->mean.range.high).text);
	if (c)
		line.change = percent_of(c);
	return line;
}

static void put_name(const struct history_series *s, FILE *out)
{
	fprintf(out, "%.100s on %lld %s: %.100s", s->name, (long long)s->cores,
		cores_word(s->cores, s->scenario), quantity_title(s->what));
}

static void put_change(const struct history_series *s, const struct history_change *c, FILE *out)
{
	fprintf(out, "%.100s: %s from %.100s on (p = %.3f).%s%s\n", s->points[c->at].store->label,
		percent_of(c).text, s->points[c->from].store->label, c->p,
		*c->cause.text ? " " : "", c->cause.text);
}

static int put_series(const struct history_series *s, FILE *out)
{
	_cleanup_free_ struct line *lines = calloc(s->n_points + 1, sizeof(*lines));
	int r;

	if (!lines)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_points; i++)
		lines[i] = line_of(s, i);
	put_name(s, out);
	fputs("\n\n", out);
	r = columns_write(line_columns, lines, s->n_points, out);
	fputc('\n', out);
	for (size_t i = 0; i < s->n_changes; i++)
		put_change(s, &s->changes[i], out);
	if (s->n_changes == 0)
		fputs("No change is found.\n", out);
	fputc('\n', out);
	return r;
}

int history_write_text(const struct history *h, FILE *out)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < h->n_series; i++)
		r = put_series(&h->series[i], out);
	fprintf(out,
		"Changes of %s %% or more; E-divisive, permutation test, 5 %% over %zu series.\n",
		format_number(100 * h->least).text, h->n_series);
	return r < 0 ? r : ferror(out) ? -EIO : 0;
}

/* Times are ns in documents. */

static const char *label_of(const void *row)
{
	return ((const struct history_point *)row)->store->label;
}

#define ROW struct history_point
static const struct column point_columns[] = {
	TABLE,
	{"label", NULL, COLUMN_TEXT, .text = label_of},
	COL("runs", NULL, COUNT, n),
	COL("mean", NULL, ESTIMATE, mean),
	COL("level", NULL, REAL, level),
	{},
};
#undef ROW

#define ROW struct history_change
static const struct column change_columns[] = {
	TABLE,
	COL("point", NULL, COUNT, at),
	COL("before", NULL, COUNT, from),
	COL("p", NULL, REAL, p),
	COL("ratio", NULL, REAL, ratio),
	COL("", NULL, OBJECT, cause, .of = cause_columns),
	{},
};
#undef ROW

static const char *better_of(const void *row)
{
	return ((const struct history_series *)row)->higher ? "higher" : "lower";
}

#define ROW struct history_series
static const struct column series_columns[] = {
	TABLE,
	COL("stack", NULL, TEXT, name),
	COL("cores", NULL, NUMBER, cores),
	COL("scenario", NULL, TEXT, scenario),
	COL("what", NULL, TEXT, what),
	{"better", NULL, COLUMN_TEXT, .text = better_of},
	COL("points", NULL, LIST, points, WHOLE(n_points), .of = point_columns),
	COL("changes", NULL, LIST, changes, WHOLE(n_changes), .of = change_columns),
	{},
};
#undef ROW

json_t *history_json(const struct history *h)
{
	json_t *o = json_object();
	bool bad = !o;

	bad |= put(o, "least_change", real(h->least));
	bad |= put(o, "history", columns_json_rows(series_columns, h->series, h->n_series));
	return finish(o, bad);
}
