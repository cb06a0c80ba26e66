/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/flames/flamegraph.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "flamegraph_css.h"
#include "flamegraph_js.h"
#include "reports/flames/flamegraph_internal.h"
#include "reports/text/format.h"

const char *flamegraph_style(void)
{
	return (const char *)flamegraph_css;
}

const char *flamegraph_script(void)
{
	return (const char *)flamegraph_js;
}

/* Textures tell the sides apart where colours do not. */
static const char *const textures[SIDE_COUNT] = {
	[SIDE_THREAD] = "",
	[SIDE_KERNEL] = "<path d=\"M-2 2L2-2M0 8L8 0M6 10L10 6\"/>",
	[SIDE_USER] = "",
	[SIDE_BOUNDARY] = "",
	[SIDE_GUEST_KERNEL] = "<path d=\"M-2 6L2 10M0 0L8 8M6-2L10 2\"/>",
	[SIDE_GUEST_USER] = "<path d=\"M2 1.5h1.6M6 5.5h1.6\"/>",
};

static void write_defs(const char *id, FILE *out)
{
	fputs("<defs>\n", out);
	for (int i = 0; i < SIDE_COUNT; i++)
		fprintf(out,
			"<pattern id=\"%s-%c\" width=\"8\" height=\"8\" "
			"patternUnits=\"userSpaceOnUse\">"
			"<rect width=\"8\" height=\"8\" fill=\"%s\"/>"
			"<g stroke=\"#000\" stroke-opacity=\".16\" "
			"stroke-width=\"1.4\">%s</g></pattern>\n",
			id, side_table[i].mark, side_table[i].color, textures[i]);
	fputs("</defs>\n<style>", out);
	for (int i = 0; i < SIDE_COUNT; i++)
		fprintf(out, "#%s .%c rect{fill:url(#%s-%c)}", id, side_table[i].mark, id,
			side_table[i].mark);
	fputs("</style>\n", out);
}

void flamegraph_label(const char *text, double x, double y, double width, FILE *out)
{
	int room = (int)((fmin(width, FLAME_WIDTH) - 6) / FLAME_CHARACTER), n = 0;
	char label[256];
	size_t used = 0;
	const char *p = text;

	if (room < 3)
		return;
	while (*p && n < room && used + 8 < sizeof(label)) {
		do
			label[used++] = *p++;
		while (((unsigned char)*p & 0xc0) == 0x80 && used + 8 < sizeof(label));
		n++;
	}
	if (*p) {
		while (used > 0 && ((unsigned char)label[used - 1] & 0xc0) == 0x80)
			used--;
		if (used > 0)
			used--;
		memcpy(label + used, "…", sizeof("…"));
	} else {
		label[used] = '\0';
	}
	fputs("<text x=\"", out);
	markup_fixed(out, x + 3, 2);
	fputs("\" y=\"", out);
	markup_fixed(out, y + 12, 0);
	fputs("\">", out);
	markup_text(out, label);
	fputs("</text>", out);
}

void flamegraph_rect(bool standalone, double x, double y, double width, FILE *out)
{
	int decimals = standalone ? 4 : 2;

	fputs("<rect x=\"", out);
	markup_fixed(out, x, decimals);
	fputs("\" y=\"", out);
	markup_fixed(out, y, 0);
	fputs("\" width=\"", out);
	markup_fixed(out, width, decimals);
	if (standalone)
		fprintf(out, "\" height=\"%d\"/>", FLAME_ROW - 1);
	else
		fputs("\"/>", out);
}

