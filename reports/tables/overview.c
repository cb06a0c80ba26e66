/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/tables/overview.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "reports/tables/tables_internal.h"

/* Where a state has less than this share in every row, it is one of the others. */
#define SHARE_LEAST   0.01
#define SHARE_WIDTH   5
#define OTHER         "other"
#define METRIC_WIDTH  9
#define METRICS_SHOWN 2 /* in a terminal */

/** "0.0123", "1.234": so many decimals that short boots can be compared. */
static struct format_text as_seconds(double s)
{
	return format_fixed(s, fabs(s) < 0.1 ? 4 : fabs(s) < 100 ? 3 : 2);
}

static struct format_text as_percent(double percent)
{
	return format_percent(percent, 100);
}

#define ROW struct overview_row
static const struct column first_columns[] = {
	TABLE,
	COL(NULL, NULL, PART, n_ok, WHOLE(n_runs), SHOWN(1, "runs", 5, "#runs")),
	COL(NULL, NULL, ESTIMATE, runtime, SHOWN(2, "run s", 7, "#run s"), .metric = "runtime",
		.format = as_seconds),
	COL(NULL, NULL, INTERVAL, runtime.range, .place = 3, .title = "95 %", .width = 17,
		.format = as_seconds),
	COL(NULL, NULL, ESTIMATE, speedup, SHOWN(4, "speed-up", 9, "#speed-up"),
		.metric = "speedup", .decimals = 2),
	COL(NULL, NULL, ESTIMATE, efficiency, ON_PAGE(5, "#efficiency %"), .metric = "efficiency",
		.format = as_percent),
	COL(NULL, NULL, ESTIMATE, boot, SHOWN(6, "boot s", 7, "#boot s"), .metric = "boot",
		.format = as_seconds),
};

/* Of boots alone there is nothing else. */
static const struct column boot_interval = COL(NULL, NULL, INTERVAL, boot.range, .place = 7,
	.title = "95 %", .width = 17, .format = as_seconds);

static const struct column metric_column = {
	.type = COLUMN_ESTIMATE, .width = METRIC_WIDTH, .format = format_number};
static const struct column share_column = {
	.type = COLUMN_SHARE, .whole = offsetof(ROW, lane_time_ns)};
#undef ROW

static struct estimate as_percents(const struct estimate *e)
{
	return (struct estimate){100 * e->value, {100 * e->range.low, 100 * e->range.high}};
}

/** The mean with its interval, where there is a spread that has it. */
static struct estimate mean_of(const struct statistic *t, const struct description *d, double unit)
{
	return (struct estimate){t->n ? t->mean / unit : NAN,
		{d ? d->mean_interval.low / unit : NAN, d ? d->mean_interval.high / unit : NAN}};
}

static bool ends_metric(const struct explanation *e, size_t i)
{
	return i + 1 == e->n_metrics ||
	       e->metrics[i + 1].metric->name != e->metrics[i].metric->name;
}

/* Those of one metric are neighbours. */
static void take_metrics(const struct explanation *e, struct overview_row *row)
{
	for (size_t k = 0; k < OVERVIEW_METRICS_MAX; k++)
		row->metrics[k] = (struct estimate){NAN, {NAN, NAN}};
	for (size_t i = 0, k = 0; i < e->n_metrics && k < OVERVIEW_METRICS_MAX; i++) {
		const struct spread *x = &e->metrics[i];

		if (x->configuration == row->configuration)
			row->metrics[k] = mean_of(&x->metric->known, &x->values, 1);
		k += ends_metric(e, i);
	}
}

static void take_shares(const struct book *book, struct overview_row *row)
{
	row->lane_time_ns = book->has_accounts ? book->lane_time_ns : NAN;
	for (int i = 0; i < STATE_COUNT; i++)
		row->share_ns[i] = book->state_ns[i];
}

static struct overview_row make_row(
	const struct explanation *e, const struct configuration *configuration)
{
	const struct spread *spread = explanation_spread(e, configuration);
	const struct scaling *scaling = explanation_scaling(e, configuration);
	const struct estimate itself = {
		configuration->cores == 1 && configuration->runtime_ns.n > 0 ? 1 : NAN, {NAN, NAN}};
	struct overview_row row = {
		.configuration = configuration,
		.n_ok = configuration->n_ok,
		.n_runs = configuration->n_runs,
		.runtime =
			mean_of(&configuration->runtime_ns, spread ? &spread->runtime : NULL, 1e9),
		.boot = mean_of(&configuration->boot_ns, spread ? &spread->boot : NULL, 1e9),
		.speedup = scaling ? scaling->speedup : itself,
		.efficiency = as_percents(scaling ? &scaling->efficiency : &itself),
	};

	take_metrics(e, &row);
	take_shares(&configuration->window, &row);
	return row;
}

static bool shows_something(const struct overview *o, const struct column *c)
{
	enum look look;

	for (size_t i = 0; i < o->n; i++)
		if (strcmp(column_shown(c, &o->rows[i], "/", &look).text, "-") != 0)
			return true;
	return false;
}

/* Any speed-up of its own is 1, which says nothing. */
static bool has_speedup(const struct overview *o)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->rows[i].configuration->cores > 1 && !isnan(o->rows[i].speedup.value))
			return true;
	return false;
}

