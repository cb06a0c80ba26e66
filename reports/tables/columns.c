/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/tables/columns.h"

#include <math.h>

#include "reports/text/csv.h"
#include "reports/text/json.h"

/** The member, as what its type says it is. */
#define MEMBER(c, row, type) (*(type const *)(const void *)((const char *)(row) + (c)->offset))
#define WHOLE(c, row)        (*(const size_t *)((const char *)(row) + (c)->whole))

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

/** A whole number of whatever type; STORE_NULL: not known. */
static int64_t whole_number(const struct column *c, const void *row)
{
	switch (c->type) {
	case COLUMN_BOOL:
		return MEMBER(c, row, bool);
	case COLUMN_COUNT:
	case COLUMN_PART:
		return (int64_t)MEMBER(c, row, size_t);
	default:
		return MEMBER(c, row, int64_t);
	}
}

static json_t *value_json(const struct column *c, const void *row)
{
	switch (c->type) {
	case COLUMN_TEXT:
		return text(MEMBER(c, row, const char *));
	case COLUMN_BOOL:
	case COLUMN_TRUTH:
		return truth(whole_number(c, row));
	case COLUMN_NS:
	case COLUMN_REAL:
		return real(MEMBER(c, row, double));
	case COLUMN_STATISTIC:
		return statistic_json(&MEMBER(c, row, struct statistic));
	default:
		return number(whole_number(c, row));
	}
}

bool columns_json(const struct columns *c, const void *row, json_t *object)
{
	bool bad = false;

	for (size_t i = 0; i < c->n; i++)
		if (c->list[i].json)
			bad |= put(object, c->list[i].json, value_json(&c->list[i], row));
	return bad;
}

json_t *columns_json_rows(const struct columns *c, const void *rows, size_t n, size_t row_size)
{
	json_t *array = json_array();
	bool bad = !array;

	for (size_t i = 0; i < n; i++) {
		json_t *o = json_object();

		bad |= columns_json(c, (const char *)rows + i * row_size, o);
		bad |= json_array_append_new(array, o) < 0;
	}
	return finish(array, bad);
}

void columns_csv_names(const struct columns *c, bool line, FILE *out)
{
	for (size_t i = 0; i < c->n; i++) {
		const char *name = c->list[i].csv, *comma = line && i == 0 ? "" : ",";

		if (name && c->list[i].type == COLUMN_STATISTIC)
			fprintf(out, "%s%s_s,%s_stddev_s", comma, name, name);
		else if (name)
			fprintf(out, "%s%s", comma, name);
	}
}

static void put_field(const struct column *c, const void *row, FILE *out)
{
	const struct statistic *s;
	int64_t n;

	switch (c->type) {
	case COLUMN_TEXT:
		fputc(',', out);
		csv_text(out, MEMBER(c, row, const char *));
		return;
	case COLUMN_TIME:
	case COLUMN_SPAN:
		n = whole_number(c, row);
		csv_seconds(out, n == STORE_NULL ? NAN : (double)n);
		return;
	case COLUMN_NS:
		csv_seconds(out, MEMBER(c, row, double));
		return;
	case COLUMN_STATISTIC:
		s = &MEMBER(c, row, struct statistic);
		csv_seconds(out, s->n ? s->mean : NAN);
		csv_seconds(out, statistic_stddev(s));
		return;
	default:
		csv_number(out, whole_number(c, row));
	}
}

void columns_csv(const struct columns *c, const void *row, bool line, FILE *out)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct column *column = &c->list[i];

		if (line && i == 0 && column->type == COLUMN_TEXT)
			csv_text(out, MEMBER(column, row, const char *));
		else if (line && i == 0)
			fprintf(out, "%lld", (long long)whole_number(column, row));
		else if (column->csv)
			put_field(column, row, out);
	}
}

int columns_width(const struct columns *c)
{
	int width = 0;

	for (size_t i = 0; i < c->n; i++)
		width += c->list[i].width;
	return width;
}

const struct column *column_next(const struct columns *c, const struct column *last)
{
	const struct column *next = NULL;

	for (size_t i = 0; i < c->n; i++)
		if (c->list[i].place > (last ? last->place : 0) &&
			(!next || c->list[i].place < next->place))
			next = &c->list[i];
	return next;
}

void columns_put_titles(const struct columns *c, struct table *t)
{
	for (const struct column *x = column_next(c, NULL); x; x = column_next(c, x))
		if (x->title)
			table_cell(t, x->title, -x->width);
}

