/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/text/columns.h"

#include <math.h>
#include <stdlib.h>

#include "reports/text/csv.h"
#include "reports/text/json.h"

/** The member, as what its type says it is. */
#define MEMBER(c, row, type) (*(type const *)(const void *)((const char *)(row) + (c)->offset))
#define OTHER(c, row, type)  (*(type const *)(const void *)((const char *)(row) + (c)->whole))

json_t *statistic_json(const struct statistic *s)
{
	json_t *o = json_object();
	bool bad = put(o, "n", json_integer((json_int_t)s->n));

	bad |= put(o, "mean", real(s->n ? s->mean : NAN));
	bad |= put(o, "stddev", real(statistic_stddev(s)));
	bad |= put(o, "min", real(s->n ? s->min : NAN));
	bad |= put(o, "max", real(s->n ? s->max : NAN));
	return finish(o, bad);
}

static const char *text_of(const struct column *c, const void *row)
{
	return c->text ? c->text(row) : MEMBER(c, row, const char *);
}

/** A whole number of whatever type; STORE_NULL: not known. */
static int64_t whole_number(const struct column *c, const void *row)
{
	size_t n;

	switch (c->type) {
	case COLUMN_BOOL:
		return MEMBER(c, row, bool);
	case COLUMN_NEEDED:
		n = MEMBER(c, row, size_t);
		return n ? (int64_t)n : STORE_NULL;
	case COLUMN_COUNT:
	case COLUMN_PART:
		return (int64_t)MEMBER(c, row, size_t);
	default:
		return MEMBER(c, row, int64_t);
	}
}

/** A number of whatever type; NAN: not known. */
static double any_number(const struct column *c, const void *row)
{
	int64_t n;

	if (c->number)
		return c->number(row);
	switch (c->type) {
	case COLUMN_NS:
	case COLUMN_REAL:
	case COLUMN_SHARE:
		return MEMBER(c, row, double);
	case COLUMN_ESTIMATE:
		return MEMBER(c, row, struct estimate).value;
	default:
		n = whole_number(c, row);
		return n == STORE_NULL ? NAN : (double)n;
	}
}

static bool put_interval(json_t *o, const char *prefix, const struct interval *range)
{
	char low[64], high[64];
	bool bad;

	snprintf(low, sizeof(low), "%slow", prefix);
	snprintf(high, sizeof(high), "%shigh", prefix);
	bad = put(o, low, real(range->low));
	return bad | put(o, high, real(range->high));
}

static json_t *estimate_json(const struct estimate *e)
{
	json_t *o = json_object();
	bool bad = put(o, "value", real(e->value));

	return finish(o, bad | put_interval(o, "", &e->range));
}

static const void *object_of(const struct column *c, const void *row)
{
	return c->type == COLUMN_POINTER ? MEMBER(c, row, const void *) : &MEMBER(c, row, char);
}

static json_t *value_json(const struct column *c, const void *row)
{
	if (c->own_json)
		return c->own_json(row);
	switch (c->type) {
	case COLUMN_TEXT:
		return text(text_of(c, row));
	case COLUMN_BOOL:
	case COLUMN_TRUTH:
		return truth(whole_number(c, row));
	case COLUMN_NS:
	case COLUMN_REAL:
	case COLUMN_SHARE:
		return real(any_number(c, row));
	case COLUMN_STATISTIC:
		return statistic_json(&MEMBER(c, row, struct statistic));
	case COLUMN_ESTIMATE:
		return estimate_json(&MEMBER(c, row, struct estimate));
	case COLUMN_OBJECT:
	case COLUMN_POINTER:
		return columns_json_row(c->of, object_of(c, row));
	case COLUMN_LIST:
		return columns_json_rows(
			c->of, MEMBER(c, row, const void *), OTHER(c, row, size_t));
	default:
		return number(whole_number(c, row));
	}
}

bool columns_json(const struct column *c, const void *row, json_t *object)
{
	bool bad = false;

	for (const struct column *x = c + 1; x->type; x++) {
		if (x->only && !x->only(row))
			continue;
		if (x->json && x->type == COLUMN_INTERVAL)
			bad |= put_interval(object, x->json, &MEMBER(x, row, struct interval));
		else if (x->json && !*x->json)
			bad |= columns_json(x->of, object_of(x, row), object);
		else if (x->json)
			bad |= put(object, x->json, value_json(x, row));
	}
	return bad;
}

