/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/figures/figure_key.h"

#include <string.h>

#define LEFT_CM    0.15
#define RIGHT_CM   0.05
#define TOP_CM     0.1
#define BOX_CM     0.34
#define HEIGHT_CM  0.27
#define LINE_CM    0.7
#define SPACE_CM   0.12
#define BETWEEN_CM 0.3

double figure_text_cm(const char *text)
{
	double width = 0;

	for (; *text; text++)
		if (((unsigned char)*text & 0xc0) != 0x80)
			width += strchr("fijltIr.,:;()|'- ", *text) ? 0.09
				 : strchr("mwMW@%", *text)          ? 0.24
				 : *text >= 'A' && *text <= 'Z'     ? 0.2
								    : 0.16;
	return width;
}

static double sample_width(const struct key_entry *e)
{
	return e->line ? LINE_CM : BOX_CM;
}

static double entry_width(const struct key_entry *e)
{
	return sample_width(e) + SPACE_CM + figure_text_cm(e->title) + BETWEEN_CM;
}

/** Where the entry after one at @x, @line goes, if it is @width wide. */
static void advance(const struct draft *d, double width, double *x, size_t *line)
{
	if (*x > LEFT_CM && *x + width - BETWEEN_CM > d->width_cm - RIGHT_CM) {
		*x = LEFT_CM;
		++*line;
	}
}

double figure_key_height(const struct draft *d, const struct key_entry *entries, size_t n)
{
	double x = LEFT_CM;
	size_t line = 0;

	for (size_t i = 0; i < n; i++) {
		advance(d, entry_width(&entries[i]), &x, &line);
		x += entry_width(&entries[i]);
	}
	return n ? TOP_CM + FIGURE_KEY_LINE_CM * (double)(line + 1) + 0.15 : TOP_CM;
}

static void draw_box(const struct draft *d, const struct key_entry *e, double x, double top)
{
	int last = e->pattern > 0 ? 1 : 0;

	for (int pattern = 0; pattern <= last; pattern++)
		fprintf(d->plot,
			"set object rectangle from screen %.4f,%.4f to screen %.4f,%.4f fc rgb "
			"\"%s\" fs %s %d border lc rgb \"#777777\" lw 0.5\n",
			x / d->width_cm, (top - HEIGHT_CM) / d->height_cm,
			(x + BOX_CM) / d->width_cm, top / d->height_cm,
			pattern ? "#555555" : e->color, pattern ? "transparent pattern" : "solid",
			pattern ? e->pattern : 1);
}

static void draw_entry(const struct draft *d, const struct key_entry *e, double x, double top)
{
	const double y = (top - HEIGHT_CM / 2) / d->height_cm, width = sample_width(e);

	if (e->box)
		draw_box(d, e, x, top);
	if (e->line)
		fprintf(d->plot,
			"set arrow from screen %.4f,%.4f to screen %.4f,%.4f nohead %s lc rgb "
			"\"%s\"\n",
			x / d->width_cm, y, (x + width) / d->width_cm, y, e->line, e->color);
	if (e->point)
		fprintf(d->plot,
			"set label \"\" at screen %.4f,%.4f point pt %d ps 0.7 lc rgb \"%s\"\n",
			(x + width / 2) / d->width_cm, y, e->point, e->color);
	fprintf(d->plot, "set label %s%s%s at screen %.4f,%.4f left\n", *e->expression ? "" : "\"",
		*e->expression ? e->expression : e->title, *e->expression ? "" : "\"",
		(x + width + SPACE_CM) / d->width_cm, y);
}

void figure_key(const struct draft *d, const struct key_entry *entries, size_t n)
{
	double x = LEFT_CM;
	size_t line = 0;

	for (size_t i = 0; i < n; i++) {
		advance(d, entry_width(&entries[i]), &x, &line);
		draw_entry(d, &entries[i], x,
			d->height_cm - TOP_CM - FIGURE_KEY_LINE_CM * (double)line);
		x += entry_width(&entries[i]);
	}
}
