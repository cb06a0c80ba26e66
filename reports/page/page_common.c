/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the sections of the page share. */

#include <stdlib.h>
#include <string.h>

#include "reports/page/page_internal.h"
#include "reports/text/format.h"

void page_cores(FILE *out, int64_t cores, const char *scenario)
{
	fprintf(out, "%lld %s", (long long)cores, cores_word(cores, scenario));
}

void page_cell_name(FILE *out, const struct cell *cell)
{
	markup_text(out, cell->name);
	fputs(", ", out);
	page_cores(out, cell->cores, cell->scenario);
}

void page_run_link(FILE *out, int64_t run)
{
	fprintf(out, "<a href=\"#run-%lld\">%lld</a>", (long long)run, (long long)run);
}

void page_file_link(FILE *out, const char *folder, const char *name, const char *ending)
{
	fprintf(out, "<a href=\"./%s", folder);
	/* A name of a file may have a '#', with which the part of an address begins. */
	for (const char *p = name; *p; p++)
		fputs(*p == '#' ? "%23" : (const char[]){*p, '\0'}, out);
	fprintf(out, "%s\"><code>%s%s%s</code></a>", ending, folder, name, ending);
}

void page_table_open(
	FILE *out, const char *label, const char *caption, const char *const *names, size_t n_names)
{
	fprintf(out,
		"<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-label=\"Table: %s\">"
		"<table class=\"wide\">",
		label);
	if (caption)
		fprintf(out, "<caption>%s</caption>", caption);
	fputs("<thead><tr>", out);
	for (size_t i = 0; i < n_names; i++)
		fprintf(out, "<th scope=\"col\"%s>%s</th>",
			names[i][0] == '#' ? " class=\"n\"" : "", names[i] + (names[i][0] == '#'));
	fputs("</tr></thead><tbody>\n", out);
}

void page_table_close(FILE *out)
{
	fputs("</tbody></table></div>\n", out);
}

size_t page_column_names(const struct columns *c, const char **names, size_t n_names)
{
	for (const struct column *x = column_next(c, NULL); x; x = column_next(c, x))
		if (x->page)
			names[n_names++] = x->page;
	return n_names;
}

void page_columns(const struct columns *c, const void *row, FILE *out)
{
	for (const struct column *x = column_next(c, NULL); x; x = column_next(c, x)) {
		bool alarm, truth = x->type == COLUMN_TRUTH;
		struct format_text shown;

		if (!x->page)
			continue;
		shown = column_shown(x, row, " of ", &alarm);
		fprintf(out, "<td class=\"%s%s\">%s</td>",
			!truth               ? "n"
			: *shown.text == '-' ? "nil"
			: alarm              ? ""
					     : "ok",
			!alarm  ? ""
			: truth ? "bad"
				: " bad",
			shown.text);
	}
}

const char **page_stacks(const struct summary *s, size_t *ret_n)
{
	const char **stacks = calloc(s->n_cells + 1, sizeof(*stacks));
	size_t n = 0;

	for (size_t i = 0; stacks && i < s->n_cells; i++)
		if (page_series(stacks, n, s->cells[i].name) == n)
			stacks[n++] = s->cells[i].name;
	*ret_n = n;
	return stacks;
}

size_t page_series(const char *const *stacks, size_t n, const char *name)
{
	size_t i = 0;

	while (i < n && strcmp(stacks[i], name) != 0)
		i++;
	return i;
}

/* Each fits a circle of radius 5; shapes tell series apart where colours do not. */
static const char *const marks[PAGE_SERIES_MAX] = {
	"M-4 0A4 4 0 1 1 4 0A4 4 0 1 1-4 0Z",
	"M-3.6-3.6H3.6V3.6H-3.6Z",
	"M0-4.8L4.6 3.4H-4.6Z",
	"M0-5L5 0L0 5L-5 0Z",
	"M0 4.8L4.6-3.4H-4.6Z",
	"M-1.6-4.8H1.6V-1.6H4.8V1.6H1.6V4.8H-1.6V1.6H-4.8V-1.6H-1.6Z",
	"M-4.8-3L-3-4.8L0-1.8L3-4.8L4.8-3L1.8 0L4.8 3L3 4.8L0 1.8L-3 4.8L-4.8 3L-1.8 0Z",
	"M-5-2.4H5V2.4H-5Z",
};

void page_mark(FILE *out, size_t series, double x, double y)
{
	series %= PAGE_SERIES_MAX;
	fprintf(out, "<path class=\"mark s%zu\" transform=\"translate(%.1f %.1f)\" d=\"%s\"/>",
		series, x, y, marks[series]);
}