static void write_frame(const struct stack_tree *tree, const struct stack_node *node,
	const struct flamegraph_options *options, double x, double y, double width, FILE *out)
{
	fprintf(out, "<g class=\"%c%s\"><title>", side_table[node->side].mark,
		node->inlined ? " i" : "");
	markup_text(out, node->symbol);
	if (node != tree->nodes) {
		fputc('\n', out);
		markup_text(out, node->module);
		fprintf(out, "%s%s%s", *node->module ? ", " : "", side_table[node->side].title,
			node->inlined ? ", inlined" : "");
	}
	fprintf(out, "\n%s, %s %%", format_time((double)node->total_ns).text,
		format_percent((double)node->total_ns, (double)tree->nodes[0].total_ns).text);
	if (node->samples > 0)
		fprintf(out, ", %s %s", format_count((double)node->samples).text,
			options->count_of);
	fputs("</title>", out);
	flamegraph_rect(options->standalone, x, y, width, out);
	flamegraph_label(node->symbol, x, y, width, out);
	fputs("</g>\n", out);
}

/** Where each node begins, in ns from the left edge; and how deep the wide enough ones go. */
static double *place(const struct stack_tree *tree, double narrowest_px, uint32_t *ret_depth)
{
	double *start = calloc(tree->n_nodes, 2 * sizeof(*start)), *cursor;
	double narrowest =
		narrowest_px / (FLAME_WIDTH - 2 * FLAME_MARGIN) * (double)tree->nodes[0].total_ns;

	if (!start)
		return NULL;
	cursor = start + tree->n_nodes;
	*ret_depth = 0;
	/* The order is by parent, and a parent's index is smaller: its place is known by now. */
	for (size_t i = 0; i + 1 < tree->n_nodes; i++) {
		uint32_t at = tree->order[i], parent = tree->nodes[at].parent;

		start[at] = cursor[parent];
		cursor[parent] += (double)tree->nodes[at].total_ns;
		cursor[at] = start[at];
		if ((double)tree->nodes[at].total_ns >= narrowest &&
			tree->nodes[at].depth > *ret_depth)
			*ret_depth = tree->nodes[at].depth;
	}
	return start;
}

static void write_legend(const struct stack_tree *tree, double y, FILE *out)
{
	bool used[SIDE_COUNT] = {};
	double x = FLAME_MARGIN;

	for (size_t i = 1; i < tree->n_nodes; i++)
		used[tree->nodes[i].side] = true;
	fputs("<g class=\"fg-legend\">", out);
	for (int i = 0; i < SIDE_COUNT; i++) {
		if (!used[i])
			continue;
		fprintf(out,
			"<g class=\"%c\"><rect x=\"%.0f\" y=\"%.0f\" width=\"22\" "
			"height=\"12\"/></g>"
			"<text x=\"%.0f\" y=\"%.0f\">%s</text>",
			side_table[i].mark, x, y - 10, x + 28, y, side_table[i].title);
		x += 28 + 20 + 6.6 * (double)strlen(side_table[i].title);
	}
	fputs("</g>\n", out);
}

void flamegraph_head(const struct flamegraph_options *options, double height,
	void (*defs)(const char *id, FILE *out), FILE *out)
{
	if (options->standalone)
		fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", out);
	fprintf(out,
		"<svg class=\"gs-fg\" id=\"%s\" width=\"%d\" height=\"%.0f\""
		" viewBox=\"0 0 %d %.0f\" role=\"group\" aria-label=\"",
		options->id, FLAME_WIDTH, height, FLAME_WIDTH, height);
	markup_text(out, options->title);
	fprintf(out, "\"%s>\n", options->standalone ? " xmlns=\"http://www.w3.org/2000/svg\"" : "");
	if (options->standalone) {
		fputs("<title>", out);
		markup_text(out, options->title);
		fprintf(out, "</title>\n<style>%s</style>\n", flamegraph_style());
	}
	defs(options->id, out);
	fprintf(out, "<text class=\"fg-title\" x=\"%d\" y=\"24\">", FLAME_MARGIN);
	markup_text(out, options->title);
	fprintf(out, "</text>\n<text class=\"fg-sub\" x=\"%d\" y=\"44\">", FLAME_MARGIN);
	markup_text(out, options->subtitle);
	fprintf(out,
		"</text>\n<foreignObject x=\"%d\" y=\"6\" width=\"420\" height=\"32\">"
		"<div class=\"fg-controls\"%s></div></foreignObject>\n",
		FLAME_WIDTH - 430,
		options->standalone ? " xmlns=\"http://www.w3.org/1999/xhtml\"" : "");
}