json_t *columns_json_row(const struct column *c, const void *row)
{
	json_t *o = json_object();

	return finish(o, columns_json(c, row, o));
}

json_t *columns_json_rows(const struct column *c, const void *rows, size_t n)
{
	json_t *array = json_array();
	bool bad = !array;

	for (size_t i = 0; i < n; i++)
		bad |= json_array_append_new(
			       array, columns_json_row(c, (const char *)rows + i * c->offset)) < 0;
	return finish(array, bad);
}

static bool is_object(const struct column *c)
{
	return c->type == COLUMN_OBJECT || c->type == COLUMN_POINTER;
}

void columns_csv_names(const struct column *c, bool line, FILE *out)
{
	for (const struct column *x = c + 1; x->type; x++) {
		const char *comma = line && x == c + 1 ? "" : ",";

		if (!x->csv || x->type == COLUMN_LIST)
			continue;
		if (is_object(x))
			columns_csv_names(x->of, !*comma, out);
		else if (x->type == COLUMN_STATISTIC)
			fprintf(out, "%s%s_s,%s_stddev_s", comma, x->csv, x->csv);
		else if (x->type == COLUMN_INTERVAL)
			fprintf(out, "%s%slow_s,%shigh_s", comma, x->csv, x->csv);
		else
			fprintf(out, "%s%s", comma, x->csv);
	}
}

static void put_field(const struct column *c, const void *row, FILE *out)
{
	const struct statistic *s;

	switch (c->type) {
	case COLUMN_TEXT:
		fputc(',', out);
		csv_text(out, text_of(c, row));
		return;
	case COLUMN_TIME:
	case COLUMN_NS:
		csv_seconds(out, any_number(c, row));
		return;
	case COLUMN_REAL:
	case COLUMN_SHARE:
	case COLUMN_ESTIMATE:
		csv_real(out, any_number(c, row));
		return;
	case COLUMN_STATISTIC:
		s = &MEMBER(c, row, struct statistic);
		csv_seconds(out, s->n ? s->mean : NAN);
		csv_seconds(out, statistic_stddev(s));
		return;
	case COLUMN_INTERVAL:
		csv_seconds(out, MEMBER(c, row, struct interval).low);
		csv_seconds(out, MEMBER(c, row, struct interval).high);
		return;
	default:
		csv_number(out, whole_number(c, row));
	}
}

void columns_csv(const struct column *c, const void *row, bool line, FILE *out)
{
	for (const struct column *x = c + 1; x->type; x++) {
		bool first = line && x == c + 1;

		if (!x->csv || x->type == COLUMN_LIST)
			continue;
		if (is_object(x))
			columns_csv(x->of, row ? object_of(x, row) : NULL, first, out);
		else if (!row)
			fputs(x->type == COLUMN_STATISTIC || x->type == COLUMN_INTERVAL ? ",,"
											: ",",
				out);
		else if (first && x->type == COLUMN_TEXT)
			csv_text(out, text_of(x, row));
		else if (first)
			fprintf(out, "%lld", (long long)whole_number(x, row));
		else
			put_field(x, row, out);
	}
}

/** The next of them for people, behind @last; NULL: the first. NULL: no more. */
static const struct column *next(const struct column *c, const struct column *last)
{
	const struct column *next = NULL;

	for (const struct column *x = c + 1; x->type; x++)
		if (x->place > (last ? last->place : 0) && (!next || x->place < next->place))
			next = x;
	return next;
}

static size_t add_fields(const struct column *c, size_t offset, struct column_field *ret, size_t n)
{
	for (const struct column *x = next(c, NULL); x; x = next(c, x)) {
		if (x->type == COLUMN_OBJECT)
			n = add_fields(x->of, offset + x->offset, ret, n);
		else if (n < COLUMN_FIELDS_MAX)
			ret[n++] = (struct column_field){x, offset};
	}
	return n;
}

size_t columns_fields(const struct column *c, struct column_field ret[static COLUMN_FIELDS_MAX])
{
	return add_fields(c, 0, ret, 0);
}

int columns_width(const struct column *c)
{
	struct column_field fields[COLUMN_FIELDS_MAX];
	size_t n = columns_fields(c, fields);
	int width = 0;

	for (size_t i = 0; i < n; i++)
		width += abs(fields[i].column->width);
	return width;
}

/** As table_cell() has it. */
static int aligned(const struct column *c)
{
	return c->type == COLUMN_TEXT ? c->width : -c->width;
}

