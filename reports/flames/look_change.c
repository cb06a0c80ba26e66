/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Differential flame graphs: colours tell what changed from A to B. */
#include <math.h>
#include <stdio.h>

#include "common/cleanup.h"
#include "reports/flames/flamegraph_internal.h"
#include "reports/text/format.h"

#define TEXTURE(path) "<path d=\"" path "\" stroke=\"#000\" stroke-opacity=\".18\"/>"
#define PLUS          TEXTURE("M1 4h5M3.5 1.5v5")
#define MINUS         TEXTURE("M1 4h5")

static const struct flame_color colors[] = {
	{"m3", "#74a9dc", MINUS, "much less in B"},
	{"m2", "#a5c8ea", MINUS, NULL},
	{"m1", "#d5e5f5", MINUS, "less"},
	{"z", "#e4e4df", TEXTURE(""), "the same, as far as can be told"},
	{"p1", "#fcdccb", PLUS, "more"},
	{"p2", "#f9b193", PLUS, NULL},
	{"p3", "#f1805f", PLUS, "much more in B"},
};

/* For each colour the change, as part of the larger side, beyond which it is used. */
static const double limits[ARRAY_SIZE(colors)] = {-0.5, -0.2, -0.0, 0.0, 0.0, 0.2, 0.5};

#define SAME 3 /* in colors[] */

/**
 * Half of the 95 % interval of a difference by the sampling alone: samples are independent events
 * of a Poisson process, so a sum of n samples has the standard deviation sum / sqrt(n).
 */
static double sampling_error(const struct stack_tree *tree, const struct stack_node *node)
{
	double variance = 0;

	for (int i = 0; i < TREE_SIDES; i++)
		if (node->samples[i] > 0)
			variance += pow(stack_per_run(tree, i, node->total_ns[i]), 2) /
				    (double)node->samples[i];
	return 1.959964 * sqrt(variance);
}

/** The change of a frame, as drawn. */
struct change {
	double a_ns, b_ns; /* per run */
	double error_ns;   /* of the difference, by sampling */
	size_t color;
};

static struct change change_of(const struct stack_tree *tree, const struct stack_node *node,
	const struct flamegraph_options *options)
{
	struct change c = {
		.a_ns = stack_per_run(tree, TREE_A, node->total_ns[TREE_A]),
		.b_ns = stack_per_run(tree, TREE_B, node->total_ns[TREE_B]),
		.color = SAME,
	};
	double difference = c.b_ns - c.a_ns, part = difference / fmax(c.a_ns, c.b_ns);

	if (options->sampled)
		c.error_ns = sampling_error(tree, node);
	if (fabs(difference) <= c.error_ns || fabs(part) < 0.005)
		return c;
	if (part > 0)
		while (c.color + 1 < ARRAY_SIZE(colors) && part > limits[c.color + 1])
			c.color++;
	else
		while (c.color > 0 && part < limits[c.color - 1])
			c.color--;
	return c;
}

static size_t color_of(const struct stack_tree *tree, const struct stack_node *node,
	const struct flamegraph_options *options, char sign[FLAME_SIGN])
{
	const struct change c = change_of(tree, node, options);

	if (c.color == SAME)
		return c.color;
	if (c.a_ns <= 0 || c.b_ns <= 0)
		snprintf(sign, FLAME_SIGN, c.a_ns <= 0 ? "new: " : "gone: ");
	else if (c.b_ns >= 2 * c.a_ns)
		snprintf(sign, FLAME_SIGN, "×%.3g ", fmin(c.b_ns / c.a_ns, 1e6));
	else
		snprintf(sign, FLAME_SIGN, "%s%.0f%% ", c.b_ns > c.a_ns ? "+" : "−",
			100 * fabs(c.b_ns - c.a_ns) / c.a_ns);
	return c.color;
}

static void write_side(
	const struct stack_tree *tree, int side, double ns, const char *name, FILE *out)
{
	double all = stack_per_run(tree, side, tree->nodes[0].total_ns[side]);

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

static void write_title(const struct stack_tree *tree, const struct stack_node *node,
	const struct flamegraph_options *options, FILE *out)
{
	const struct change c = change_of(tree, node, options);
	double own = stack_per_run(tree, TREE_B, node->self_ns[TREE_B]) -
		     stack_per_run(tree, TREE_A, node->self_ns[TREE_A]);

	if (*node->frame.module) {
		fputc('\n', out);
		markup_text(out, node->frame.module);
	}
	write_side(tree, TREE_A, c.a_ns, options->names[TREE_A], out);
	write_side(tree, TREE_B, c.b_ns, options->names[TREE_B], out);
	fputs("\ndifference ", out);
	write_signed(c.b_ns - c.a_ns, out);
	if (c.a_ns > 0 && c.b_ns > 0)
		fprintf(out, " (%s%.3g %%)", c.b_ns < c.a_ns ? "−" : "+",
			100 * fabs(c.b_ns - c.a_ns) / c.a_ns);
	if (options->sampled)
		fprintf(out, ", of which sampling may be ± %s", format_time(c.error_ns).text);
	if (node->self_ns[TREE_A] || node->self_ns[TREE_B]) {
		fputs("\nof its own time ", out);
		write_signed(own, out);
	}
}

const struct flame_look flame_look_change = {
	.colors = colors,
	.n_colors = ARRAY_SIZE(colors),
	.whole_legend = true,
	.legend_step = 26,
	.frame_bytes = 190,
	.color = color_of,
	.title = write_title,
};
