/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * How a stack looks in figures and on the page: one colour and one shape of points each, so that no
 * two are told apart by colour alone. Colours are Okabe and Ito's.
 */

#include <stddef.h>

struct stack_style {
	const char *color; /**< #rrggbb */
	int point;         /**< gnuplot's point type, filled */
	int hollow;        /**< the same shape, hollow */
};

/** Number of styles; stacks beyond repeat them. */
#define STACK_STYLES 8

/**
 * Give each of the @n stacks a style: that of its kind ("osv" of "osv@folder"), or the first free
 * one where another stack of the list has it already or the kind is not known. The same list gets
 * the same styles.
 */
void stack_styles(const char *const *stacks, size_t n, struct stack_style *ret);