static bool has_inlined(const struct stack_tree *tree)
{
	for (size_t i = 1; i < tree->n_nodes; i++)
		if (tree->nodes[i].inlined)
			return true;
	return false;
}

void flamegraph_info(double y, bool inlined, size_t dropped, double narrowest_px, FILE *out)
{
	fprintf(out, "<text class=\"fg-info\" x=\"%d\" y=\"%.0f\">", FLAME_MARGIN, y);
	fputs("Click a frame to zoom; arrow keys move, Enter zooms, Esc resets, / searches.", out);
	if (inlined)
		fputs(" Italics: inlined.", out);
	if (dropped > 0)
		fprintf(out, " %zu frames narrower than %.3g px are not drawn.", dropped,
			narrowest_px);
	fputs("</text>\n", out);
}

void flamegraph_foot(const struct flamegraph_options *options, FILE *out)
{
	if (options->standalone)
		fprintf(out, "<script><![CDATA[\n%s]]></script>\n", flamegraph_script());
	fputs("</svg>\n", out);
}

/* As measured: what a frame takes beside its names. */
#define FRAME_BYTES 130

size_t flamegraph_bytes(const struct stack_tree *tree, double narrowest_px)
{
	double narrowest =
		narrowest_px / (FLAME_WIDTH - 2 * FLAME_MARGIN) * (double)tree->nodes[0].total_ns;
	size_t bytes = FLAME_BYTES;

	for (size_t i = 0; i < tree->n_nodes; i++)
		if ((double)tree->nodes[i].total_ns >= narrowest)
			bytes += FRAME_BYTES + strlen(tree->nodes[i].symbol) +
				 strlen(tree->nodes[i].module);
	return bytes;
}

int flamegraph_write(
	const struct stack_tree *tree, const struct flamegraph_options *options, FILE *out)
{
	double total = (double)tree->nodes[0].total_ns, scale, frames_height;
	double narrowest_px =
		options->narrowest_px > 0 ? options->narrowest_px : FLAMEGRAPH_NARROWEST_PX;
	_cleanup_free_ double *start = NULL;
	uint32_t depth = 0;
	size_t dropped = 0;

	start = place(tree, narrowest_px, &depth);
	if (!start)
		return -ENOMEM;
	scale = total > 0 ? (FLAME_WIDTH - 2 * FLAME_MARGIN) / total : 0;
	frames_height = (double)(depth + 1) * FLAME_ROW;
	flamegraph_head(options, FLAME_TOP + frames_height + FLAME_BOTTOM, write_defs, out);
	fputs("<g class=\"frames\">\n", out);
	write_frame(tree, tree->nodes, options, FLAME_MARGIN, FLAME_TOP + frames_height - FLAME_ROW,
		FLAME_WIDTH - 2 * FLAME_MARGIN, out);
	for (size_t i = 0; i + 1 < tree->n_nodes; i++) {
		const struct stack_node *node = &tree->nodes[tree->order[i]];
		double width = (double)node->total_ns * scale;

		if (width < narrowest_px) {
			dropped++;
			continue;
		}
		write_frame(tree, node, options, FLAME_MARGIN + start[tree->order[i]] * scale,
			FLAME_TOP + frames_height - (double)(node->depth + 1) * FLAME_ROW, width,
			out);
	}
	fputs("</g>\n", out);
	flamegraph_info(
		FLAME_TOP + frames_height + 20, has_inlined(tree), dropped, narrowest_px, out);
	write_legend(tree, FLAME_TOP + frames_height + 42, out);
	flamegraph_foot(options, out);
	return ferror(out) ? -EIO : 0;
}
