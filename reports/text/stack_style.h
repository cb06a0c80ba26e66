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

/** How a stack looks in one of its variants. */
struct stack_look {
	char color[8];
	int point, hollow; /**< as above */
};

/**
 * Fill @ret with the looks of @names, as text_stack() makes them: variants of one stack have its colour, each one lighter than the
 * one before it; no two have the same shape of points, as far as there are shapes.
 */
void stack_looks(const char *const *names, size_t n, struct stack_look *ret);
