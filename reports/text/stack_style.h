/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * How a stack looks in figures: one colour and one shape of points each, so that no two are told
 * apart by colour alone. They go by the order of the stacks, and are those of the page: --s0 and
 * so on, on dark ground those of assets/page.css; the marks of assets/charts.js.
 */

#include <stddef.h>

struct stack_style {
	const char *color; /**< #rrggbb */
	int point;         /**< gnuplot's point type, filled */
	int hollow;        /**< the same shape, hollow */
};

/** Number of styles; stacks beyond repeat them. */
#define STACK_STYLES 8

/** The style of the stack at @index, from 0, among all that are shown. */
const struct stack_style *stack_style(size_t index);
