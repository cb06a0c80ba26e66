/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One run of each stack, lane by lane: when it worked on rows of the picture, by the program's own
 * report. Of a stack's configurations that with the most lanes, of its runs the median one.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "reports/figures/figures_internal.h"
#include "reports/text/text.h"

#define PANELS_MAX 6
#define LANES_MAX  64
/* Boxes of the whole figure: more are not told apart, and make the file large. */
#define BOXES_MAX 1600

#define LANE_CM  0.34
#define LANES_CM 5.0 /* a panel's lanes together, at most */
#define NAME_CM  0.85
#define AXIS_CM  0.75
#define LEFT_CM  1.0
#define RIGHT_CM 0.35

struct box {
	int64_t lane;
	double start_s, end_s; /* since the program's first marker */
	size_t rows;
};

struct panel {
	const struct configuration *configuration;
	const struct store_run *run;
	double begin_ns, end_ns; /* of the window, host clock */
	struct box *boxes;
	size_t n_boxes;
	size_t n_rows;
	int64_t last_lane; /* of the row before */
	double height_cm;  /* of a lane */
};

struct timeline {
	struct panel panels[PANELS_MAX];
	size_t n;
	double least_share; /* boxes shorter than this share of the window are joined */
};

#define _cleanup_timeline_ __attribute__((cleanup(timeline_clear)))

static void timeline_clear(struct timeline *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->panels[i].boxes);
}

/** When the run's window began and ended. False: it has none. */
static bool find_window(const struct summary *s, struct panel *panel)
{
	const struct store_tables *t = store_tables(s->store);

	panel->begin_ns = INFINITY;
	panel->end_ns = -INFINITY;
	for (size_t i = 0; i < t->n_phases; i++) {
		const struct store_phase *phase = &t->phases[i];

		if (phase->run != panel->run->id || phase_is_outside(phase->name))
			continue;
		panel->begin_ns = fmin(panel->begin_ns, (double)phase->start_ns);
		panel->end_ns = fmax(panel->end_ns, (double)phase->end_ns);
	}
	return panel->end_ns > panel->begin_ns;
}

/** Choose the runs: the configurations are in the order of cores, so that of a stack's the last
 * has most. */
static void choose_runs(const struct summary *s, struct timeline *t)
{
	for (size_t i = 0; i < s->n_configurations && t->n < PANELS_MAX; i++) {
		const struct configuration *configuration = &s->configurations[i];
		struct panel panel = {.configuration = configuration,
			.run = configuration_median(configuration),
			.last_lane = -1};
		bool last = configuration->cores <= LANES_MAX;

		for (size_t k = i + 1; k < s->n_configurations && last; k++)
			last = !configurations_are_kin(&s->configurations[k], configuration) ||
			       s->configurations[k].cores > LANES_MAX;
		if (last && panel.run && find_window(s, &panel))
			t->panels[t->n++] = panel;
	}
}

static int add_box(struct panel *panel, const struct box *box)
{
	return ARRAY_ADD(panel->boxes, panel->n_boxes, *box);
}

/**
 * Take a row in: a new box, or more of the one before, if that is too narrow to be seen and there
 * is no gap that could be seen between them.
 */
static int add_row(
	struct panel *panel, int64_t lane, double start_ns, double end_ns, double least_share)
{
	const double least = (panel->end_ns - panel->begin_ns) / 1e9 * least_share;
	struct box box = {
		lane, (start_ns - panel->begin_ns) / 1e9, (end_ns - panel->begin_ns) / 1e9, 1};
	struct box *before = panel->n_boxes ? &panel->boxes[panel->n_boxes - 1] : NULL;

	if (lane < 0 || lane >= panel->configuration->cores || !(end_ns >= start_ns))
		return 0;
	panel->n_rows++;
	if (before && before->lane == lane && before->end_s - before->start_s < least &&
		box.start_s - before->end_s < least / 2) {
		before->end_s = fmax(before->end_s, box.end_s);
		before->rows++;
		return 0;
	}
	return add_box(panel, &box);
}

