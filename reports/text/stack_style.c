/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/text/stack_style.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* How far a variant's colour is on the way to white, for each that is before it; no farther than where it is still seen. */
#define LIGHTER      28
#define LIGHTER_MOST 56

static const struct stack_style table[STACK_STYLES] = {
	{"#0067a8", 7, 6},
	{"#b25c00", 5, 4},
	{"#00805c", 9, 8},
	{"#b3367f", 13, 12},
	{"#5b4bb0", 11, 10},
	{"#7a6a00", 1, 1},
	{"#a03030", 2, 2},
	{"#4d5a66", 15, 14},
};

const struct stack_style *stack_style(size_t index)
{
	return &table[index % STACK_STYLES];
}

/* What is before the variant: "osv" of "osv (thread)". */
static size_t stack_length(const char *name)
{
	const char *variant = strstr(name, " (");

	return variant ? (size_t)(variant - name) : strlen(name);
}

static bool same_stack(const char *a, const char *b)
{
	return stack_length(a) == stack_length(b) && strncmp(a, b, stack_length(a)) == 0;
}

static void lighten(const char *color, unsigned percent, char ret[static 8])
{
	unsigned red = 0, green = 0, blue = 0;

	sscanf(color, "#%2x%2x%2x", &red, &green, &blue);
	snprintf(ret, 8, "#%02x%02x%02x", (red + (255 - red) * percent / 100) & 0xff,
		(green + (255 - green) * percent / 100) & 0xff,
		(blue + (255 - blue) * percent / 100) & 0xff);
}

void stack_looks(const char *const *names, size_t n, struct stack_look *ret)
{
	size_t stacks = 0;

	for (size_t i = 0; i < n; i++) {
		const char *color = NULL;
		unsigned variants = 0;
		size_t first = 0;

		for (size_t k = 0; k < i; k++)
			if (same_stack(names[k], names[i]) && variants++ == 0)
				first = k;
		color = variants ? ret[first].color : stack_style(stacks++)->color;
		lighten(color,
			variants * LIGHTER > LIGHTER_MOST ? LIGHTER_MOST : variants * LIGHTER,
			ret[i].color);
		ret[i].point = stack_style(i)->point;
		ret[i].hollow = stack_style(i)->hollow;
	}
}
