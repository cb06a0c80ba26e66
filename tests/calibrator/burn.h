/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The calibrator: a program for the kernel of bare that burns time in functions with known names, in
 * known shares, in stacks of known depth, on known vCPUs, as known threads. What a profiler finds can
 * be held against that. docs/bare.md has the options and the markers; this is what its files share.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "guests/bare/vcpu.h"
#include "tests/calibrator/exits.h"

/** A function that stays one by itself: not inlined, not cloned, not merged with one that is alike.
 */
#if __has_attribute(noipa)
#define BURN_OPAQUE __attribute__((noipa, noinline))
#else
#define BURN_OPAQUE __attribute__((noinline))
#endif

/** The functions that can be burnt in. */
#define BURN_FUNCTIONS(X) X(alpha) X(beta) X(gamma) X(delta) X(epsilon) X(zeta) X(eta) X(theta)
#define BURN_N_FUNCTIONS  8

extern const char *const burn_names[BURN_N_FUNCTIONS];

/**
 * Works @most turns, or fewer if the time stamp counter is at @end_tsc before that. Returns how many:
 * rounds of a loop that is the same in all functions of a set, so that each takes the same time of
 * a processor.
 */
typedef uint64_t (*burn_function_t)(uint64_t end_tsc, uint64_t most);

/**
 * One way of compiling the functions (burn_functions.c). descend() puts @frames frames of its own
 * on the stack, which are called north, east, south, west, north ... from the outermost on, and
 * calls
 * @leaf in the innermost; returns what that does.
 */
struct burn_set {
	burn_function_t functions[BURN_N_FUNCTIONS];
	uint64_t (*descend)(burn_function_t leaf, uint64_t end_tsc, uint64_t most, unsigned frames);
};

extern const struct burn_set burn_framed;    /**< each function keeps a frame pointer */
extern const struct burn_set burn_frameless; /**< none does; RBP stays as burn_vcpu() had it */
extern const struct burn_set burn_garbled;   /**< none does; RBP is set to struct vcpu's burn_rbp */

/** What RBP holds in burn_garbled, by vCPU. */
extern uint64_t burn_rbp[VCPUS_MAX];

/** What -hostile asks for, see hostile.h. */
struct hostile_mode;

struct burn_options {
	unsigned weights[BURN_N_FUNCTIONS];
	double seconds;
	int64_t depth;   /**< frames of known names, the burning function included */
	int64_t threads; /**< fake threads; 0: one for each vCPU, as always */
	bool on[VCPUS_MAX];
	bool has_on; /**< -on was given; else the first `cores` vCPUs */
	const struct burn_set *set;
	const struct hostile_mode *hostile; /**< or NULL */
	void (*crash)(void);                /**< or NULL */
	struct exits exits;                 /**< of the one vCPU that burns */
	unsigned cores;
	bool markers;
	int64_t wait_ms;        /**< before the first marker */
	int64_t wait_kernel_ms; /**< before the program begins */
};

/**
 * Read the command line: options of ours, and of mandelbrot's, of which only -cores and -markers
 * mean anything here. -EINVAL, -ERANGE with a message; ret->markers is right then, too.
 */
int burn_options_parse(int argc, char **argv, struct burn_options *ret, struct error *error);

/** Ways to die, for tests: names ended by NULL. */
struct crash {
	const char *name;
	void (*run)(void);
};

extern const struct crash crash_table[];
