/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gnuplot's SVG, made fit for a page: it says what it is, its ids are its own, it takes its ink
 * from what is around it, so that it can be read on dark paper too, and it is a good deal smaller.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/figures/figures_internal.h"
#include "reports/text/format.h"

#define FONTS "Helvetica,Arial,&quot;Liberation Sans&quot;,sans-serif"

/* What is written in place of something else. An empty place: it is dropped. "\1" in a place stands
 * for the figure's prefix of ids. */
static const struct {
	const char *from;
	const char *to;
} table[] = {
	{" color=\"black\"", ""},
	{" color=\"white\"", ""},
	{" stroke=\"currentColor\"", ""}, /* the outermost element's */
	{" font-family=\"sans-serif\"", ""},
	{" fill=\"black\"", " fill=\"currentColor\""},
	{" stroke='black'", ""},
	{" stroke=\"black\"", ""},
	{" stroke='rgb(212, 212, 212)'", " stroke-opacity='.22'"}, /* FIGURE_GRID */
	{" stroke-linecap=\"butt\"", ""},
	{" stroke-linejoin=\"miter\"", ""},
	{" fill=\"none\"", ""},
	{" stroke-width=\"1.00\"", ""},
	{"xlink:href='#", "xlink:href='#\1"},
	{" id='", " id='\1"},
	{" id=\"", " id=\"\1"},
	{"url(#", "url(#\1"},
	{"\t", " "},
	{"  '/>", "'/>"},
	{"gnuplot_canvas", "canvas"},
};

/* Elements that say nothing here; they do not nest. */
static const struct {
	const char *start;
	const char *end;
} useless[] = {
	{"<title>", "</title>\n"},
	{"<desc>", "</desc>\n"},
	{"<filter ", "</filter>\n"},
	{"<rect x=\"0\" y=\"0\"", "/>\n"},
};

/** The end of a useless element that begins at @at, or NULL. */
static const char *skip_useless(const char *at)
{
	for (size_t i = 0; i < ARRAY_SIZE(useless); i++) {
		const char *end;

		if (strncmp(at, useless[i].start, strlen(useless[i].start)) != 0)
			continue;
		end = strstr(at, useless[i].end);
		return end ? end + strlen(useless[i].end) : NULL;
	}
	return NULL;
}

/** "rgb(  0, 158, 115)" as "#009e73"; returns what follows, or NULL where there is none. */
static const char *take_color(const char *at, FILE *out)
{
	unsigned int r, g, b;
	int n = 0;

	if (strncmp(at, "rgb(", 4) != 0 || sscanf(at, "rgb(%3u,%3u,%3u)%n", &r, &g, &b, &n) < 3 ||
		n == 0 || r > 255 || g > 255 || b > 255)
		return NULL;
	/* Black is the ink, also where it is a stack's colour. */
	if ((r | g | b) == 0)
		fputs("currentColor", out);
	else
		fprintf(out, "#%02x%02x%02x", r, g, b);
	return at + n;
}

static const char *take_replaced(const char *at, const char *prefix, FILE *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (strncmp(at, table[i].from, strlen(table[i].from)) != 0)
			continue;
		for (const char *to = table[i].to; *to; to++)
			*to == '\1' ? fputs(prefix, out) : fputc(*to, out);
		return at + strlen(table[i].from);
	}
	return NULL;
}

static void rewrite(const char *at, const char *prefix, FILE *out)
{
	while (*at) {
		const char *next = skip_useless(at);

		if (!next)
			next = take_replaced(at, prefix, out);
		if (!next)
			next = take_color(at, out);
		if (!next) {
			fputc(*at, out);
			next = at + 1;
		}
		at = next;
	}
}

/** Take out groups without content, in place: "<g ...>", nothing but space, "</g>". */
static void drop_empty_groups(char *text)
{
	char *w = text;

	for (const char *at = text; *at;) {
		const char *end =
			strncmp(at, "<g", 2) == 0 && strchr(" >", at[2]) ? strchr(at, '>') : NULL;
		const char *next = end ? end + 1 + strspn(end + 1, " \n") : NULL;

		if (next && strncmp(next, "</g>", 4) == 0) {
			at = next + 4;
			at += strspn(at, "\n");
		} else {
			*w++ = *at++;
		}
	}
	*w = '\0';
}

static void write_head(const struct figure *f, unsigned int width, unsigned int height, FILE *out)
{
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" "
		"xmlns:xlink=\"http://www.w3.org/1999/xlink\" "
		"width=\"%u\" height=\"%u\" viewBox=\"0 0 %u %u\" role=\"img\" "
		"aria-labelledby=\"fig-%s-title fig-%s-desc\" fill=\"none\" "
		"stroke=\"currentColor\" font-family=\"" FONTS "\">\n<title id=\"fig-%s-title\">",
		width, height, width, height, f->name, f->name, f->name);
	markup_text(out, f->title);
	fprintf(out, "</title>\n<desc id=\"fig-%s-desc\">", f->name);
	markup_text(out, f->caption);
	fputs("</desc>\n", out);
}

int figure_svg(const char *drawing, const struct figure *f, char **ret)
{
	const char *element = strstr(drawing, "<svg"),
		   *body = element ? strchr(element, '>') : NULL;
	_cleanup_free_ char *text = NULL;
	unsigned int width = 0, height = 0;
	char prefix[64];
	size_t size = 0;
	FILE *out;

	if (!body || sscanf(element, "<svg width=\"%u\" height=\"%u\"", &width, &height) != 2)
		return -EBADMSG;
	snprintf(prefix, sizeof(prefix), "fig-%s-", f->name);
	out = open_memstream(&text, &size);
	if (!out)
		return -ENOMEM;
	write_head(f, width, height, out);
	rewrite(body + 1 + strspn(body + 1, "\n"), prefix, out);
	if (fclose(out) != 0)
		return -ENOMEM;
	drop_empty_groups(text);
	*ret = TAKE_PTR(text);
	return 0;
}
