/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Walks stacks of a stopped process by its modules' unwind tables, as the eBPF programs do. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "collector/unwind/unwind_table.h"

#define WALK_DEPTH       128
#define WALK_MODULES_MAX 64

struct walk_module {
	uint64_t begin; /* of its code in memory */
	uint64_t end;
	uint64_t linked; /* address of the former, as linked */
	char name[64];
	bool has_table;
	struct unwind_table table;
};

struct walk {
	int memory; /* /proc/PID/mem */
	struct walk_module modules[WALK_MODULES_MAX];
	size_t n_modules;
};

struct walk_frame {
	uint64_t address;
	uint64_t slot; /* where that stands on the stack; 0: in the register */
};

/** Read the modules of process @pid. Failures end the test. */
void walk_open(struct walk *w, pid_t pid);
void walk_close(struct walk *w);

/** The frames from the registers on, innermost first; at most WALK_DEPTH. */
size_t walk_stack(const struct walk *w, uint64_t rip, uint64_t rsp, uint64_t rbp,
	struct walk_frame *ret, bool *ret_root);

/** A word of the process's memory; 0 if there is none. */
uint64_t walk_word(const struct walk *w, uint64_t address);

/** Is int3 there? */
bool walk_is_breakpoint(const struct walk *w, uint64_t address);

/** "module+offset", until four calls later. */
const char *walk_name(const struct walk *w, uint64_t address);