static int read_rows(const struct summary *s, struct timeline *t)
{
	_cleanup_query_ sqlite3_stmt *query = NULL;
	char sql[512] = "SELECT run, lane, start_ns, end_ns FROM row WHERE run IN (";
	int r;

	for (size_t i = 0; i < t->n; i++)
		snprintf(sql + strlen(sql), sizeof(sql) - strlen(sql), "%s%lld", i ? "," : "",
			(long long)t->panels[i].run->id);
	snprintf(sql + strlen(sql), sizeof(sql) - strlen(sql), ") ORDER BY run, lane, start_ns");
	r = store_prepare(s->store, &query, sql);
	while (r >= 0 && (r = store_step(s->store, query)) > 0) {
		int64_t run = store_number(query, 0), start = store_number(query, 2),
			end = store_number(query, 3);

		if (start == STORE_NULL || end == STORE_NULL)
			continue;
		for (size_t i = 0; i < t->n && r >= 0; i++)
			if (t->panels[i].run->id == run)
				r = add_row(&t->panels[i], store_number(query, 1), (double)start,
					(double)end, t->least_share);
	}
	return r;
}

/** Forget the panels without rows, and lay out the others. */
static void lay_out(struct timeline *t, struct draft *d)
{
	size_t n = 0;

	d->height_cm = 0.05;
	for (size_t i = 0; i < t->n; i++) {
		struct panel *panel = &t->panels[i];

		if (panel->n_boxes == 0) {
			free(panel->boxes);
			continue;
		}
		panel->height_cm = fmin(LANE_CM, LANES_CM / (double)panel->configuration->cores);
		d->height_cm +=
			NAME_CM + AXIS_CM + panel->height_cm * (double)panel->configuration->cores;
		t->panels[n++] = *panel;
	}
	t->n = n;
	d->height_cm += 0.35; /* the axis' name */
}

static void write_line(FILE *out, size_t panel, const char *kind, int64_t lane, double start,
	double end, size_t rows, size_t shade, const char *name)
{
	fprintf(out, "%zu,%s,%lld,", panel + 1, kind, (long long)lane);
	figure_number(out, start);
	fputc(',', out);
	figure_number(out, end);
	fprintf(out, ",%zu,%zu,", rows, shade);
	figure_text(out, name);
	fputc('\n', out);
}

static void write_data(const struct summary *s, const struct timeline *t, FILE *out)
{
	const struct store_tables *tables = store_tables(s->store);

	fputs("panel,kind,lane,start_s,end_s,rows,shade,name\n", out);
	for (size_t i = 0; i < t->n; i++) {
		const struct panel *panel = &t->panels[i];
		_cleanup_free_ char *name = NULL;

		if (asprintf(&name, "%s · %s · run %lld", panel->configuration->name,
			    panel->configuration->scenario, (long long)panel->run->id) < 0)
			name = NULL;
		write_line(out, i, "run", 0, 0, (panel->end_ns - panel->begin_ns) / 1e9,
			panel->n_rows, 0, name ? name : panel->configuration->name);
		for (size_t k = 0; k < tables->n_phases; k++) {
			const struct store_phase *phase = &tables->phases[k];

			if (phase->run == panel->run->id && !phase_is_outside(phase->name))
				write_line(out, i, "phase", 0,
					((double)phase->start_ns - panel->begin_ns) / 1e9,
					((double)phase->end_ns - panel->begin_ns) / 1e9, 0, 0,
					phase->name);
		}
		for (size_t k = 0; k < panel->n_boxes; k++)
			write_line(out, i, "rows", panel->boxes[k].lane, panel->boxes[k].start_s,
				panel->boxes[k].end_s, panel->boxes[k].rows, k & 1, "");
	}
}