void columns_put_titles(const struct column *c, struct table *t)
{
	struct column_field fields[COLUMN_FIELDS_MAX];
	size_t n = columns_fields(c, fields);

	for (size_t i = 0; i < n; i++)
		if (fields[i].column->title)
			table_cell(t, fields[i].column->title, aligned(fields[i].column));
}

static void put_cell(const struct column *x, const void *row, struct table *t)
{
	enum look look = LOOK_PLAIN;

	if (x->type == COLUMN_TEXT)
		table_cell(t, column_text(x, row), aligned(x));
	else
		table_cell(t, column_shown(x, row, "/", &look).text, aligned(x));
	if (look == LOOK_ALARM)
		table_alarm(t);
}

void columns_put(const struct column *c, const void *row, struct table *t)
{
	struct column_field fields[COLUMN_FIELDS_MAX];
	size_t n = columns_fields(c, fields);

	for (size_t i = 0; i < n; i++)
		if (fields[i].column->title)
			put_cell(fields[i].column, column_row(&fields[i], row), t);
}

int columns_write(const struct column *c, const void *rows, size_t n, FILE *out)
{
	struct table *t = table_begin();

	columns_put_titles(c, t);
	table_row(t);
	for (size_t i = 0; i < n; i++) {
		columns_put(c, (const char *)rows + i * c->offset, t);
		table_row(t);
	}
	return table_end(t, out, style_of(out));
}

const char *column_text(const struct column *c, const void *row)
{
	const char *text = text_of(c, row);

	if (text && *text)
		return text;
	return c->none ? c->none : "";
}

const struct estimate *column_estimate(const struct column *c, const void *row)
{
	return &MEMBER(c, row, struct estimate);
}

static struct format_text as_number(double value)
{
	return format_fixed(value, 0);
}

struct format_text column_number(const struct column *c, double value)
{
	static struct format_text (*const formats[])(double) = {
		[COLUMN_NUMBER] = as_number,
		[COLUMN_LOST] = format_count,
		[COLUMN_COUNT] = format_count,
		[COLUMN_NEEDED] = format_count,
		[COLUMN_TIME] = format_seconds,
		[COLUMN_NS] = format_seconds,
		[COLUMN_OWN] = NULL,
	};

	if (c->format)
		return c->format(value);
	return formats[c->type] ? formats[c->type](value) : format_fixed(value, c->decimals);
}

static struct format_text part_shown(size_t part, size_t whole, const char *of, enum look *ret)
{
	struct format_text shown;

	if (part < whole)
		*ret = LOOK_ALARM;
	if (whole == 0)
		return (struct format_text){"-"};
	snprintf(shown.text, sizeof(shown.text), "%zu%s%zu", part, of, whole);
	return shown;
}

static struct format_text truth_shown(int64_t truth, enum look *ret)
{
	*ret = truth == STORE_NULL ? LOOK_NIL : truth ? LOOK_GOOD : LOOK_ALARM;
	if (truth == STORE_NULL)
		return (struct format_text){"-"};
	if (truth)
		return (struct format_text){"yes"};
	return (struct format_text){"no"};
}

static struct format_text interval_shown(const struct column *c, const struct interval *range)
{
	struct format_text low = column_number(c, range->low), high = column_number(c, range->high);
	struct format_text shown = {"-"};

	if (!isnan(range->low))
		snprintf(shown.text, sizeof(shown.text), "[%.28s, %.28s]", low.text, high.text);
	return shown;
}

struct format_text column_shown(
	const struct column *c, const void *row, const char *of, enum look *ret)
{
	*ret = LOOK_PLAIN;
	if (c->only && !c->only(row))
		return (struct format_text){""};
	switch (c->type) {
	case COLUMN_OWN:
		return c->own(row, ret);
	case COLUMN_PART:
		return part_shown(MEMBER(c, row, size_t), OTHER(c, row, size_t), of, ret);
	case COLUMN_TRUTH:
		return truth_shown(whole_number(c, row), ret);
	case COLUMN_SHARE:
		return format_percent(any_number(c, row), OTHER(c, row, double));
	case COLUMN_STATISTIC:
		return format_spread(&MEMBER(c, row, struct statistic));
	case COLUMN_INTERVAL:
		return interval_shown(c, &MEMBER(c, row, struct interval));
	case COLUMN_LOST:
		if (whole_number(c, row) > 0)
			*ret = LOOK_ALARM;
		/* fall through */
	default:
		return column_number(c, any_number(c, row));
	}
}
