/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/calibrator/exits.h"

#include "guests/bare/machine.h"
#include "guests/bare/memory.h"
#include "tests/calibrator/burn.h"

/* Its base and its bits stay what they are. */
#define WATCHED MSR_APIC_BASE

static char *fresh;

int exits_init(const struct exits *e, struct error *error)
{
	fresh = memory_take((uint64_t)e->pages * PAGE_BYTES, PAGE_BYTES, 0);
	return fresh ? 0 : error_no_memory(error, " for %ld fresh pages", e->pages);
}

/* As those of burn_functions.c, each with a frame of its own. */

static BURN_OPAQUE void alpha(int64_t n)
{
	asm volatile("" : : "r"(__builtin_frame_address(0)));
	for (int64_t i = 0; i < n; i++)
		*(volatile char *)(fresh + i * PAGE_BYTES) = 1;
}

static BURN_OPAQUE void beta(int64_t n)
{
	uint64_t value = read_msr(WATCHED);

	asm volatile("" : : "r"(__builtin_frame_address(0)));
	for (int64_t i = 0; i < n; i++)
		write_msr(WATCHED, value);
}

void exits_cause(const struct exits *e)
{
	alpha(e->pages);
	beta(e->writes);
}