static void write_panel(const struct timeline *t, size_t index, double top, const struct draft *d)
{
	const struct panel *panel = &t->panels[index];
	const double lanes = panel->height_cm * (double)panel->configuration->cores;
	const double bottom = top - NAME_CM - lanes, wall = (panel->end_ns - panel->begin_ns) / 1e9;
	const size_t p = index + 1;
	FILE *out = d->plot;

	fprintf(out,
		"set tmargin at screen %.4f\nset bmargin at screen %.4f\n"
		"set xrange [0:%.9g]\nset yrange [%lld.5:-0.5]\nset ytics 0,%lld\n"
		"set label 1 runs[%zu] at graph 0, graph 1 left offset 0,%s\n"
		"set xlabel \"%s\" offset 0,0.7\n",
		(top - NAME_CM) / d->height_cm, bottom / d->height_cm, wall,
		(long long)panel->configuration->cores - 1,
		(long long)(panel->configuration->cores > 12 ? panel->configuration->cores / 8 : 1),
		p, "1.35", p == t->n ? "seconds since the program's first marker" : "");
	figure_y_label(out, "lane");
	fprintf(out,
		"plot '%s.csv' using ($1 == %zu && strcol(2) eq \"phase\" && $5 < %.9g ? $5 : "
		"NaN):(-0.5):(0):(%lld) with vectors nohead lw 0.8 lc rgb \"black\" notitle, \\\n",
		d->name, p, wall * 0.9999, (long long)panel->configuration->cores);
	fprintf(out,
		"\t'' using ($1 == %zu && strcol(2) eq \"rows\" ? ($4 + $5) / 2 : "
		"NaN):3:4:5:($3 - 0.4):($3 + 0.4):($7 > 0 ? 0x2f8fc9 : 0x7cc6f0) with boxxyerror "
		"fs "
		"solid noborder fc rgb variable notitle, \\\n",
		p);
	fprintf(out,
		"\t'' using ($1 == %zu && strcol(2) eq \"phase\" && $5 - $4 > %.9g ? ($4 + $5) / "
		"2 : NaN):(-0.5):(strcol(8)) with labels center offset 0,0.45 "
		"notitle\n",
		p, wall * 0.12);
}

static void write_plot(const struct timeline *t, const struct draft *d)
{
	double top = d->height_cm - 0.05;

	fprintf(d->setup,
		"array runs[%zu]\n"
		"stats '%s.csv' using (strcol(2) eq \"run\" ? (runs[int($1)] = strcol(8), 1) : 1) "
		"nooutput\n",
		t->n, d->name);
	fprintf(d->plot,
		"set lmargin at screen %.4f\nset rmargin at screen %.4f\nunset key\n"
		"set grid noytics\nset multiplot\n",
		LEFT_CM / FIGURE_WIDTH_CM, 1 - RIGHT_CM / FIGURE_WIDTH_CM);
	for (size_t i = 0; i < t->n; i++) {
		const struct panel *panel = &t->panels[i];

		write_panel(t, i, top, d);
		top -= NAME_CM + AXIS_CM + panel->height_cm * (double)panel->configuration->cores;
	}
}

int figure_timeline(const struct figures_source *source, struct draft *d)
{
	_cleanup_timeline_ struct timeline t = {};
	const struct summary *s = source->summary;
	int64_t lanes = 0;
	size_t joined = 0;
	int r;

	if (!s || !store_has_table(s->store, "row"))
		return 0;
	choose_runs(s, &t);
	for (size_t i = 0; i < t.n; i++)
		lanes += t.panels[i].configuration->cores;
	if (lanes == 0)
		return 0;
	t.least_share = (double)lanes / BOXES_MAX;
	r = read_rows(s, &t);
	if (r < 0)
		return r;
	lay_out(&t, d);
	if (t.n == 0)
		return 0;
	write_data(s, &t, d->data);
	write_plot(&t, d);
	for (size_t i = 0; i < t.n; i++)
		joined += t.panels[i].n_rows > t.panels[i].n_boxes;
	fprintf(d->caption,
		"When each lane worked on rows of the picture, by the program's own report, in the "
		"median run of each stack on most cores. %s Lines end phases.",
		joined ? "A box is a row, or several that would be too narrow to be seen."
		       : "A box is a row.");
	return 1;
}
