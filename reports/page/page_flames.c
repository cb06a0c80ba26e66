/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Flame graphs within the page, of cells and of differences. Files of their own have every frame;
 * the page has to stay small, so what is narrowest is left out where there are too many. */

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "reports/diff/diff.h"
#include "reports/flames/flames.h"
#include "reports/page/page_internal.h"
#include "reports/text/format.h"

/** How many bytes all graphs may take, about. */
#define FLAMES_BYTES 2300000
#define DIFFS_BYTES  1100000

/** What is left of that, for how many graphs. What a small graph does not use is the next one's. */
struct budget {
	size_t bytes;
	size_t graphs;
};

/** The next coarser drawing; at a tenth of the width nothing is left to be gained. */
static double coarser(double px)
{
	return px * 1.5;
}

static bool is_coarse(double px)
{
	return px > 100;
}

static size_t share_of(const struct budget *b)
{
	return b->bytes / (b->graphs ? b->graphs : 1);
}

static void spend(struct budget *b, size_t bytes)
{
	b->bytes -= bytes < b->bytes ? bytes : b->bytes;
	b->graphs -= b->graphs > 0;
}

/** The narrowest frames with which the graph takes no more than its share, which is spent. */
static double narrowest(const struct stack_tree *tree, struct budget *b)
{
	double px = FLAMEGRAPH_NARROWEST_PX;

	while (flamegraph_bytes(tree, px) > share_of(b) && !is_coarse(px))
		px = coarser(px);
	spend(b, flamegraph_bytes(tree, px));
	return px;
}

/** The begin of a cell's graphs. */
static void open_details(bool open, bool *shown, FILE *out)
{
	fprintf(out, "<details class=\"quiet%s\"%s><summary>", *shown ? "" : " first-details",
		open ? " open" : "");
	*shown = true;
}

/** The slower of the two; @best NULL: @cell. */
static const struct cell *slower(const struct cell *best, const struct cell *cell)
{
	return !best || cell->runtime_ns.mean > best->runtime_ns.mean ? cell : best;
}

/**
 * How many graphs there are, and whose is unfolded, as it is read first: that of the cell which
 * takes longest. *ret_slowest NULL: there are none.
 */
static int survey(const struct analysis *a, size_t *ret_n, const struct cell **ret_slowest)
{
	const struct summary *s = a->summary;

	for (size_t i = 0; i < s->n_cells * FLAME_KINDS; i++) {
		const struct cell *cell = &s->cells[i / FLAME_KINDS];
		const struct stack_tree *tree = NULL;
		int r = flame_tree_kept(a->flames, &flame_table[i % FLAME_KINDS], cell, &tree);

		if (r < 0)
			return r;
		*ret_n += tree != NULL;
		if (tree)
			*ret_slowest = slower(*ret_slowest, cell);
	}
	return 0;
}

static int write_graph(const struct page *page, const struct flame_kind *kind,
	const struct cell *cell, const struct stack_tree *tree, struct budget *budget, FILE *out)
{
	const struct analysis *a = page->analysis;
	size_t index =
		(size_t)(cell - a->summary->cells) * FLAME_KINDS + (size_t)(kind - flame_table);
	_cleanup_free_ char *name = flame_name(kind, cell);
	double px;
	int r;

	if (!name)
		return -ENOMEM;
	px = narrowest(tree, budget);
	fputs("<div class=\"flame\">\n", out);
	r = flame_draw(a->flames, kind, cell, tree, false, px, index, out);
	fprintf(out, "</div>\n<p class=\"of-runs\">%s: ",
		px > FLAMEGRAPH_NARROWEST_PX ? "With narrower frames, as a file" : "As a file");
	page_file_link(out, "", name, ".svg");
	fputs("; as folded stacks: ", out);
	page_file_link(out, "", name, ".folded");
	if (figures_have(page->figures, name)) {
		fputs("; for a paper: ", out);
		page_file_link(out, FIGURES_FOLDER "/", name, ".pdf");
	}
	fputs("</p>\n", out);
	return r;
}

static int write_cell(const struct page *page, const struct cell *cell, const struct cell *unfolded,
	struct budget *budget, bool *shown, FILE *out)
{
	size_t n = 0;
	int r = 0;

