/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/diff/flamediff.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/flames/flamegraph_internal.h"
#include "reports/text/format.h"

/* What a change looks like: colour, and a texture that says the same without it. */
struct look {
	const char *class;
	const char *color;
	const char *texture; /* an SVG path in a square of 8 */
	double from;         /* the change, as part of the larger side, beyond which it is used */
	const char *legend;  /* NULL: its neighbour's says it */
};

#define PLUS  "M1 4h5M3.5 1.5v5"
#define MINUS "M1 4h5"

static const struct look looks[] = {
	{"m3", "#74a9dc", MINUS, -0.5, "much less in B"},
	{"m2", "#a5c8ea", MINUS, -0.2, NULL},
	{"m1", "#d5e5f5", MINUS, -0.0, "less"},
	{"z", "#e4e4df", "", 0.0, "the same, as far as can be told"},
	{"p1", "#fcdccb", PLUS, 0.0, "more"},
	{"p2", "#f9b193", PLUS, 0.2, NULL},
	{"p3", "#f1805f", PLUS, 0.5, "much more in B"},
};

#define SAME 3 /* in looks[] */

/** The change of a frame, as drawn. */
struct change {
	double a_ns, b_ns; /* per run */
	double error_ns;   /* of the difference, by sampling */
	const struct look *look;
	char sign[24]; /* before the name */
};

static struct change change_of(const struct diff_tree *tree, const struct diff_node *node,
	const struct flamediff_options *options)
{
	struct change c = {
		.a_ns = diff_per_run(tree, DIFF_A, node->total_ns[DIFF_A]),
		.b_ns = diff_per_run(tree, DIFF_B, node->total_ns[DIFF_B]),
		.look = &looks[SAME],
	};
	double difference = c.b_ns - c.a_ns, part = difference / fmax(c.a_ns, c.b_ns);
	size_t level = SAME;

	if (options->sampled)
		c.error_ns = diff_sampling_error(tree, node->total_ns, node->samples);
	if (fabs(difference) <= c.error_ns || fabs(part) < 0.005)
		return c;
	if (part > 0)
		while (level + 1 < ARRAY_SIZE(looks) && part > looks[level + 1].from)
			level++;
	else
		while (level > 0 && part < looks[level - 1].from)
			level--;
	c.look = &looks[level];
	if (c.a_ns <= 0 || c.b_ns <= 0)
		snprintf(c.sign, sizeof(c.sign), c.a_ns <= 0 ? "new: " : "gone: ");
	else if (c.b_ns >= 2 * c.a_ns)
		snprintf(c.sign, sizeof(c.sign), "×%.3g ", fmin(c.b_ns / c.a_ns, 1e6));
	else
		snprintf(c.sign, sizeof(c.sign), "%s%.0f%% ", difference > 0 ? "+" : "−",
			100 * fabs(difference) / c.a_ns);
	return c;
}

