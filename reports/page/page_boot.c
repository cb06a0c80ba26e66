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

	for (size_t i = 0; i < b->n_configurations; i++)
		most = fmax(most, b->configurations[i].boot_ns.mean);
	return most;
}

static void write_part(const struct boot_part *part, double boot_ns, double scale_ns, FILE *out)
{
	char words[384];
	struct format_text time = format_time(part->mean_ns);

	if (!(part->mean_ns > 0))
		return;
	snprintf(words, sizeof(words), "%s, %s %% of the boot\nends with %.150s", time.text,
		format_percent(part->mean_ns, boot_ns).text, part->source);
	page_bar_part(out,
		&(struct page_part){.name = part->name,
			.number = time.text,
			.words = words,
			.color = colour_of(part->name)},
		100 * part->mean_ns / scale_ns);
}

static void write_bar(const struct boot_configuration *c, double scale_ns, size_t index, FILE *out)
{
	page_bar_open(out, c->configuration->name, c->n_steps ? "boot" : NULL, index);
	for (size_t i = 0; i < c->n_steps; i++)
		write_part(&c->steps[i], c->boot_ns.mean, scale_ns, out);
	page_bar_close(out, format_time(c->boot_ns.mean).text);
}

/** The steps that were taken, each with its colour and in words. */
static void write_legend(const struct boot_report *b, FILE *out)
{
	bool used[BOOT_STEP_COUNT] = {};

	for (size_t i = 0; i < b->n_configurations; i++)
		for (size_t j = 0; j < b->configurations[i].n_steps; j++) {
			int step = boot_step_from_name(b->configurations[i].steps[j].name);

			if (step >= 0)
				used[step] = true;
		}
	fputs("<ul class=\"legend\">", out);
	for (int i = 0; i < BOOT_STEP_COUNT; i++)
		if (used[i])
			page_legend_entry(out, boot_step_table[i].colour, boot_step_table[i].name,
				boot_step_table[i].meaning);
	fputs("</ul>\n", out);
}

static void write_step(const struct boot_configuration *c, size_t i, size_t index, FILE *out)
{
	const struct boot_part *part = &c->steps[i];

	fputs("<tr", out);
	if (i == 0) {
		page_detail_id(out, "boot", index);
		fputs(" class=\"group\"", out);
	}
	fputs(">", out);
	if (i == 0) {
		fprintf(out, "<th scope=\"rowgroup\" rowspan=\"%zu\">", c->n_steps);
		page_configuration_name(out, c->configuration);
		if (c->n_other > 0)
			fprintf(out,
				"<br><small>%zu of %zu runs; the others had other steps</small>",
				c->n_runs, c->n_runs + c->n_other);
		fputs("</th>", out);
	}
	fputs("<th scope=\"row\">", out);
	markup_text(out, part->name);
	fputs("</th>", out);
	page_columns(boot_columns, part, out);
	fprintf(out, "<td class=\"n\">%s</td><td class=\"t\">",
		format_percent(part->mean_ns, c->boot_ns.mean).text);
	markup_text(out, part->source);
	fputs("</td></tr>\n", out);
}

int page_boot(const struct page *page, FILE *out)
{
	const char *names[16] = {"stack", "step"};
	size_t n_names = page_column_names(boot_columns, names, 2);
	const struct boot_report *b = page->analysis->boot;
	double scale = longest_boot(b);

	if (b->n_configurations == 0 || !(scale > 0))
		return 0;
	names[n_names++] = "#% of boot";
	names[n_names++] = "ends with";
	write_legend(b, out);
	fputs("<div class=\"bars\">\n", out);
	for (size_t i = 0; i < b->n_configurations; i++) {
		page_bar_group(out, b->configurations[i].configuration,
			i ? b->configurations[i - 1].configuration : NULL);
		write_bar(&b->configurations[i], scale, i, out);
	}
	fputs("</div>\n<details class=\"first-details\"><summary>The numbers</summary>\n", out);
	page_table_open(out, "steps of the boot",
		"Means over the runs; the steps of a boot follow each other without a gap and sum "
		"to "
		"it.",
		names, n_names);
	for (size_t i = 0; i < b->n_configurations; i++)
		for (size_t j = 0; j < b->configurations[i].n_steps; j++)
			write_step(&b->configurations[i], j, i, out);
	page_table_close(out);
	fputs("</details>\n", out);
	return 0;
}
