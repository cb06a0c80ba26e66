/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The boot, taken apart: bars on one scale, so that stacks can be compared, and the numbers. */

#include <math.h>

#include "common/boot_step.h"
#include "common/cleanup.h"
#include "reports/page/page_internal.h"
#include "reports/summary/boot.h"
#include "reports/text/format.h"

static const char *colour_of(const char *name)
{
	int step = boot_step_from_name(name);

	return step < 0 ? "#9a9a94" : boot_step_table[step].colour;
}

static double longest_boot(const struct boot_report *b)
{
	double most = 0;

	for (size_t i = 0; i < b->n_cells; i++)
		most = fmax(most, b->cells[i].boot_ns.mean);
	return most;
}

static void write_part(
	const struct boot_part *part, double boot_ns, double from, double percent, FILE *out)
{
	if (!(percent > 0))
		return;
	fputs("<g><title>", out);
	markup_text(out, part->name);
	fprintf(out, ": %s, %s %% of the boot\nends with ", format_time(part->mean_ns).text,
		format_percent(part->mean_ns, boot_ns).text);
	markup_text(out, part->source);
	fprintf(out, "</title><rect x=\"%.3f%%\" width=\"%.3f%%\" height=\"28\" fill=\"%s\"/></g>",
		from, percent, colour_of(part->name));
}

static void write_bar(const struct boot_cell *c, double scale_ns, FILE *out)
{
	double from = 0;

	fputs("<div class=\"bar\"><div class=\"name\">", out);
	markup_text(out, c->cell->guest);
	fputs("</div>\n<svg role=\"img\" aria-label=\"boot of ", out);
	page_cell_name(out, c->cell);
	for (size_t i = 0; i < c->n_steps; i++) {
		fputs(", ", out);
		markup_text(out, c->steps[i].name);
		fprintf(out, " %s", format_time(c->steps[i].mean_ns).text);
	}
	fputs("\">", out);
	for (size_t i = 0; i < c->n_steps; i++) {
		double percent = 100 * c->steps[i].mean_ns / scale_ns;

		write_part(&c->steps[i], c->boot_ns.mean, from, percent, out);
		from += percent;
	}
	fprintf(out, "</svg>\n<div class=\"sum\">%s</div></div>\n",
		format_time(c->boot_ns.mean).text);
}

/** The steps that were taken, each with its colour and in words. */
static void write_legend(const struct boot_report *b, FILE *out)
{
	bool used[BOOT_STEP_COUNT] = {};

	for (size_t i = 0; i < b->n_cells; i++)
		for (size_t j = 0; j < b->cells[i].n_steps; j++) {
			int step = boot_step_from_name(b->cells[i].steps[j].name);

			if (step >= 0)
				used[step] = true;
		}
	fputs("<ul class=\"legend\">", out);
	for (int i = 0; i < BOOT_STEP_COUNT; i++)
		if (used[i])
			fprintf(out,
				"<li><svg viewBox=\"0 0 14 14\" aria-hidden=\"true\"><rect "
				"x=\".5\" y=\".5\" width=\"13\" height=\"13\" "
				"fill=\"%s\"/></svg>%s "
				"<small>%s</small></li>\n",
				boot_step_table[i].colour, boot_step_table[i].name,
				boot_step_table[i].meaning);
	fputs("</ul>\n", out);
}

static void write_step(const struct boot_cell *c, size_t i, FILE *out)
{
	const struct boot_part *part = &c->steps[i];

	fprintf(out, "<tr%s>", i == 0 ? " class=\"group\"" : "");
	if (i == 0) {
		fprintf(out, "<th scope=\"rowgroup\" rowspan=\"%zu\">", c->n_steps);
		page_cell_name(out, c->cell);
		if (c->n_other > 0)
			fprintf(out,
				"<br><small>%zu of %zu runs; the others had other steps</small>",
				c->n_runs, c->n_runs + c->n_other);
		fputs("</th>", out);
	}
	fputs("<th scope=\"row\">", out);
	markup_text(out, part->name);
	fputs("</th>", out);
	page_columns(&boot_columns, part, out);
	fprintf(out, "<td class=\"n\">%s</td><td class=\"t\">",
		format_percent(part->mean_ns, c->boot_ns.mean).text);
	markup_text(out, part->source);
	fputs("</td></tr>\n", out);
}

int page_boot(const struct page *page, FILE *out)
{
	const char *names[16] = {"stack", "step"};
	size_t n_names = page_column_names(&boot_columns, names, 2);
	const struct boot_report *b = page->analysis->boot;
	double scale = longest_boot(b);

	if (b->n_cells == 0 || !(scale > 0))
		return 0;
	names[n_names++] = "#% of boot";
	names[n_names++] = "ends with";
	write_legend(b, out);
	fputs("<div class=\"bars\">\n", out);
	for (size_t i = 0; i < b->n_cells; i++) {
		int64_t cores = b->cells[i].cell->cores;

		if (i == 0 || cores != b->cells[i - 1].cell->cores) {
			fputs("<div class=\"head\">", out);
			page_cores(out, cores, b->cells[i].cell->scenario);
			fputs("</div>\n", out);
		}
		write_bar(&b->cells[i], scale, out);
	}
	fputs("</div>\n<details class=\"first-details\"><summary>The numbers</summary>\n", out);
	page_table_open(out, "steps of the boot",
		"Means over the runs; the steps of a boot follow each other without a gap and sum "
		"to "
		"it.",
		names, n_names);
	for (size_t i = 0; i < b->n_cells; i++)
		for (size_t j = 0; j < b->cells[i].n_steps; j++)
			write_step(&b->cells[i], j, out);
	page_table_close(out);
	fputs("</details>\n", out);
	return 0;
}
