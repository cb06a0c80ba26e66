/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/text/stack_style.h"

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
