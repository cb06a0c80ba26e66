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

#define FLAME_WIDTH     1200
#define FLAME_MARGIN    10
#define FLAME_TOP       60 /* title and controls */
#define FLAME_BOTTOM    52 /* details and legend */
#define FLAME_ROW       17
#define FLAME_BYTES     4000 /* of a drawing, beside its frames, about */
#define FLAME_CHARACTER 6.7  /* width of the frames' type */

static const struct flame_look *look_of(const struct stack_tree *tree)
{
	return tree->n_sides == 1 ? &flame_look_sides : &flame_look_change;
}

const char *flamegraph_style(void)
{
	return (const char *)flamegraph_css;
}

const char *flamegraph_script(void)
{
	return (const char *)flamegraph_js;
}

static void write_defs(const struct flame_look *look, const char *id, FILE *out)
{
	fputs("<defs>\n", out);
	for (size_t i = 0; i < look->n_colors; i++)
		fprintf(out,
			"<pattern id=\"%s-%s\" width=\"8\" height=\"8\" "
			"patternUnits=\"userSpaceOnUse\">"
			"<rect width=\"8\" height=\"8\" fill=\"%s\"/>%s</pattern>\n",
			id, look->colors[i].class, look->colors[i].color, look->colors[i].texture);
	fputs("</defs>\n<style>", out);
	for (size_t i = 0; i < look->n_colors; i++)
		fprintf(out, "#%s .%s rect{fill:url(#%s-%s)}", id, look->colors[i].class, id,
			look->colors[i].class);
	fputs("</style>\n", out);
}

/** A frame's text as far as it fits into @width px; nothing if that is less than three characters.
 */
static void write_label(const char *text, double x, double y, double width, FILE *out)
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

/** A frame's rectangle; in a page the style sheet gives it its height. */
static void write_rect(bool standalone, double x, double y, double width, FILE *out)
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
	const struct flame_look *look = look_of(tree);
	const struct stack_frame *frame = &node->frame;
	_cleanup_free_ char *signed_name = NULL;
	char sign[FLAME_SIGN] = "";
	size_t color = look->color(tree, node, options, sign);

	fprintf(out, "<g class=\"%s%s\"", look->colors[color].class, frame->inlined ? " i" : "");
	if (*sign)
		fprintf(out, " data-sign=\"%s\"", sign);
	fputs("><title>", out);
	markup_text(out, frame->symbol);
	look->title(tree, node, options, out);
	fputs("</title>", out);
	write_rect(options->standalone, x, y, width, out);
	if (*sign && asprintf(&signed_name, "%s%s", sign, frame->symbol) < 0)
		signed_name = NULL;
	write_label(signed_name ? signed_name : frame->symbol, x, y, width, out);
	fputs("</g>\n", out);
}

/** Narrower nodes are less than @narrowest_px wide. */
static double narrowest_width(const struct stack_tree *tree, double narrowest_px)
{
	return narrowest_px / (FLAME_WIDTH - 2 * FLAME_MARGIN) * tree->nodes[0].width;
}

double *flamegraph_starts(const struct stack_tree *tree)
{
	double *start = calloc(tree->n_nodes, 2 * sizeof(*start)), *cursor;

	if (!start)
		return NULL;
	cursor = start + tree->n_nodes;
	/* The order is by parent, and a parent's index is smaller: its place is known by now. */
	for (size_t i = 0; i + 1 < tree->n_nodes; i++) {
		uint32_t at = tree->order[i];
		const struct stack_node *node = &tree->nodes[at];

		start[at] = cursor[at] = cursor[node->parent];
		cursor[node->parent] += node->width;
	}
	return start;
}

/** How deep the frames go that are wide enough. */
static uint32_t depth_of(const struct stack_tree *tree, double narrowest_px)
{
	double narrowest = narrowest_width(tree, narrowest_px);
	uint32_t depth = 0;

	for (size_t i = 1; i < tree->n_nodes; i++)
		if (tree->nodes[i].width >= narrowest && tree->nodes[i].depth > depth)
			depth = tree->nodes[i].depth;
	return depth;
}

static bool has_color(
	const struct stack_tree *tree, const struct flamegraph_options *options, size_t color)
{
	const struct flame_look *look = look_of(tree);
	char sign[FLAME_SIGN];

	for (size_t i = 1; i < tree->n_nodes; i++)
		if (look->color(tree, &tree->nodes[i], options, sign) == color)
			return true;
	return false;
}

