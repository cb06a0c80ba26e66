/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/stack_style.h"

#include <stdbool.h>
#include <string.h>

#include "common/cleanup.h"

/* M. Okabe, K. Ito: "Color Universal Design", 2008: its eight, with grey for their yellow, of which
 * thin lines do not show on paper. */
static const struct {
	const char *stack;
	struct stack_style style;
} table[STACK_STYLES] = {
	{"native", {"#000000", 7, 6}},
	{"docker", {"#0072b2", 5, 4}},
	{"podman", {"#56b4e9", 15, 14}},
	{"bare", {"#8c8c8c", 2, 2}},
	{"osv", {"#d55e00", 9, 8}},
	{"linux-minimal", {"#009e73", 13, 12}},
	{"linux", {"#cc79a7", 11, 10}},
	{"", {"#e69f00", 3, 3}},
};

static bool is_kind(const char *stack, const char *kind)
{
	size_t n = strlen(kind);

	return n > 0 && strncmp(stack, kind, n) == 0 &&
	       (stack[n] == '\0' || stack[n] == '@' || stack[n] == ' ');
}

static size_t kind_of(const char *stack)
{
	for (size_t i = 0; i < STACK_STYLES; i++)
		if (is_kind(stack, table[i].stack))
			return i;
	return STACK_STYLES;
}

void stack_styles(const char *const *stacks, size_t n, struct stack_style *ret)
{
	bool taken[STACK_STYLES] = {}, given;
	size_t next = 0;

	/* First those who come by their own, then the others, so that an earlier stranger does not
	 * take the colour of a later stack of a known kind. */
	for (size_t i = 0; i < n; i++) {
		size_t kind = kind_of(stacks[i]);

		given = kind < STACK_STYLES && !taken[kind];
		ret[i] = given ? table[kind].style : (struct stack_style){};
		if (given)
			taken[kind] = true;
	}
	for (size_t i = 0; i < n; i++) {
		size_t at = next;

		if (ret[i].color)
			continue;
		while (at < next + STACK_STYLES && taken[at % STACK_STYLES])
			at++;
		ret[i] = table[at % STACK_STYLES].style;
		taken[at % STACK_STYLES] = true;
		next = at + 1;
	}
}
