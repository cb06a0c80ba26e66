/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/inside/guest_registers.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"

/*
 * Offsets in CPUX86State (target/i386/cpu.h). From 7.2 on the instruction pointer there is that of
 * the translation block in execution; before, chained blocks of a page did not store it. Run with
 * 7.2; for the later ones the layout was read in the source, and what is found there has to look
 * like a processor (guest_tcg.bpf.h), so that an error here costs the stacks and no more.
 */
static const struct {
	unsigned from, to; /* major * 100 + minor, inclusive */
	struct guest_tcg_layout layout;
} layouts[] = {
	{702, 1001,
		{.regs = 0, .rip = 128, .eflags = 136, .hflags = 176, .fs_base = 288, .cr = 424}},
};

int guest_tcg_layout_find(const char *version, struct guest_tcg_layout *ret, struct error *error)
{
	const char *digits = version ? strpbrk(version, "0123456789") : NULL;
	unsigned major = 0, minor = 0;

	if (!digits || sscanf(digits, "%u.%u", &major, &minor) != 2)
		return error_set(error, -ENOENT,
			"no stacks of the guest: this QEMU does not tell its version");
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		unsigned number = major * 100 + minor;

		if (number >= layouts[i].from && number <= layouts[i].to) {
			*ret = layouts[i].layout;
			return 0;
		}
	}
	return error_set(error, -ENOENT,
		"no stacks of the guest: where QEMU %u.%u keeps the registers of an emulated "
		"processor is not known; everything else is measured as usual",
		major, minor);
}
