/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The functions that time is burnt in. Compiled once for each struct burn_set, whose name BURN_SET
 * is: with frame pointers, without, and without and RBP set to something else (BURN_GARBLED).
 */
#include "guests/bare/burn_internal.h"

#include "guests/bare/machine.h"

/* Some µs: short against a slice, long against the reading of the counter. */
#define TURNS 4096

/* Nothing may be known of these to their callers, nor may two of them become one. */
#define OPAQUE __attribute__((noipa, noinline))

static inline __attribute__((always_inline)) void spin(uint64_t rbp)
{
	uint64_t turns = TURNS;

#ifdef BURN_GARBLED
	asm volatile("push %%rbp\n\t"
		     "mov %1, %%rbp\n\t"
		     "1: dec %0\n\t"
		     "jnz 1b\n\t"
		     "rdtsc\n\t" /* under emulation RIP is told by such instructions */
		     "pop %%rbp"
		     : "+r"(turns)
		     : "r"(rbp)
		     : "rax", "rdx", "cc");
#else
	(void)rbp;
	asm volatile("1: dec %0\n\t"
		     "jnz 1b"
		     : "+r"(turns)
		     :
		     : "cc");
#endif
}

#define BURNER(name)                                                                               \
	static OPAQUE void name(uint64_t end_tsc)                                                  \
	{                                                                                          \
		uint64_t rbp = burn_rbp[vcpu_self()->index];                                       \
                                                                                                   \
		while (read_tsc() < end_tsc)                                                       \
			spin(rbp);                                                                 \
	}
BURN_FUNCTIONS(BURNER)

#define DIRECTION(name, next)                                                                      \
	static OPAQUE void name(burn_function_t leaf, uint64_t end_tsc, unsigned frames)           \
	{                                                                                          \
		if (frames > 1)                                                                    \
			next(leaf, end_tsc, frames - 1);                                           \
		else                                                                               \
			leaf(end_tsc);                                                             \
		asm volatile(""); /* the call is not the last thing: no jump instead of it */      \
	}
static OPAQUE void north(burn_function_t leaf, uint64_t end_tsc, unsigned frames);
DIRECTION(west, north)
DIRECTION(south, west)
DIRECTION(east, south)
DIRECTION(north, east)

#define BURN_ROW(name) name,
const struct burn_set BURN_SET = {{BURN_FUNCTIONS(BURN_ROW)}, north};