void columns_put(const struct columns *c, const void *row, struct table *t)
{
	for (const struct column *x = column_next(c, NULL); x; x = column_next(c, x)) {
		bool alarm;

		if (!x->title)
			continue;
		table_cell(t, column_shown(x, row, "/", &alarm).text, -x->width);
		if (alarm)
			table_alarm(t);
	}
}

static struct format_text part_shown(size_t part, size_t whole, const char *of, bool *ret_alarm)
{
	struct format_text shown;

	*ret_alarm = part < whole;
	if (whole == 0)
		return (struct format_text){"-"};
	snprintf(shown.text, sizeof(shown.text), "%zu%s%zu", part, of, whole);
	return shown;
}

static struct format_text whole_shown(const struct column *c, int64_t n, bool *ret_alarm)
{
	double ns = n == STORE_NULL ? NAN : (double)n;

	switch (c->type) {
	case COLUMN_LOST:
		*ret_alarm = n > 0;
		return format_count(ns);
	case COLUMN_TIME:
		return format_seconds(ns);
	case COLUMN_SPAN:
		if (isnan(ns))
			return (struct format_text){"-"};
		return format_time(ns);
	case COLUMN_TRUTH:
		*ret_alarm = n == 0;
		if (n == STORE_NULL)
			return (struct format_text){"-"};
		if (n)
			return (struct format_text){"yes"};
		return (struct format_text){"no"};
	default:
		return format_count(ns);
	}
}

struct format_text column_shown(
	const struct column *c, const void *row, const char *of, bool *ret_alarm)
{
	*ret_alarm = false;
	switch (c->type) {
	case COLUMN_OWN:
		return c->own(row);
	case COLUMN_STATISTIC:
		return format_spread(&MEMBER(c, row, struct statistic));
	case COLUMN_NS:
		return format_ms(MEMBER(c, row, double));
	case COLUMN_PART:
		return part_shown(MEMBER(c, row, size_t), WHOLE(c, row), of, ret_alarm);
	default:
		return whole_shown(c, whole_number(c, row), ret_alarm);
	}
}

/* The tables. */

#define OF_RUN(member) .offset = offsetof(struct store_run, member)

static const struct column runs[] = {
	{"id", "run", COLUMN_NUMBER, OF_RUN(id)},
	{"guest", "guest", COLUMN_TEXT, OF_RUN(guest)},
	{"cores", "cores", COLUMN_NUMBER, OF_RUN(cores)},
	{"scenario", "scenario", COLUMN_TEXT, OF_RUN(scenario)},
	{"label", "label", COLUMN_TEXT, OF_RUN(label)},
	{"accel", "accel", COLUMN_TEXT, OF_RUN(accel)},
	{"block", "block", COLUMN_NUMBER, OF_RUN(block)},
	{"counted", "counted", COLUMN_BOOL, OF_RUN(counted)},
	{"repetition", "repetition", COLUMN_NUMBER, OF_RUN(repetition)},
	{"position", "position", COLUMN_NUMBER, OF_RUN(position)},
	{"start_utc", "start_utc", COLUMN_TEXT, OF_RUN(start_utc)},
	{"status", "status", COLUMN_TEXT, OF_RUN(status)},
	{"boot_ns", "boot_s", COLUMN_TIME, OF_RUN(boot_ns), .place = 1, .page = "#boot s"},
	{"runtime_ns", "runtime_s", COLUMN_TIME, OF_RUN(runtime_ns), .place = 2, .page = "#run s"},
	{"guest_runtime_ns", "guest_runtime_s", COLUMN_TIME, OF_RUN(guest_runtime_ns)},
};

static const struct column runs_end[] = {
	{"residual_ns", "residual_s", COLUMN_SPAN, OF_RUN(residual_ns), .place = 1,
		.page = "#residual"},
	{"lost_events", "lost_events", COLUMN_LOST, OF_RUN(lost_events), .place = 2,
		.page = "#lost"},
	{"closed", "closed", COLUMN_TRUTH, OF_RUN(closed), .place = 3, .page = "closed"},
	{"audited", "audited", COLUMN_TRUTH, OF_RUN(audited), .place = 4, .page = "audited"},
	{"error", "error", COLUMN_TEXT, OF_RUN(error)},
	{"split", NULL, COLUMN_TEXT, OF_RUN(split)},
	{"frequency_hz", NULL, COLUMN_NUMBER, OF_RUN(frequency_hz)},
	{"raster_sha256", NULL, COLUMN_TEXT, OF_RUN(raster_sha256)},
};

