/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Experiments in order: the mean of each with its interval, and the levels between changes. */
#include <math.h>
#include <stdlib.h>

#include "reports/figures/figure_key.h"
#include "reports/figures/figures_internal.h"
#include "reports/history/history.h"
#include "reports/text/stack_style.h"

/** More series are not told apart. */
#define SERIES_MAX 16

/** Height without key and names. */
#define PLOT_CM 5.2

/** Room for names, which stand upright, at least and at most. */
#define NAMES_CM     1.2
#define NAMES_MAX_CM 5.0

/** More experiments are named here and there only. */
#define NAMED_MAX 30

/** The level at which a series begins: everything is in percent of that. */
static double first_level(const struct history_series *s)
{
	for (size_t i = 0; i < s->n_points; i++)
		if (s->points[i].level > 0)
			return s->points[i].level;
	return NAN;
}

static void put_percent(FILE *out, double value, double whole)
{
	fputc(',', out);
	figure_number(out, 100 * value / whole);
}

static void write_data(const struct history *h, size_t n, FILE *out)
{
	fputs("series,what,place,experiment,mean,percent,low,high,level\n", out);
	for (size_t i = 0; i < n; i++) {
		const struct history_series *s = &h->series[i];
		double whole = first_level(s);

		for (size_t k = 0; k < s->n_points; k++) {
			const struct history_point *p = &s->points[k];

			figure_text(out, s->name);
			fprintf(out, " on %lld core%s,", (long long)s->cores,
				s->cores == 1 ? "" : "s");
			figure_text(out, quantity_title(s->what));
			fprintf(out, ",%zu,", k + 1);
			figure_text(out, p->store->label);
			fputc(',', out);
			figure_number(out, p->mean.value / (s->is_time ? 1e9 : 1));
			put_percent(out, p->mean.value, whole);
			put_percent(out,
				isnan(p->mean.range.low) ? p->mean.value : p->mean.range.low,
				whole);
			put_percent(out,
				isnan(p->mean.range.low) ? p->mean.value : p->mean.range.high,
				whole);
			put_percent(out, p->level, whole);
			fputc('\n', out);
		}
	}
}

/** The lines between two changes, each by itself. */
static void write_levels(const struct history_series *s, size_t first, const char *color, FILE *out)
{
	for (size_t i = 0; i <= s->n_changes; i++) {
		size_t begin = i == 0 ? 0 : s->changes[i - 1].at;
		size_t end = i == s->n_changes ? s->n_points : s->changes[i].at;

		fprintf(out,
			", \\\n\t'' every ::%zu::%zu using 3:9 with lines lw 1.2 lc rgb \"%s\" notitle",
			first + begin, first + end - 1, color);
	}
}

/** What the key calls a series: as the data have it. */
struct title {
	char text[160];
};

static void make_key(const struct history *h, size_t n, struct draft *d, struct key_entry *ret,
	struct title *titles)
{
	fprintf(d->setup, "array series[%zu]\n", n);
	for (size_t i = 0; i < n; i++) {
		const struct history_series *s = &h->series[i];
		size_t row = i * s->n_points;

		fprintf(d->setup,
			"stats '%s.csv' every ::%zu::%zu using (series[%zu] = "
			"strcol(1).\": \".strcol(2), 1) nooutput\n",
			d->name, row, row, i + 1);
		snprintf(titles[i].text, sizeof(titles[i].text), "%.60s on %lld cores: %.60s",
			s->name, (long long)s->cores, quantity_title(s->what));
		ret[i] = (struct key_entry){.title = titles[i].text,
			.color = stack_style(i)->color,
			.point = stack_style(i)->point};
		snprintf(ret[i].expression, sizeof(ret[i].expression), "series[%zu]", i + 1);
	}
}

static double names_cm(const struct history_series *s)
{
	double most = NAMES_CM;

	for (size_t i = 0; i < s->n_points; i++)
		most = fmax(most, 1.1 * figure_text_cm(s->points[i].store->label) + 0.5);
	return fmin(most, NAMES_MAX_CM);
}

static void write_plot(const struct history *h, size_t n, struct draft *d)
{
	struct key_entry entries[SERIES_MAX];
	struct title titles[SERIES_MAX];
	size_t points = h->series[0].n_points;
	double key, below = names_cm(&h->series[0]);

	make_key(h, n, d, entries, titles);
	key = figure_key_height(d, entries, n);
	d->height_cm = PLOT_CM + below + key;
	figure_key(d, entries, n);
	figure_y_label(d->plot, "percent of the first level");
	fprintf(d->plot,
		"set lmargin at screen %.4f\nset rmargin at screen %.4f\n"
		"set tmargin at screen %.4f\nset bmargin at screen %.4f\n"
		"set xrange [0.5:%g]\nset offsets 0, 0, graph 0.08, graph 0.08\n"
		"set xtics rotate by 90 right offset 0,0\n"
		"named(place, name) = int(place) %% %zu == 0 ? name : \"\"\n"
		"plot 100 with lines lw 0.6 lc rgb \"" FIGURE_GRID "\" notitle, \\\n"
		/* Unseen: it has the names alone. */
		"\t'%s.csv' every ::0::%zu using 3:(100):xtic(named($3, strcol(4))) with points pt -1 "
		"notitle",
		1.35 / FIGURE_WIDTH_CM, 1 - 0.2 / FIGURE_WIDTH_CM, (PLOT_CM + below) / d->height_cm,
		below / d->height_cm, (double)points + 0.5, points / NAMED_MAX + 1, d->name,
		points - 1);
	for (size_t i = 0; i < n; i++) {
		const struct stack_style *style = stack_style(i);
		size_t first = i * points, last = first + points - 1;
		/* Side by side, so that bars do not cover each other. */
		double aside = 0.4 * ((double)i - (double)(n - 1) / 2) / (double)n;

		fprintf(d->plot,
			", \\\n\t'%s.csv' every ::%zu::%zu using ($3 + %g):7:(0):($8 - $7) with vectors "
			"heads size graph 0.006,90 fixed lw 0.8 lc rgb \"%s\" notitle",
			d->name, first, last, aside, style->color);
		fprintf(d->plot,
			", \\\n\t'' every ::%zu::%zu using ($3 + %g):6 with points lc rgb \"%s\" pt %d "
			"ps 0.55 notitle",
			first, last, aside, style->color, style->point);
		write_levels(&h->series[i], first, style->color, d->plot);
	}
	fputs("\nunset label\n", d->plot);
}

int figure_history(const struct figures_source *source, struct draft *d)
{
	const struct history *h = source->history;
	size_t n;

	if (!h || h->n_series == 0)
		return 0;
	n = h->n_series < SERIES_MAX ? h->n_series : SERIES_MAX;
	write_data(h, n, d->data);
	write_plot(h, n, d);
	fputs("Each point is the mean of an experiment, its bar the 95 % interval of that; lines are levels between changes.",
		d->caption);
	return 1;
}