	for (size_t k = 0; k < FLAME_KINDS && r >= 0; k++) {
		const struct stack_tree *tree = NULL;

		r = flame_tree_kept(page->analysis->flames, &flame_table[k], cell, &tree);
		if (r < 0 || !tree)
			continue;
		if (n++ == 0) {
			open_details(cell == unfolded, shown, out);
			page_cell_name(out, cell);
			fputs("</summary>\n", out);
		}
		r = write_graph(page, &flame_table[k], cell, tree, budget, out);
	}
	if (n > 0)
		fputs("</details>\n", out);
	return r;
}

int page_flames(const struct page *page, FILE *out)
{
	const struct summary *s = page->analysis->summary;
	struct budget budget = {.bytes = FLAMES_BYTES};
	const struct cell *unfolded = NULL;
	bool shown = false;
	int r = survey(page->analysis, &budget.graphs, &unfolded);

	for (size_t i = 0; i < s->n_cells && r >= 0; i++)
		r = write_cell(page, &s->cells[i], unfolded, &budget, &shown, out);
	return r;
}

/** The fastest of those that a cell can be compared with, or NULL. */
static const struct cell *fastest(const struct summary *s, const struct cell *cell)
{
	const struct cell *best = NULL;

	for (size_t i = 0; i < s->n_cells; i++) {
		const struct cell *other = &s->cells[i];

		if (other->scenario != cell->scenario || other->cores != cell->cores ||
			other->runtime_ns.n == 0)
			continue;
		if (!best || other->runtime_ns.mean < best->runtime_ns.mean)
			best = other;
	}
	return best;
}

static bool is_shown(const struct summary *s, const struct cell *cell)
{
	return cell->runtime_ns.n > 0 && fastest(s, cell) != cell;
}

/** The window's graphs; those of the boot are two different things in most pairs. */
static bool is_of_window(size_t kind)
{
	return !flame_table[kind].boot;
}

static int write_diff_graph(
	const struct diff *d, size_t kind, size_t index, struct budget *budget, FILE *out)
{
	double px = narrowest(d->trees[kind], budget);
	int r;

	fputs("<div class=\"flame\">\n", out);
	r = diff_flame(d, kind, false, px, index, out);
	fputs("</div>\n", out);
	return r;
}

static int write_diff(const struct analysis *a, const struct cell *cell,
	const struct cell *unfolded, struct budget *budget, bool *shown, FILE *out)
{
	const struct summary *s = a->summary;
	const struct cell *best = fastest(s, cell);
	const struct diff_pair pair = {
		{{s, a->flames, best, best->name}, {s, a->flames, cell, cell->name}}};
	_cleanup_diff_ struct diff *d = NULL;
	size_t n = 0;
	int r = diff_make(&pair, &d);

	for (size_t k = 0; k < FLAME_KINDS && r >= 0; k++) {
		if (!is_of_window(k))
			continue;
		if (!d->trees[k]) {
			budget->graphs -= budget->graphs > 0;
			continue;
		}
		if (n++ == 0) {
			open_details(cell == unfolded, shown, out);
			markup_text(out, cell->name);
			fputs(" against ", out);
			markup_text(out, best->name);
			fputs(", ", out);
			page_cores(out, cell->cores, cell->scenario);
			fputs("</summary>\n", out);
		}
		r = write_diff_graph(
			d, k, (size_t)(cell - s->cells) * FLAME_KINDS + k, budget, out);
	}
	if (n > 0)
		fputs("</details>\n", out);
	return r;
}

int page_diffs(const struct page *page, FILE *out)
{
	const struct summary *s = page->analysis->summary;
	struct budget budget = {.bytes = DIFFS_BYTES};
	const struct cell *unfolded = NULL;
	bool shown = false;
	int r = 0;

	for (size_t i = 0; i < s->n_cells; i++)
		if (is_shown(s, &s->cells[i])) {
			budget.graphs += 2;
			unfolded = slower(unfolded, &s->cells[i]);
		}
	for (size_t i = 0; i < s->n_cells && r >= 0; i++)
		if (is_shown(s, &s->cells[i]))
			r = write_diff(
				page->analysis, &s->cells[i], unfolded, &budget, &shown, out);
	if (shown)
		fputs("<p>Any two, with a table of what changed: <code>report diff</code>, see "
		      "<a href=\"#reproduce\">below</a>.</p>\n",
			out);
	return r;
}
