/* SPDX-License-Identifier: GPL-2.0-or-later */
/** Flame graphs of one configuration: colours tell the sides apart, and textures do where
 * colours do not. */
#include <string.h>

#include "common/cleanup.h"
#include "reports/flames/flamegraph_internal.h"
#include "reports/text/format.h"

#define TEXTURE(path) "<g stroke=\"#000\" stroke-opacity=\".16\" stroke-width=\"1.4\">" path "</g>"

/** The colour of what is on no side that is known. */
#define UNKNOWN SIDE_COUNT

static const struct flame_color colors[SIDE_COUNT + 1] = {
	[SIDE_THREAD] = {"t", "#d9d9d6", TEXTURE(""), "thread"},
	[SIDE_KERNEL] = {"k", "#f2b48c", TEXTURE("<path d=\"M-2 2L2-2M0 8L8 0M6 10L10 6\"/>"),
		"host kernel"},
	[SIDE_USER] = {"u", "#a9c8ea", TEXTURE(""), "host user"},
	[SIDE_BOUNDARY] = {"b", "#ffffff", TEXTURE(""), "host/guest boundary"},
	[SIDE_GUEST_KERNEL] = {"g", "#e3a9c9", TEXTURE("<path d=\"M-2 6L2 10M0 0L8 8M6-2L10 2\"/>"),
		"guest kernel"},
	[SIDE_GUEST_USER] = {"p", "#a8d8b4", TEXTURE("<path d=\"M2 1.5h1.6M6 5.5h1.6\"/>"),
		"guest program"},
	[SIDE_GUEST_PROCESS] = {"o", "#e4e0c4", TEXTURE(""), "process of the guest"},
	[UNKNOWN] = {"z", "#bdbdb8", TEXTURE("<path d=\"M0 4h8\"/>"), "unknown"},
};

const char *frame_side_title(enum frame_side side)
{
	return colors[side].legend;
}

const char *frame_side_class(enum frame_side side)
{
	return colors[side].class;
}

static size_t color_of(const struct stack_tree *tree, const struct stack_node *node,
	const struct flamegraph_options *options, char sign[FLAME_SIGN])
{
	(void)tree, (void)options, (void)sign;
	return strcmp(node->frame.symbol, "[unknown]") == 0 ? UNKNOWN : node->frame.side;
}

const char *frame_color(const struct stack_node *node, const char **ret_meaning)
{
	const struct flame_color *color = &colors[color_of(NULL, node, NULL, NULL)];

	*ret_meaning = color->legend;
	return color->color;
}

static void write_title(const struct stack_tree *tree, const struct stack_node *node,
	const struct flamegraph_options *options, FILE *out)
{
	const struct stack_frame *frame = &node->frame;

	if (node != tree->nodes) {
		fputc('\n', out);
		markup_text(out, frame->module);
		fprintf(out, "%s%s%s", *frame->module ? ", " : "",
			colors[color_of(tree, node, options, NULL)].legend,
			frame->inlined ? ", inlined" : "");
	}
	fprintf(out, "\n%s, %s %%", format_time((double)node->total_ns[TREE_A]).text,
		format_percent(
			(double)node->total_ns[TREE_A], (double)tree->nodes[0].total_ns[TREE_A])
			.text);
	if (node->samples[TREE_A] > 0)
		fprintf(out, ", %s %s", format_count((double)node->samples[TREE_A]).text,
			options->count_of);
}

const struct flame_look flame_look_sides = {
	.colors = colors,
	.n_colors = ARRAY_SIZE(colors),
	.legend_step = 28,
	.frame_bytes = 130,
	.color = color_of,
	.title = write_title,
};
