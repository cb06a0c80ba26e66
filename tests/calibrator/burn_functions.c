/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The functions that time is burnt in. Compiled once for each struct burn_set, whose name BURN_SET
 * is: with frame pointers (BURN_FRAMED), without, and without and RBP set to something else
 * (BURN_GARBLED).
 */
#include "tests/calibrator/burn.h"

#include "guests/bare/machine.h"

/* Some µs: short against a slice, long against the reading of the counter. */
#define ROUNDS 512

/* GCC leaves out the frame of a function that calls none and has nothing on the stack, whatever its
 * options say, unless something asks for it. */
#ifdef BURN_FRAMED
#define NEED_FRAME() asm volatile("" : : "r"(__builtin_frame_address(0)))
#else
#define NEED_FRAME() (void)0
#endif

static inline __attribute__((always_inline)) void spin(uint64_t rbp)
{
	uint64_t rounds = ROUNDS;

#ifdef BURN_GARBLED
	asm volatile("push %%rbp\n\t"
		     "mov %1, %%rbp\n\t"
		     "1: dec %0\n\t"
		     "jnz 1b\n\t"
		     "rdtsc\n\t" /* under emulation RIP is told by such instructions */
		     "pop %%rbp"
		     : "+r"(rounds)
		     : "r"(rbp)
		     : "rax", "rdx", "cc");
#else
	(void)rbp;
	asm volatile("1: dec %0\n\t"
		     "jnz 1b"
		     : "+r"(rounds)
		     :
		     : "cc");
#endif
}

#define BURNER(name)                                                                               \
	static BURN_OPAQUE uint64_t name(uint64_t end_tsc, uint64_t most)                          \
	{                                                                                          \
		uint64_t rbp = burn_rbp[vcpu_self()->index], turns = 0;                            \
                                                                                                   \
		NEED_FRAME();                                                                      \
		for (; read_tsc() < end_tsc && turns < most; turns++)                              \
			spin(rbp);                                                                 \
		return turns;                                                                      \
	}
BURN_FUNCTIONS(BURNER)

#define DIRECTION(name, next)                                                                      \
	static BURN_OPAQUE uint64_t name(                                                          \
		burn_function_t leaf, uint64_t end_tsc, uint64_t most, unsigned frames)            \
	{                                                                                          \
		uint64_t turns =                                                                   \
			frames > 1 ? next(leaf, end_tsc, most, frames - 1) : leaf(end_tsc, most);  \
                                                                                                   \
		asm volatile(""); /* the call is not the last thing: no jump instead of it */      \
		return turns;                                                                      \
	}
static BURN_OPAQUE uint64_t north(
	burn_function_t leaf, uint64_t end_tsc, uint64_t most, unsigned frames);
DIRECTION(west, north)
DIRECTION(south, west)
DIRECTION(east, south)
DIRECTION(north, east)

#define BURN_ROW(name) name,
const struct burn_set BURN_SET = {{BURN_FUNCTIONS(BURN_ROW)}, north};