static struct column *add(struct overview *o, size_t *n, const struct column *column)
{
	struct column *c = &o->columns[*n];

	*c = *column;
	c->place = (int)(*n)++;
	return c;
}

static void add_first(struct overview *o, size_t *n)
{
	bool run = false;

	for (size_t i = 0; i < ARRAY_SIZE(first_columns); i++) {
		struct column *c = add(o, n, &first_columns[i]);
		bool is_run = c->offset == offsetof(struct overview_row, runtime);
		bool is_speedup = c->offset == offsetof(struct overview_row, speedup);

		if (i > 0 && (!shows_something(o, c) || (is_speedup && !has_speedup(o))))
			c->title = NULL;
		run |= is_run && c->title;
	}
	if (!run && shows_something(o, &boot_interval))
		add(o, n, &boot_interval);
}

static void add_metrics(struct overview *o, const struct explanation *e, size_t *n)
{
	for (size_t i = 0; i < e->n_metrics; i++) {
		const char *name = e->metrics[i].metric->name;
		struct column *c;

		if (!ends_metric(e, i))
			continue;
		if (o->n_metrics++ >= METRICS_SHOWN)
			o->n_metrics_hidden++;
		if (o->n_metrics > OVERVIEW_METRICS_MAX)
			continue;
		c = add(o, n, &metric_column);
		c->offset = offsetof(struct overview_row, metrics) +
			    (o->n_metrics - 1) * sizeof(struct estimate);
		c->title = o->n_metrics > METRICS_SHOWN ? NULL : name;
		snprintf(o->titles[*n], sizeof(o->titles[*n]), "#%.*s", 64, name);
		c->page = o->titles[*n];
	}
}

/** The largest share that a state has anywhere. */
static double largest_share(const struct overview *o, int state)
{
	double most = 0;

	for (size_t i = 0; i < o->n; i++)
		if (o->rows[i].lane_time_ns > 0)
			most = fmax(most, o->rows[i].share_ns[state] / o->rows[i].lane_time_ns);
	return most;
}

static int share_width(const char *name)
{
	int width = (int)strlen(name) + 1;

	return width < SHARE_WIDTH ? SHARE_WIDTH : width;
}

/* The largest that there is room for, and one in any case. */
static void choose_states(const struct overview *o, int room, bool shown[STATE_COUNT])
{
	for (bool any = false;; any = true) {
		int best = -1;

		for (int i = 0; i < STATE_COUNT; i++)
			if (!shown[i] && largest_share(o, i) >= SHARE_LEAST &&
				(!any || share_width(state_label(i)) <= room) &&
				(best < 0 || largest_share(o, i) > largest_share(o, best)))
				best = i;
		if (best < 0)
			return;
		shown[best] = true;
		room -= share_width(state_label(best));
	}
}

static void add_share(struct overview *o, int state, const char *name, size_t *n)
{
	struct column *c = add(o, n, &share_column);

	o->has_shares = true;
	c->offset = offsetof(struct overview_row, share_ns) + (size_t)state * sizeof(double);
	c->title = name;
	c->width = share_width(name);
	snprintf(o->titles[*n], sizeof(o->titles[*n]), "#%.60s", name);
	c->page = o->titles[*n];
}

static void add_shares(struct overview *o, int room, size_t *n)
{
	bool shown[STATE_COUNT] = {};

	choose_states(o, room - share_width(OTHER), shown);
	for (size_t i = 0; i < o->n; i++) {
		struct overview_row *row = &o->rows[i];

		row->share_ns[OVERVIEW_OTHER] = row->lane_time_ns;
		for (int k = 0; k < STATE_COUNT; k++)
			row->share_ns[OVERVIEW_OTHER] -= shown[k] ? row->share_ns[k] : 0;
		/* Sums of doubles leave a little. */
		if (fabs(row->share_ns[OVERVIEW_OTHER]) < 1e-9 * row->lane_time_ns)
			row->share_ns[OVERVIEW_OTHER] = 0;
	}
	for (int k = 0; k < STATE_COUNT; k++)
		if (shown[k])
			add_share(o, k, state_label(k), n);
	if (largest_share(o, OVERVIEW_OTHER) > 0)
		add_share(o, OVERVIEW_OTHER, OTHER, n);
}

static int width_of(const struct overview *o)
{
	int width = 0;

	for (const struct column *c = o->columns + 1; c->type; c++)
		width += c->title ? c->width : 0;
	return width;
}

int overview_make(const struct explanation *e, struct overview **ret)
{
	_cleanup_overview_ struct overview *o = calloc(1, sizeof(*o));
	const struct summary *s = e->summary;
	size_t n = 0;

	if (o)
		o->rows = calloc(s->n_configurations + 1, sizeof(*o->rows));
	if (!o || !o->rows)
		return -ENOMEM;
	for (; o->n < s->n_configurations; o->n++)
		o->rows[o->n] = make_row(e, &s->configurations[o->n]);
	add_first(o, &n);
	add_metrics(o, e, &n);
	o->name_width = name_width(s, 6 + width_of(o) + 2 * SHARE_WIDTH);
	add_shares(o, table_width(stdout) - o->name_width - 6 - width_of(o), &n);
	*ret = TAKE_PTR(o);
	return 0;
}

void overview_free(struct overview *o)
{
	if (!o)
		return;
	free(o->rows);
	free(o);
}