static void write_legend(const struct stack_tree *tree, const struct flamegraph_options *options,
	double y, FILE *out)
{
	const struct flame_look *look = look_of(tree);
	double x = FLAME_MARGIN;

	fputs("<g class=\"fg-legend\">", out);
	for (size_t i = 0; i < look->n_colors; i++) {
		const struct flame_color *color = &look->colors[i];

		if (!look->whole_legend && !has_color(tree, options, i))
			continue;
		fprintf(out,
			"<g class=\"%s\"><rect x=\"%.0f\" y=\"%.0f\" width=\"22\" "
			"height=\"12\"/></g>",
			color->class, x, y - 10);
		x += look->legend_step;
		if (!color->legend)
			continue;
		fprintf(out, "<text x=\"%.0f\" y=\"%.0f\">%s</text>", x, y, color->legend);
		x += look->legend_step - 8 + 6.6 * (double)strlen(color->legend);
	}
	if (tree->n_sides == TREE_SIDES) {
		fprintf(out, "<text x=\"%.0f\" y=\"%.0f\">A: ", x, y);
		markup_text(out, options->names[TREE_A]);
		fputs(", B: ", out);
		markup_text(out, options->names[TREE_B]);
		fputs("</text>", out);
	}
	fputs("</g>\n", out);
}

/** Begin the drawing: title, subtitle, place of the controls. */
static void write_head(const struct flame_look *look, const struct flamegraph_options *options,
	double height, FILE *out)
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
	write_defs(look, options->id, out);
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
		if (tree->nodes[i].frame.inlined)
			return true;
	return false;
}

/** The line that explains keys and, under the mouse, describes frames; @inlined: some are. */
static void write_info(double y, bool inlined, size_t dropped, double narrowest_px, FILE *out)
{
	fprintf(out, "<text class=\"fg-info\" x=\"%d\" y=\"%.0f\">", FLAME_MARGIN, y);
	fputs("Click a frame to zoom; arrow keys move, Enter zooms, Esc resets, / searches.", out);
	if (inlined)
		fputs(" Italics: inlined.", out);
	if (dropped > 0)
		fprintf(out, " %zu frame%s narrower than %.3g px %s not drawn.", dropped,
			dropped == 1 ? "" : "s", narrowest_px, dropped == 1 ? "is" : "are");
	fputs("</text>\n", out);
}

static void write_foot(const struct flamegraph_options *options, FILE *out)
{
	if (options->standalone)
		fprintf(out, "<script><![CDATA[\n%s]]></script>\n", flamegraph_script());
	fputs("</svg>\n", out);
}

size_t flamegraph_bytes(const struct stack_tree *tree, double narrowest_px)
{
	double narrowest = narrowest_width(tree, narrowest_px);
	size_t bytes = FLAME_BYTES;

	for (size_t i = 0; i < tree->n_nodes; i++)
		if (tree->nodes[i].width >= narrowest)
			bytes += look_of(tree)->frame_bytes + strlen(tree->nodes[i].frame.symbol) +
				 strlen(tree->nodes[i].frame.module);
	return bytes;
}

/** Draw the frames; returns how many are too narrow. */
static size_t write_frames(const struct stack_tree *tree, const struct flamegraph_options *options,
	const double *start, double bottom, double narrowest_px, FILE *out)
{
	double total = tree->nodes[0].width, all = FLAME_WIDTH - 2 * FLAME_MARGIN;
	double scale = total > 0 ? all / total : 0;
	size_t dropped = 0;

	fputs("<g class=\"frames\">\n", out);
	write_frame(tree, tree->nodes, options, FLAME_MARGIN, bottom - FLAME_ROW, all, out);
	for (size_t i = 0; i + 1 < tree->n_nodes; i++) {
		const struct stack_node *node = &tree->nodes[tree->order[i]];
		double width = node->width * scale;

		if (width < narrowest_px) {
			dropped++;
			continue;
		}
		write_frame(tree, node, options, FLAME_MARGIN + start[tree->order[i]] * scale,
			bottom - (double)(node->depth + 1) * FLAME_ROW, width, out);
	}
	fputs("</g>\n", out);
	return dropped;
}

int flamegraph_write(
	const struct stack_tree *tree, const struct flamegraph_options *options, FILE *out)
{
	double narrowest_px =
		options->narrowest_px > 0 ? options->narrowest_px : FLAMEGRAPH_NARROWEST_PX;
	_cleanup_free_ double *start = flamegraph_starts(tree);
	double bottom = FLAME_TOP + (double)(depth_of(tree, narrowest_px) + 1) * FLAME_ROW;
	size_t dropped;

	if (!start)
		return -ENOMEM;
	write_head(look_of(tree), options, bottom + FLAME_BOTTOM, out);
	dropped = write_frames(tree, options, start, bottom, narrowest_px, out);
	write_info(bottom + 20, has_inlined(tree), dropped, narrowest_px, out);
	write_legend(tree, options, bottom + 42, out);
	write_foot(options, out);
	return ferror(out) ? -EIO : 0;
}
