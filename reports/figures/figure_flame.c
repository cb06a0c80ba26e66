/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A flame graph for a paper: two columns wide, without what can only be clicked on. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/figures/figure_key.h"

#define FLAME_WIDTH_CM 17.8
#define FLAME_ROW_CM   0.3

/** Narrower frames are left out: in print they are a hair. */
#define FLAME_LEAST_CM 0.02

/** Of 6 points, with some air. */
#define FLAME_LETTER_CM 0.13
#define FLAME_MARGIN_CM 0.05 /* before a label */

/** Longer names are cut. */
#define FLAME_LABEL_MAX 40

/** More colours than that there are not. */
#define FLAME_COLORS_MAX 16

/** What is drawn of a tree. */
struct flame {
	const struct stack_tree *tree;
	double cm_of_width; /* a node's width in centimetres */
	uint32_t depth;
	struct key_entry key[FLAME_COLORS_MAX];
	size_t n_key;
};

static bool is_drawn(const struct flame *f, const struct stack_node *node)
{
	return node->width * f->cm_of_width >= FLAME_LEAST_CM;
}

static void add_key(struct flame *f, const struct stack_node *node)
{
	const char *meaning = NULL, *color = frame_color(node, &meaning);

	for (size_t i = 0; i < f->n_key; i++)
		if (f->key[i].title == meaning)
			return;
	if (f->n_key < FLAME_COLORS_MAX)
		f->key[f->n_key++] =
			(struct key_entry){.title = meaning, .color = color, .box = true};
}

/** The function's name as far as there is room for it. */
static void write_label(const char *symbol, double width_cm, FILE *out)
{
	int room = (int)fmin((width_cm - FLAME_MARGIN_CM) / FLAME_LETTER_CM, FLAME_LABEL_MAX);
	int length = (int)strnlen(symbol, FLAME_LABEL_MAX + 1), n = length;
	char label[FLAME_LABEL_MAX + 4];

	if (room < 3)
		return;
	if (length > room)
		for (n = room - 2; n > 0 && ((unsigned char)symbol[n] & 0xc0) == 0x80;)
			n--;
	snprintf(label, sizeof(label), "%.*s%s", n, symbol, n < length ? ".." : "");
	figure_text(out, label);
}

static void write_frame(
	const struct flame *f, const struct stack_node *node, double start, FILE *out)
{
	const char *meaning = NULL;

	(void)frame_color(node, &meaning);
	fprintf(out, "%u,", node->depth);
	figure_number(out, start / 1e9);
	fputc(',', out);
	figure_number(out, (start + node->width) / 1e9);
	fprintf(out, ",%s,", meaning);
	write_label(node->frame.symbol, node->width * f->cm_of_width, out);
	fputc(',', out);
	figure_text(out, node->frame.symbol);
	fputc('\n', out);
}

static int write_data(struct flame *f, FILE *out)
{
	const struct stack_tree *tree = f->tree;
	_cleanup_free_ double *start = flamegraph_starts(tree);

	if (!start)
		return -ENOMEM;
	fputs("level,from_s,to_s,side,label,function\n", out);
	for (size_t i = 0; i < tree->n_nodes; i++) {
		const struct stack_node *node = &tree->nodes[i];

		if (!is_drawn(f, node))
			continue;
		f->depth = node->depth > f->depth ? node->depth : f->depth;
		add_key(f, node);
		write_frame(f, node, start[i], out);
	}
	return 0;
}

static void write_plot(const struct flame *f, const struct draft *d, double key_cm)
{
	fprintf(d->plot,
		"set lmargin at screen 0\nset rmargin at screen 1\n"
		"set bmargin at screen 0\nset tmargin at screen %.4f\n"
		"unset border\nunset tics\nunset grid\n"
		"set xrange [0:%.9g]\nset yrange [0:%u]\nplot \\\n",
		1 - key_cm / d->height_cm, f->tree->nodes[0].width / 1e9, f->depth + 1);
	for (size_t i = 0; i < f->n_key; i++)
		fprintf(d->plot,
			"\tname.'.csv' using (strcol(4) eq \"%s\" ? $2 : NaN):1:2:3:($1 + "
			"0.03):($1 + 0.97) with boxxyerror fc rgb \"%s\" fs solid 1 border lc rgb "
			"\"%s\" lw 0.2 notitle, \\\n",
			f->key[i].title, f->key[i].color,
			strcmp(f->key[i].color, "#ffffff") == 0 ? "#222222" : "#ffffff");
	fprintf(d->plot,
		"\tname.'.csv' using (strlen(strcol(5)) > 0 ? $2 + %.9g : NaN):($1 + 0.5):5 with "
		"labels left font \",6\" notitle\n",
		FLAME_MARGIN_CM / f->cm_of_width / 1e9);
}

int figure_flame(const struct stack_tree *tree, struct draft *d)
{
	struct flame f = {.tree = tree, .cm_of_width = FLAME_WIDTH_CM / tree->nodes[0].width};
	double key_cm;
	int r = write_data(&f, d->data);

	if (r < 0)
		return r;
	d->pdf_only = true;
	d->width_cm = FLAME_WIDTH_CM;
	key_cm = figure_key_height(d, f.key, f.n_key);
	d->height_cm = key_cm + FLAME_ROW_CM * (f.depth + 1);
	figure_key(d, f.key, f.n_key);
	write_plot(&f, d, key_cm);
	return 1;
}
