/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Flame graphs within the page, of configurations and of differences. Files of their own have
 * every frame; the page has to stay small, so what is narrowest is left out where there are too
 * many. */

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

/** The begin of a configuration's graphs. */
static void open_details(bool open, bool *shown, FILE *out)
{
	fprintf(out, "<details class=\"quiet%s\"%s><summary>", *shown ? "" : " first-details",
		open ? " open" : "");
	*shown = true;
}

/** The slower of the two; @best NULL: @configuration. */
static const struct configuration *slower(
	const struct configuration *best, const struct configuration *configuration)
{
	return !best || configuration->runtime_ns.mean > best->runtime_ns.mean ? configuration
									       : best;
}

/**
 * How many graphs there are, and whose is unfolded, as it is read first: that of the configuration
 * which takes longest. *ret_slowest NULL: there are none.
 */
static int survey(const struct analysis *a, size_t *ret_n, const struct configuration **ret_slowest)
{
	const struct summary *s = a->summary;

	for (size_t i = 0; i < s->n_configurations * FLAME_KINDS; i++) {
		const struct configuration *configuration = &s->configurations[i / FLAME_KINDS];
		const struct stack_tree *tree = NULL;
		int r = flame_tree_kept(
			a->flames, &flame_table[i % FLAME_KINDS], configuration, &tree);

		if (r < 0)
			return r;
		*ret_n += tree != NULL;
		if (tree)
			*ret_slowest = slower(*ret_slowest, configuration);
	}
	return 0;
}

static int write_graph(const struct page *page, const struct flame_kind *kind,
	const struct configuration *configuration, const struct stack_tree *tree,
	struct budget *budget, FILE *out)
{
	const struct analysis *a = page->analysis;
	size_t index = (size_t)(configuration - a->summary->configurations) * FLAME_KINDS +
		       (size_t)(kind - flame_table);
	_cleanup_free_ char *name = flame_name(kind, configuration);
	double px;
	int r;

	if (!name)
		return -ENOMEM;
	px = narrowest(tree, budget);
	fputs("<div class=\"flame\">\n", out);
	r = flame_draw(a->flames, kind, configuration, tree, false, px, index, out);
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

static int write_configuration(const struct page *page, const struct configuration *configuration,
	const struct configuration *unfolded, struct budget *budget, bool *shown, FILE *out)
{
	size_t n = 0;
	int r = 0;

	for (size_t k = 0; k < FLAME_KINDS && r >= 0; k++) {
		const struct stack_tree *tree = NULL;

		r = flame_tree_kept(page->analysis->flames, &flame_table[k], configuration, &tree);
		if (r < 0 || !tree)
			continue;
		if (n++ == 0) {
			open_details(configuration == unfolded, shown, out);
			page_configuration_name(out, configuration);
			fputs("</summary>\n", out);
		}
		r = write_graph(page, &flame_table[k], configuration, tree, budget, out);
	}
	if (n > 0)
		fputs("</details>\n", out);
	return r;
}

int page_flames(const struct page *page, FILE *out)
{
	const struct summary *s = page->analysis->summary;
	struct budget budget = {.bytes = FLAMES_BYTES};
	const struct configuration *unfolded = NULL;
	bool shown = false;
	int r = survey(page->analysis, &budget.graphs, &unfolded);

	for (size_t i = 0; i < s->n_configurations && r >= 0; i++)
		r = write_configuration(
			page, &s->configurations[i], unfolded, &budget, &shown, out);
	return r;
}

/** The fastest of a row of configurations, or NULL. */
static const struct configuration *fastest_of(const struct summary *s,
	const struct configuration *configuration,
	bool (*has)(const struct configuration *a, const struct configuration *b))
{
	const struct configuration *best = NULL;

	for (size_t i = 0; i < s->n_configurations; i++) {
		const struct configuration *other = &s->configurations[i];

		if (!has(configuration, other) || other->runtime_ns.n == 0)
			continue;
		if (!best || other->runtime_ns.mean < best->runtime_ns.mean)
			best = other;
	}
	return best;
}

/* Not the halves of an A/A control. */
static bool is_variant(const struct configuration *a, const struct configuration *b)
{
	return configurations_are_variants(a, b) && (a == b || a->variant != b->variant);
}

/** With what it is compared: the fastest variant of its stack; that itself with the fastest stack in its variant. */
static const struct configuration *fastest(
	const struct summary *s, const struct configuration *configuration)
{
	const struct configuration *best = fastest_of(s, configuration, is_variant);

	return best && best != configuration
		       ? best
		       : fastest_of(s, configuration, configurations_are_stacks);
}

static bool is_shown(const struct summary *s, const struct configuration *configuration)
{
	return configuration->runtime_ns.n > 0 && fastest(s, configuration) != configuration;
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

static int write_diff(const struct analysis *a, const struct configuration *configuration,
	const struct configuration *unfolded, struct budget *budget, bool *shown, FILE *out)
{
	const struct summary *s = a->summary;
	const struct configuration *best = fastest(s, configuration);
	const struct diff_pair pair = {{{s, a->flames, best, best->name},
		{s, a->flames, configuration, configuration->name}}};
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
			open_details(configuration == unfolded, shown, out);
			markup_text(out, configuration->name);
			fputs(" against ", out);
			markup_text(out, best->name);
			fputs(", ", out);
			page_cores(out, configuration->cores, configuration->scenario);
			fputs("</summary>\n", out);
		}
		r = write_diff_graph(d, k,
			(size_t)(configuration - s->configurations) * FLAME_KINDS + k, budget, out);
	}
	if (n > 0)
		fputs("</details>\n", out);
	return r;
}

int page_diffs(const struct page *page, FILE *out)
{
	const struct summary *s = page->analysis->summary;
	struct budget budget = {.bytes = DIFFS_BYTES};
	const struct configuration *unfolded = NULL;
	bool shown = false;
	int r = 0;

	for (size_t i = 0; i < s->n_configurations; i++)
		if (is_shown(s, &s->configurations[i])) {
			budget.graphs += 2;
			unfolded = slower(unfolded, &s->configurations[i]);
		}
	for (size_t i = 0; i < s->n_configurations && r >= 0; i++)
		if (is_shown(s, &s->configurations[i]))
			r = write_diff(page->analysis, &s->configurations[i], unfolded, &budget,
				&shown, out);
	if (shown)
		fputs("<p>Any two, with a table of what changed: <code>report diff</code>, see "
		      "<a href=\"#reproduce\">below</a>.</p>\n",
			out);
	return r;
}
