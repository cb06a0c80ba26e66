/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the sections of the page share. */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

/** Write the number at @at, as a link where it is a run's; returns what follows it. */
static const char *write_run_number(FILE *out, const struct store_reader *store, const char *at)
{
	char *end;
	long long id = strtoll(at, &end, 10);
	bool decimal = *end == '.' && isdigit((unsigned char)end[1]);

	if (store_run(store, id) && !decimal && strncmp(end, " more", 5) != 0)
		page_run_link(out, id);
	else
		fwrite(at, 1, (size_t)(end - at), out);
	return end;
}

/** How long the word "run" or "runs" at @at is with what parts it from a number; 0: it is none. */
static size_t run_word(const char *text, const char *at)
{
	size_t n = 3;

	if ((at > text && isalnum((unsigned char)at[-1])) || strncasecmp(at, "run", 3) != 0)
		return 0;
	n += at[n] == 's';
	return at[n] == ' ' && isdigit((unsigned char)at[n + 1]) ? n + 1 : 0;
}

/** The same of ", " and " and " between numbers. */
static size_t separator(const char *at)
{
	size_t n = strncmp(at, ", ", 2) == 0 ? 2 : strncmp(at, " and ", 5) == 0 ? 5 : 0;

	return isdigit((unsigned char)at[n]) ? n : 0;
}

void page_text(FILE *out, const struct store_reader *store, const char *text)
{
	const char *at = text;

	while (*at) {
		size_t n = run_word(text, at);

		if (n == 0)
			markup_text(out, (const char[]){*at++, '\0'});
		for (; n > 0; n = separator(at)) {
			fwrite(at, 1, n, out);
			at = write_run_number(out, store, at + n);
		}
	}
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
