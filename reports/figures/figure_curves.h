/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Figures of something over the number of cores: a curve for each stack, a panel for each
 * scenario. */

#include "reports/figures/figures_internal.h"
#include "reports/text/stack_style.h"
#include "reports/text/text.h"

/** More stacks, or panels, than that are not told apart in one column. */
#define CURVE_STACKS_MAX 16
#define CURVE_PANELS_MAX 4

enum curve_kind {
	CURVE_MEASURED,
	CURVE_BOUND,     /**< Amdahl's, of what was measured */
	CURVE_PUBLISHED, /**< from a reference's runs */
	CURVE_CLAIMED,   /**< what a reference says without the runs behind it */
	CURVE_KINDS
};

struct curve_point {
	enum curve_kind kind;
	const char *scenario;
	const char *stack; /**< of curve_stack() */
	int64_t cores;
	size_t n; /**< runs behind it; 0 where there are none */
	double value;
	struct interval range; /**< NAN: not known */
};

/** Start from {}. */
struct curves {
	struct curve_point *points;
	size_t n_points;
	const char *stacks[CURVE_STACKS_MAX]; /**< in the order in which they came */
	size_t n_stacks;
	struct intern strings;
	bool too_many;
	struct stack_look looks[CURVE_STACKS_MAX];
};

void curves_clear(struct curves *c);

#define _cleanup_curves_ __attribute__((cleanup(curves_clear)))

/** What is drawn. */
struct curve_figure {
	const char *column; /**< of the value in the data: "mean_s" */
	const char *label;  /**< of the axis */
	const char *before; /**< gnuplot commands before each panel's plot, or "" */
	bool ideal;         /**< draw the line of ideal speed-up */
	bool logarithmic;   /**< the value's axis may be, where the range is wide */
	bool from_zero;
};

/** "osv", "osv (thread)", or "osv a" of a labelled configuration; lives as long as @c. NULL: out of memory. */
const char *curve_stack(struct curves *c, const struct configuration *configuration);

/** The same of a published stack. */
const char *curve_published(struct curves *c, const char *stack);

/** How it looks, among those that were added so far. */
const struct stack_look *curve_look(const struct curves *c, const char *stack);

/** Its index in @c->stacks, or their number. */
size_t curve_stack_index(const struct curves *c, const char *stack);

/** -ENOMEM. */
int curve_add(struct curves *c, const struct curve_point *point);

/** Draw. 0 if no stack has points on two numbers of cores, or there are too many; 1; -ENOMEM. */
int curves_draw(struct draft *d, struct curves *c, const struct curve_figure *figure);
