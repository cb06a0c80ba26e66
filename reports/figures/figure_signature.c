/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The signature of noise: each detour of the median run of each stack on most cores, when it was and how long it took, in
 * the colour and shape of its cause.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/figures/figure_key.h"
#include "reports/figures/figures_internal.h"
#include "reports/noise/noise.h"
#include "reports/text/stack_style.h"

#define PANELS_MAX 6
#define CAUSES_MAX STACK_STYLES
/* Of a panel, the longest: more are not told apart, and make the file large. */
#define POINTS_MAX 3000

#define PANEL_CM 3.2
#define NAME_CM  0.75
#define AXIS_CM  0.75
#define LEFT_CM  1.6
#define RIGHT_CM 0.35

struct signatures {
	const struct noise_of *panels[PANELS_MAX];
	size_t n;
	const char *causes[CAUSES_MAX]; /* of all panels; the last may stand for others */
	size_t n_causes;
};

static size_t find_cause(struct signatures *s, const char *name)
{
	for (size_t i = 0; i < s->n_causes; i++)
		if (strcmp(s->causes[i], name) == 0)
			return i;
	if (s->n_causes == CAUSES_MAX) {
		s->causes[CAUSES_MAX - 1] = "others";
		return CAUSES_MAX - 1;
	}
	s->causes[s->n_causes] = name;
	return s->n_causes++;
}

static bool has_signature(const struct noise_of *n)
{
	return n->signature != NULL;
}

static void choose(const struct noise *n, struct signatures *s)
{
	for (size_t i = 0; i < n->n && s->n < PANELS_MAX; i++) {
		if (!noise_is_last_of_stack(n, i, has_signature))
			continue;
		s->panels[s->n++] = &n->list[i];
		for (size_t k = 0; k < n->list[i].signature->n_causes; k++)
			find_cause(s, n->list[i].signature->causes[k].name);
	}
}

static void write_line(FILE *out, size_t panel, const char *kind, int64_t lane, double seconds,
	double us, size_t cause, const char *name)
{
	fprintf(out, "%zu,%s,%lld,", panel + 1, kind, (long long)lane);
	figure_number(out, seconds);
	fputc(',', out);
	figure_number(out, us);
	fprintf(out, ",%zu,", cause + 1);
	figure_text(out, name);
	fputc('\n', out);
}

static void write_data(struct signatures *s, FILE *out)
{
	fputs("panel,kind,lane,seconds,us,cause,name\n", out);
	for (size_t i = 0; i < s->n_causes; i++)
		write_line(out, 0, "cause", 0, NAN, NAN, i, s->causes[i]);
	for (size_t i = 0; i < s->n; i++) {
		const struct noise_signature *signature = s->panels[i]->signature;

		write_line(out, i, "stack", 0, NAN, NAN, 0, s->panels[i]->configuration->name);
		for (size_t k = 0; k < signature->n && k < POINTS_MAX; k++) {
			const struct noise_point *p = &signature->points[k];
			const char *name = signature->causes[p->cause].name;

			write_line(out, i, "detour", p->lane, p->begin_ns / 1e9, p->length_ns / 1e3,
				find_cause(s, name), name);
		}
	}
}

static void write_panel(const struct draft *d, const struct signatures *s, size_t panel, double top)
{
	const size_t p = panel + 1;

	fprintf(d->plot,
		"set tmargin at screen %.4f\nset bmargin at screen %.4f\n"
		"set label 90 stacks[%zu] at graph 0, graph 1 left offset 0,0.6\n"
		"set xlabel \"%s\" offset 0,0.7\n",
		(top - NAME_CM) / d->height_cm, (top - NAME_CM - PANEL_CM) / d->height_cm, p,
		p == s->n ? "seconds since measuring began" : "");
	figure_y_label(d->plot, "detour (µs)");
	fputs("plot ", d->plot);
	for (size_t i = s->n_causes; i-- > 0;)
		fprintf(d->plot,
			"'%s.csv' using ($1 == %zu && strcol(2) eq \"detour\" && $6 == %zu ? $4 : NaN):5 "
			"with points pt %d ps 0.3 lc rgb \"%s\" notitle%s",
			d->name, p, i + 1, stack_style(i)->point, stack_style(i)->color,
			i ? ", \\\n\t" : "\n");
}

static void write_plot(const struct signatures *s, struct draft *d)
{
	struct key_entry entries[CAUSES_MAX];
	double top, key;

	for (size_t i = 0; i < s->n_causes; i++) {
		entries[i] = (struct key_entry){.title = s->causes[i],
			.color = stack_style(i)->color,
			.point = stack_style(i)->point};
		snprintf(
			entries[i].expression, sizeof(entries[i].expression), "causes[%zu]", i + 1);
	}
	key = figure_key_height(d, entries, s->n_causes);
	top = 0.4 + (double)s->n * (NAME_CM + PANEL_CM + AXIS_CM);
	d->height_cm = top + key;
	fprintf(d->setup,
		"array stacks[%zu]\narray causes[%zu]\n"
		"stats '%s.csv' using (strcol(2) eq \"stack\" ? (stacks[int($1)] = strcol(7), 1) : 1) nooutput\n"
		"stats '%s.csv' using (strcol(2) eq \"cause\" ? (causes[int($6)] = strcol(7), 1) : 1) nooutput\n",
		s->n, s->n_causes, d->name, d->name);
	fprintf(d->plot,
		"set lmargin at screen %.4f\nset rmargin at screen %.4f\nunset key\nset logscale y\n"
		"set format y \"%%g\"\nset multiplot\n",
		LEFT_CM / FIGURE_WIDTH_CM, 1 - RIGHT_CM / FIGURE_WIDTH_CM);
	figure_key(d, entries, s->n_causes);
	for (size_t i = 0; i < s->n; i++) {
		write_panel(d, s, i, top);
		top -= NAME_CM + PANEL_CM + AXIS_CM;
	}
}

int figure_signature(const struct figures_source *source, struct draft *d)
{
	struct signatures s = {.n = 0};

	if (source->noise)
		choose(source->noise, &s);
	if (s.n == 0)
		return 0;
	write_data(&s, d->data);
	write_plot(&s, d);
	fprintf(d->caption,
		"Each point is a detour: a gap in a loop that only reads the clock. Of each stack on most cores the median "
		"run, of it the %d longest; coloured by cause.",
		POINTS_MAX);
	return 1;
}
