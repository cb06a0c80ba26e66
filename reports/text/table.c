/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/text/table.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "common/stream.h"
#include "common/utf8.h"
#include "reports/text/text.h"

#define COLUMNS_MAX 64
#define NAMES_MIN   8

struct table_entry {
	char *text;
	int width;
	bool alarm;
	bool last; /* of its row */
};

struct table {
	struct table_entry *cells;
	size_t n;
	bool failed;
};

static const struct style terminal = {"\033[1m", "\033[1;31m", "\033[0m"};
static const struct style paper = {"", "", ""};

const struct style *style_of(FILE *out)
{
	return stream_has_style(out) ? &terminal : &paper;
}

int table_width(FILE *out)
{
	int columns = (int)stream_columns(out);

	if (columns <= 0)
		return TABLE_WIDTH;
	return columns < TABLE_LEAST ? TABLE_LEAST : columns > TABLE_MOST ? TABLE_MOST : columns;
}

struct table *table_begin(void)
{
	return calloc(1, sizeof(struct table));
}

void table_cell(struct table *t, const char *text, int width)
{
	if (!t || t->failed)
		return;
	t->failed = ARRAY_ADD(t->cells, t->n, (struct table_entry){strdup(text), width}) < 0 ||
		    !t->cells[t->n - 1].text;
}

void table_alarm(struct table *t)
{
	if (t && t->n)
		t->cells[t->n - 1].alarm = true;
}

void table_row(struct table *t)
{
	if (t && t->n)
		t->cells[t->n - 1].last = true;
}

void table_line(struct table *t, const char *text)
{
	table_cell(t, text, 0);
	table_row(t);
}

static void measure(const struct table *t, int widths[COLUMNS_MAX])
{
	size_t column = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct table_entry *c = &t->cells[i];
		int width = abs(c->width), needs = (int)text_width(c->text) + 1;

		if (c->width < 0 && needs > width)
			width = needs;
		if (width > widths[column])
			widths[column] = width;
		column = c->last || column + 1 == COLUMNS_MAX ? 0 : column + 1;
	}
}

/* What the others need more than they asked for, the first column, of names, gives. */
static void fit(int widths[COLUMNS_MAX], int room)
{
	int all = 0;

	for (size_t i = 0; i < COLUMNS_MAX; i++)
		all += widths[i];
	if (all <= room)
		return;
	widths[0] -= all - room;
	if (widths[0] < NAMES_MIN)
		widths[0] = NAMES_MIN;
}

/* The first @width columns of @text, the last of them an ellipsis if there is more. */
static void put_cut(FILE *out, const char *text, int width)
{
	size_t bytes = 0;

	if ((int)text_width(text) <= width) {
		fputs(text, out);
		return;
	}
	for (int n = 0; n < width - 1; n += ((unsigned char)text[bytes] & 0xc0) != 0x80)
		bytes++;
	fwrite(text, 1, bytes, out);
	fputs("…", out);
}

static void put(FILE *out, const struct table_entry *c, int width, const struct style *style)
{
	int pad = width - (int)text_width(c->text);

	if (c->width < 0 && !(c->last && !*c->text))
		fprintf(out, "%*s", pad, "");
	fputs(c->alarm ? style->alarm : "", out);
	put_cut(out, c->text, c->width ? width : INT_MAX);
	fputs(c->alarm ? style->plain : "", out);
	if (c->width > 0 && pad > 0 && !c->last)
		fprintf(out, "%*s", pad, "");
}

int table_end(struct table *t, FILE *out, const struct style *style)
{
	int widths[COLUMNS_MAX] = {}, r = t && !t->failed ? 0 : -ENOMEM;
	size_t column = 0;
	bool titles = true;

	if (r == 0)
		measure(t, widths);
	fit(widths, table_width(out));
	for (size_t i = 0; r == 0 && i < t->n; i++) {
		const struct table_entry *c = &t->cells[i];

		if (column == 0 && titles)
			fputs(style->bold, out);
		put(out, c, widths[column], style);
		column = c->last || column + 1 == COLUMNS_MAX ? 0 : column + 1;
		if (c->last) {
			fprintf(out, "%s\n", titles ? style->plain : "");
			titles = false;
		}
	}
	for (size_t i = 0; t && i < t->n; i++)
		free(t->cells[i].text);
	if (t)
		free(t->cells);
	free(t);
	return r;
}

size_t write_wrapped(FILE *out, const char *mark, const char *text, size_t max)
{
	size_t column = text_width(mark), lines = 1, room = (size_t)table_width(out);

	fputs(mark, out);
	while (*text) {
		size_t length = strcspn(text, " "), columns = 0, more;

		for (size_t i = 0; i < length; i++)
			columns += ((unsigned char)text[i] & 0xc0) != 0x80;
		more = lines == max && text[length] ? 2 : 0; /* for an ellipsis */
		if (column + 1 + columns + more > room && column > 4) {
			if (lines == max) {
				fputs(" …", out);
				break;
			}
			fputs("\n   ", out);
			column = 3;
			lines++;
		}
		fprintf(out, " %.*s", (int)length, text);
		column += 1 + columns;
		text += length;
		text += strspn(text, " ");
	}
	fputc('\n', out);
	return lines;
}
