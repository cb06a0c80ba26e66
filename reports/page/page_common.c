/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the sections of the page share. */

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "reports/page/page_internal.h"
#include "reports/text/format.h"

void page_cores(FILE *out, int64_t cores, const char *scenario)
{
	fprintf(out, "%lld %s", (long long)cores, cores_word(cores, scenario));
}

void page_configuration_name(FILE *out, const struct configuration *configuration)
{
	markup_text(out, configuration->name);
	fputs(", ", out);
	page_cores(out, configuration->cores, configuration->scenario);
}

void page_row_open(FILE *out, const struct configuration *configuration,
	const struct configuration *against, bool group, bool charted)
{
	fputs(group ? "<tr class=\"group\"" : "<tr", out);
	if (charted) {
		fprintf(out, " data-cores=\"%lld\" data-stack=\"", (long long)configuration->cores);
		markup_text(out, configuration->name);
		fputc('"', out);
	}
	fputs("><th scope=\"row\">", out);
	markup_text(out, configuration->name);
	if (against) {
		fputs(" against ", out);
		markup_text(out, against->name);
	}
	fprintf(out, "</th><td class=\"n\">%lld</td>", (long long)configuration->cores);
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
	for (size_t i = 0; i < n_names; i++) {
		bool number = names[i][0] == '#';

		fprintf(out, "<th scope=\"col\"%s>", number ? " class=\"n\"" : "");
		markup_text(out, names[i] + number);
		fputs("</th>", out);
	}
	fputs("</tr></thead><tbody>\n", out);
}

void page_table_close(FILE *out)
{
	fputs("</tbody></table></div>\n", out);
}

size_t page_column_names(const struct column *c, const char **names, size_t n_names)
{
	struct column_field fields[COLUMN_FIELDS_MAX];
	size_t n = columns_fields(c, fields);

	for (size_t i = 0; i < n; i++)
		if (fields[i].column->page)
			names[n_names++] = fields[i].column->page;
	return n_names;
}

static const char *const look_classes[] = {
	[LOOK_ALARM] = "bad", [LOOK_NIL] = "nil", [LOOK_GOOD] = "ok", [LOOK_STRONG] = NULL};

static void write_text(const struct column *x, const void *row, FILE *out)
{
	static const char *const tags[][2] = {
		[PAGE_PLAIN] = {"<td>", "</td>"},
		[PAGE_HEAD] = {"<th scope=\"row\">", "</th>"},
		[PAGE_WIDE] = {"<td class=\"t\">", "</td>"},
		[PAGE_CODE] = {"<td class=\"t\"><code class=\"name\">", "</code></td>"},
	};

	fputs(tags[x->field][0], out);
	markup_text(out, column_text(x, row));
	fputs(tags[x->field][1], out);
}

/** For readers, and for the charts where they show it. */
static void write_estimate(const struct column *x, const struct estimate *e, FILE *out)
{
	bool known = isfinite(e->value);
	bool range = known && isfinite(e->range.low) && isfinite(e->range.high);

	fputs("<td class=\"n\"", out);
	if (x->metric && known)
		fprintf(out, " data-m=\"%s\" data-v=\"%.9g\"", x->metric, e->value);
	if (x->metric && range)
		fprintf(out, " data-low=\"%.9g\" data-high=\"%.9g\"", e->range.low, e->range.high);
	fprintf(out, ">%s", column_number(x, e->value).text);
	if (range)
		fprintf(out, " <small>[%s, %s]</small>", column_number(x, e->range.low).text,
			column_number(x, e->range.high).text);
	fputs("</td>", out);
}

static void write_shown(const struct column *x, const void *row, FILE *out)
{
	enum look look;
	struct format_text shown = column_shown(x, row, " of ", &look);
	const char *number = x->page[0] == '#' ? "n" : NULL, *class = look_classes[look];

	fputs("<td", out);
	if (number || class)
		fprintf(out, " class=\"%s%s%s\"", number ? number : "", number && class ? " " : "",
			class ? class : "");
	fputs(look == LOOK_STRONG ? "><strong>" : ">", out);
	if (x->markup)
		x->markup(row, out);
	else
		markup_text(out, shown.text);
	fputs(look == LOOK_STRONG ? "</strong></td>" : "</td>", out);
}

void page_columns(const struct column *c, const void *row, FILE *out)
{
	struct column_field fields[COLUMN_FIELDS_MAX];
	size_t n = columns_fields(c, fields);

	for (size_t i = 0; i < n; i++) {
		const struct column *x = fields[i].column;
		const void *in = column_row(&fields[i], row);

		if (!x->page)
			continue;
		if (x->type == COLUMN_TEXT)
			write_text(x, in, out);
		else if (x->type == COLUMN_ESTIMATE)
			write_estimate(x, column_estimate(x, in), out);
		else
			write_shown(x, in, out);
	}
}

void page_columns_open(FILE *out, const char *label, const char *caption, const struct column *c)
{
	const char *names[PAGE_COLUMNS_MAX] = {};
	size_t n = page_column_names(c, names, 0);

	page_table_open(out, label, caption, names, n);
}

void page_rows(const struct column *c, const void *rows, size_t n, FILE *out)
{
	for (size_t i = 0; i < n; i++) {
		fputs("<tr>", out);
		page_columns(c, (const char *)rows + i * c->offset, out);
		fputs("</tr>\n", out);
	}
}
