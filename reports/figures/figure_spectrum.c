/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The spectrum of ftq's series, a panel for each stack (of its configurations that with the most lanes): power over
 * the background around it, the line from which on it is a peak, and what the peaks are.
 */
#include <math.h>
#include <stdio.h>

#include "common/cleanup.h"
#include "reports/figures/figures_internal.h"
#include "reports/noise/noise.h"
#include "reports/text/format.h"

#define PANELS_MAX  6
#define PEAKS_NAMED 2   /* of a panel: those with most of the variance */
#define NAME_SHARE  0.3 /* of the axis of frequency, that a name takes */
#define NAME_RATIO  1.8 /* on the other axis */

#define PANEL_CM 3.0
#define NAME_CM  0.75
#define AXIS_CM  0.75
#define LEFT_CM  1.6
#define RIGHT_CM 0.35

static bool has_spectrum(const struct noise_of *n)
{
	return n->spectrum != NULL;
}

static size_t choose(const struct noise *n, const struct noise_of *ret[PANELS_MAX])
{
	size_t found = 0;

	for (size_t i = 0; i < n->n && found < PANELS_MAX; i++)
		if (noise_is_last_of_stack(n, i, has_spectrum))
			ret[found++] = &n->list[i];
	return found;
}

static void write_line(FILE *out, size_t panel, const char *kind, double hz, double value,
	double ratio, const char *name)
{
	fprintf(out, "%zu,%s,", panel + 1, kind);
	figure_number(out, hz);
	fputc(',', out);
	figure_number(out, value);
	fputc(',', out);
	figure_number(out, ratio);
	fputc(',', out);
	figure_text(out, name);
	fputc('\n', out);
}

/* Is there room for its name beside its point? Multiples of others are not named. */
static bool may_be_named(const struct noise_peak *p, double axis_hz)
{
	const double margin = 0.4 * NAME_SHARE * axis_hz;

	return p->multiple == 0 && p->hz >= margin && p->hz <= axis_hz - margin;
}

/* Would their names be one above the other? */
static bool collide(const struct noise_peak *a, const struct noise_peak *b, double axis_hz)
{
	return fabs(a->hz - b->hz) < NAME_SHARE * axis_hz &&
	       fabs(log(a->height / b->height)) < log(NAME_RATIO);
}

/* Ticks first, then what has most of the variance. */
static bool comes_before(const struct noise_peak *a, const struct noise_peak *b)
{
	return a->named != b->named ? a->named : a->share > b->share;
}

/* Which peaks are named: as many as PEAKS_NAMED, and none so near to another that their names would overlap. */
static void choose_named(const struct noise_spectrum *s, const struct noise_peak **ret)
{
	const double axis_hz = 0.5e9 / s->quantum_ns;

	for (size_t n = 0; n < PEAKS_NAMED; n++) {
		ret[n] = NULL;
		for (size_t i = 0; i < s->n_peaks; i++) {
			const struct noise_peak *p = &s->peaks[i];
			bool fits = may_be_named(p, axis_hz);

			for (size_t k = 0; k < n && fits; k++)
				fits = ret[k] && ret[k] != p && !collide(ret[k], p, axis_hz);
			if (fits && (!ret[n] || comes_before(p, ret[n])))
				ret[n] = p;
		}
	}
}

static void write_peak(const struct noise_peak *p, bool named, size_t panel, FILE *out)
{
	char words[NOISE_NAME_MAX];

	snprintf(words, sizeof(words), "%s Hz", format_number(p->hz).text);
	write_line(out, panel, named ? "named" : "peak", p->hz, p->height, NAN,
		p->named ? p->name : words);
}