const struct columns run_columns = COLUMNS(runs), run_columns_end = COLUMNS(runs_end);

static struct format_text variation(const void *row)
{
	const struct statistic *time = &((const struct cell *)row)->runtime_ns;

	return format_percent(statistic_stddev(time), time->mean);
}

static struct format_text residual(const void *row)
{
	const struct book *window = &((const struct cell *)row)->window;

	return window->has_accounts ? format_percent(window->residual_ns, window->lane_time_ns)
				    : (struct format_text){"-"};
}

#define OF_CELL(member)         .offset = offsetof(struct cell, member)
#define PART_OF(member, whole_) OF_CELL(member), .whole = offsetof(struct cell, whole_)

static const struct column cells[] = {
	{"guest", "guest", COLUMN_TEXT, OF_CELL(guest)},
	{"cores", "cores", COLUMN_NUMBER, OF_CELL(cores)},
	{"scenario", "scenario", COLUMN_TEXT, OF_CELL(scenario)},
	{"label", "label", COLUMN_TEXT, OF_CELL(label)},
	{"name", NULL, COLUMN_TEXT, OF_CELL(name)},
	{"accel", "accel", COLUMN_TEXT, OF_CELL(accel)},
	{"runs", "runs", COLUMN_COUNT, OF_CELL(n_runs)},
	{"warmups", NULL, COLUMN_COUNT, OF_CELL(n_warmups)},
	{"runs_ok", "runs_ok", COLUMN_PART, PART_OF(n_ok, n_runs), .place = 1, .title = "runs",
		.width = 6, .page = "#measured"},
	{"runs_closed", "runs_closed", COLUMN_PART, PART_OF(n_closed, n_ok), .place = 7,
		.title = "closed", .width = 7, .page = "#books closed"},
	{"runs_audited", "runs_audited", COLUMN_PART, PART_OF(n_audited, n_ok), .place = 8,
		.title = "audited", .width = 8, .page = "#clocks agree"},
	{"audit_worst", NULL, COLUMN_REAL, OF_CELL(audit_worst)},
	{"lost_events", "lost_events", COLUMN_LOST, OF_CELL(lost_events), .place = 6,
		.title = "lost", .width = 6, .page = "#lost events"},
	{"boot_ns", "boot", COLUMN_STATISTIC, OF_CELL(boot_ns), .place = 2, .title = "boot s",
		.width = 18},
	{"runtime_ns", "runtime", COLUMN_STATISTIC, OF_CELL(runtime_ns), .place = 3,
		.title = "run s", .width = 20},
	{"guest_runtime_ns", "guest_runtime", COLUMN_STATISTIC, OF_CELL(guest_runtime_ns)},
	{"residual_ns", NULL, COLUMN_STATISTIC, OF_CELL(residual_ns)},
	{NULL, NULL, COLUMN_OWN, .own = variation, .place = 4, .title = "cv %", .width = 7},
	{NULL, NULL, COLUMN_OWN, .own = residual, .place = 5, .title = "resid. %", .width = 9,
		.page = "#residual %"},
};

const struct columns cell_columns = COLUMNS(cells);

#define OF_STEP(member) .offset = offsetof(struct boot_part, member)

static const struct column steps[] = {
	{"name", "step", COLUMN_TEXT, OF_STEP(name)},
	{"source", "source", COLUMN_TEXT, OF_STEP(source)},
	{"n", "runs", COLUMN_COUNT, OF_STEP(n)},
	{"mean", "mean_s", COLUMN_NS, OF_STEP(mean_ns), .place = 1, .title = "mean ms", .width = 9,
		.page = "#mean ms"},
	{"stddev", "stddev_s", COLUMN_NS, OF_STEP(stddev_ns), .place = 2, .title = "s.d.",
		.width = 9, .page = "#σ ms"},
	{"median", "median_s", COLUMN_NS, OF_STEP(median_ns), .place = 3, .title = "median",
		.width = 9, .page = "#median ms"},
	{"min", "min_s", COLUMN_NS, OF_STEP(min_ns)},
	{"max", "max_s", COLUMN_NS, OF_STEP(max_ns)},
};

const struct columns boot_columns = COLUMNS(steps);