static void write_defs(const char *id, FILE *out)
{
	fputs("<defs>\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(looks); i++)
		fprintf(out,
			"<pattern id=\"%s-%s\" width=\"8\" height=\"8\" "
			"patternUnits=\"userSpaceOnUse\">"
			"<rect width=\"8\" height=\"8\" fill=\"%s\"/>"
			"<path d=\"%s\" stroke=\"#000\" stroke-opacity=\".18\"/></pattern>\n",
			id, looks[i].class, looks[i].color, looks[i].texture);
	fputs("</defs>\n<style>", out);
	for (size_t i = 0; i < ARRAY_SIZE(looks); i++)
		fprintf(out, "#%s .%s rect{fill:url(#%s-%s)}", id, looks[i].class, id,
			looks[i].class);
	fputs("</style>\n", out);
}

static void write_side(
	const struct diff_tree *tree, int side, double ns, const char *name, FILE *out)
{
	double all = diff_per_run(tree, side, tree->nodes[0].total_ns[side]);

	fputc('\n', out);
	markup_text(out, name);
	if (ns > 0)
		fprintf(out, ": %s, %s %%", format_time(ns).text, format_percent(ns, all).text);
	else
		fputs(": none", out);
}

static void write_signed(double ns, FILE *out)
{
	fprintf(out, "%s%s", ns < 0 ? "−" : "+", format_time(fabs(ns)).text);
}

static void write_title(const struct diff_tree *tree, const struct diff_node *node,
	const struct change *c, const struct flamediff_options *options, FILE *out)
{
	double own = diff_of(tree, node->self_ns);

	fputs("<title>", out);
	markup_text(out, node->symbol);
	if (*node->module) {
		fputc('\n', out);
		markup_text(out, node->module);
	}
	write_side(tree, DIFF_A, c->a_ns, options->names[DIFF_A], out);
	write_side(tree, DIFF_B, c->b_ns, options->names[DIFF_B], out);
	fputs("\ndifference ", out);
	write_signed(c->b_ns - c->a_ns, out);
	if (c->a_ns > 0 && c->b_ns > 0)
		fprintf(out, " (%s%.3g %%)", c->b_ns < c->a_ns ? "−" : "+",
			100 * fabs(c->b_ns - c->a_ns) / c->a_ns);
	if (options->sampled)
		fprintf(out, ", of which sampling may be ± %s", format_time(c->error_ns).text);
	if (node->self_ns[DIFF_A] || node->self_ns[DIFF_B]) {
		fputs("\nof its own time ", out);
		write_signed(own, out);
	}
	fputs("</title>", out);
}

static void write_frame(const struct diff_tree *tree, const struct diff_node *node,
	const struct flamediff_options *options, double x, double y, double width, FILE *out)
{
	const struct change c = change_of(tree, node, options);
	_cleanup_free_ char *label = NULL;

	fprintf(out, "<g class=\"%s\"", c.look->class);
	if (*c.sign)
		fprintf(out, " data-sign=\"%s\"", c.sign);
	fputc('>', out);
	write_title(tree, node, &c, options, out);
	flamegraph_rect(options->standalone, x, y, width, out);
	if (asprintf(&label, "%s%s", c.sign, node->symbol) < 0)
		label = NULL;
	flamegraph_label(label ? label : node->symbol, x, y, width, out);
	fputs("</g>\n", out);
}

/** Where each node begins, in ns from the left edge; and how deep the wide enough ones go. */
static double *place(const struct diff_tree *tree, double narrowest_px, uint32_t *ret_depth)
{
	double *start = calloc(tree->n_nodes, 2 * sizeof(*start)), *cursor;
	double narrowest =
		narrowest_px / (FLAME_WIDTH - 2 * FLAME_MARGIN) * tree->nodes[0].width_ns;

	if (!start)
		return NULL;
	cursor = start + tree->n_nodes;
	*ret_depth = 0;
	for (size_t i = 0; i + 1 < tree->n_nodes; i++) {
		const struct diff_node *node = &tree->nodes[tree->order[i]];

		start[tree->order[i]] = cursor[tree->order[i]] = cursor[node->parent];
		cursor[node->parent] += node->width_ns;
		if (node->width_ns >= narrowest && node->depth > *ret_depth)
			*ret_depth = node->depth;
	}
	return start;
}

static void write_legend(const struct flamediff_options *options, double y, FILE *out)
{
	double x = FLAME_MARGIN;

	fputs("<g class=\"fg-legend\">", out);
	for (size_t i = 0; i < ARRAY_SIZE(looks); i++) {
		fprintf(out,
			"<g class=\"%s\"><rect x=\"%.0f\" y=\"%.0f\" width=\"22\" "
			"height=\"12\"/></g>",
			looks[i].class, x, y - 10);
		x += 26;
		if (!looks[i].legend)
			continue;
		fprintf(out, "<text x=\"%.0f\" y=\"%.0f\">%s</text>", x, y, looks[i].legend);
		x += 18 + 6.6 * (double)strlen(looks[i].legend);
	}
	fprintf(out, "<text x=\"%.0f\" y=\"%.0f\">A: ", x, y);
	markup_text(out, options->names[DIFF_A]);
	fputs(", B: ", out);
	markup_text(out, options->names[DIFF_B]);
	fputs("</text></g>\n", out);
}

/* As measured: what a frame takes beside its names. */
#define FRAME_BYTES 190

size_t flamediff_bytes(const struct diff_tree *tree, double narrowest_px)
{
	double narrowest =
		narrowest_px / (FLAME_WIDTH - 2 * FLAME_MARGIN) * tree->nodes[0].width_ns;
	size_t bytes = FLAME_BYTES;

	for (size_t i = 0; i < tree->n_nodes; i++)
		if (tree->nodes[i].width_ns >= narrowest)
			bytes += FRAME_BYTES + strlen(tree->nodes[i].symbol) +
				 strlen(tree->nodes[i].module);
	return bytes;
}

int flamediff_write(
	const struct diff_tree *tree, const struct flamediff_options *options, FILE *out)
{
	const struct flamegraph_options frame = {.id = options->id,
		.title = options->title,
		.subtitle = options->subtitle,
		.standalone = options->standalone};
	double narrowest_px =
		options->narrowest_px > 0 ? options->narrowest_px : FLAMEGRAPH_NARROWEST_PX;
	double total = tree->nodes[0].width_ns, scale, bottom;
	_cleanup_free_ double *start = NULL;
	uint32_t depth = 0;
	size_t dropped = 0;

	start = place(tree, narrowest_px, &depth);
	if (!start)
		return -ENOMEM;
	scale = total > 0 ? (FLAME_WIDTH - 2 * FLAME_MARGIN) / total : 0;
	bottom = FLAME_TOP + (double)(depth + 1) * FLAME_ROW;
	flamegraph_head(&frame, bottom + FLAME_BOTTOM, write_defs, out);
	fputs("<g class=\"frames\">\n", out);
	write_frame(tree, tree->nodes, options, FLAME_MARGIN, bottom - FLAME_ROW,
		FLAME_WIDTH - 2 * FLAME_MARGIN, out);
	for (size_t i = 0; i + 1 < tree->n_nodes; i++) {
		const struct diff_node *node = &tree->nodes[tree->order[i]];

		if (node->width_ns * scale < narrowest_px) {
			dropped++;
			continue;
		}
		write_frame(tree, node, options, FLAME_MARGIN + start[tree->order[i]] * scale,
			bottom - (double)(node->depth + 1) * FLAME_ROW, node->width_ns * scale,
			out);
	}
	fputs("</g>\n", out);
	flamegraph_info(bottom + 20, false, dropped, narrowest_px, out);
	write_legend(options, bottom + 42, out);
	flamegraph_foot(&frame, out);
	return ferror(out) ? -EIO : 0;
}
