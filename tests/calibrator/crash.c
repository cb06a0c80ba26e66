/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ways to die, so that tests see that they are told. */
#include "tests/calibrator/burn.h"

#include "guests/bare/machine.h"

static void crash_read(void)
{
	uint64_t value;

	asm volatile("mov 8, %0" : "=r"(value));
}

static void crash_instruction(void)
{
	asm volatile("ud2");
}

/* Onto memory that is not mapped: the exception has to find a stack of its own. */
static void crash_stack(void)
{
	asm volatile("mov $64, %esp; push %rax");
}

static void crash_hang(void)
{
	for (;;)
		relax();
}

const struct crash crash_table[] = {
	{"read", crash_read},
	{"instruction", crash_instruction},
	{"stack", crash_stack},
	{"hang", crash_hang},
	{NULL, NULL},
};