static void write_panel_data(const struct noise_of *n, size_t panel, FILE *out)
{
	const struct noise_spectrum *s = n->spectrum;
	const struct noise_peak *chosen[PEAKS_NAMED];

	write_line(out, panel, "stack", 0, 0, NAN, n->configuration->name);
	for (size_t k = 1; k < s->spectrum.n; k++)
		if (s->spectrum.background[k] > 0)
			write_line(out, panel, "bin", (double)k * s->bin_hz,
				s->spectrum.power[k] / s->spectrum.background[k],
				s->spectrum.ratio[k], "");
	choose_named(s, chosen);
	for (size_t i = 0; i < s->n_peaks; i++) {
		bool named = false;

		for (size_t k = 0; k < PEAKS_NAMED; k++)
			named |= chosen[k] == &s->peaks[i];
		write_peak(&s->peaks[i], named, panel, out);
	}
}

static void write_panel(
	const struct draft *d, const struct noise_of *n, size_t panel, size_t panels, double top)
{
	const struct noise_spectrum *s = n->spectrum;
	const size_t p = panel + 1;
	FILE *out = d->plot;

	fprintf(out,
		"set tmargin at screen %.4f\nset bmargin at screen %.4f\n"
		"set xrange [0:%.9g]\nset yrange [0.1:*]\n"
		"set label 90 stacks[%zu] at graph 0, graph 1 left offset 0,0.6\n"
		"set xlabel \"%s\" offset 0,0.7\n",
		(top - NAME_CM) / d->height_cm, (top - NAME_CM - PANEL_CM) / d->height_cm,
		1e9 / s->quantum_ns / 2, p, p == panels ? "Hz" : "");
	figure_y_label(out, "power over background");
	fprintf(out,
		"plot '%s.csv' using ($1 == %zu && strcol(2) eq \"bin\" ? $3 : NaN):4 with lines lw 0.7 "
		"lc rgb \"#2f8fc9\" notitle, \\\n"
		"\t'' using ($1 == %zu && strcol(2) eq \"bin\" ? $3 : NaN):5 with lines lw 0.8 dt 2 "
		"lc rgb \"#a03010\" notitle, \\\n",
		d->name, p, p);
	fprintf(out,
		"\t'' using ($1 == %zu && (strcol(2) eq \"named\" || strcol(2) eq \"peak\") ? $3 : NaN):4 with points "
		"pt 6 ps 0.4 lc rgb \"#a03010\" notitle, \\\n"
		"\t'' using ($1 == %zu && strcol(2) eq \"named\" ? $3 : NaN):4:6 with labels %s "
		"offset 0,0.5 notitle\n",
		p, p, "center");
}

static void write_plot(const struct draft *d, const struct noise_of *const *panels, size_t n)
{
	double top = d->height_cm - 0.05;

	fprintf(d->setup,
		"array stacks[%zu]\n"
		"stats '%s.csv' using (strcol(2) eq \"stack\" ? (stacks[int($1)] = strcol(6), 1) : 1) nooutput\n",
		n, d->name);
	fprintf(d->plot,
		"set lmargin at screen %.4f\nset rmargin at screen %.4f\nunset key\nset logscale y\n"
		"set format y \"%%g\"\nset multiplot\n",
		LEFT_CM / FIGURE_WIDTH_CM, 1 - RIGHT_CM / FIGURE_WIDTH_CM);
	for (size_t i = 0; i < n; i++) {
		write_panel(d, panels[i], i, n, top);
		top -= NAME_CM + PANEL_CM + AXIS_CM;
	}
}

int figure_spectrum(const struct figures_source *source, struct draft *d)
{
	const struct noise_of *panels[PANELS_MAX];
	size_t n = source->noise ? choose(source->noise, panels) : 0;

	if (n == 0)
		return 0;
	d->height_cm = 0.4 + (double)n * (NAME_CM + PANEL_CM + AXIS_CM);
	fputs("panel,kind,hz,over_background,peak_ratio,name\n", d->data);
	for (size_t i = 0; i < n; i++)
		write_panel_data(panels[i], i, d->data);
	write_plot(d, panels, n);
	fputs("Spectrum of what the program lost in equal times (ftq), of each stack on most cores: averaged over segments, "
	      "workers and runs, over the median of the frequencies around. What is above the dashed line is a peak: without "
	      "anything periodic, 1 spectrum in 100 would have one by chance. Timer ticks are named, and the peaks with most of the variance.",
		d->caption);
	return 1;
}
