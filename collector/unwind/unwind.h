/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The unwind tables of all modules that an experiment met, each made once, and their rules, of which
 * the modules share most.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "collector/symbols/symbol_space.h"
#include "collector/unwind/unwind_table.h"
#include "probes/unwind.h"

struct unwind;

/** For sentences and the store, by enum unwind_end: "root", "no unwind table" ... */
extern const char *const unwind_end_names[UNWIND_END_COUNT];

/** How a frame's caller was found. */
enum unwind_way {
	UNWIND_WAY_UNKNOWN,  /**< not at all: no code is known there */
	UNWIND_WAY_EH_FRAME, /**< from here on by a table */
	UNWIND_WAY_DEBUG_FRAME,
	UNWIND_WAY_BOTH,
	UNWIND_WAY_ORC,
	UNWIND_WAY_JIT,
	UNWIND_WAY_NO_TABLE, /**< from here on by frame pointers, and why */
	UNWIND_WAY_SPARSE,
	UNWIND_WAY_LATE,
	UNWIND_WAY_PROCESS,
	UNWIND_WAY_HOST_KERNEL, /**< by its own unwinder */
	UNWIND_WAY_COUNT
};

/** For the store, by enum unwind_way: ".eh_frame", "frame pointers: no unwind table" ... */
extern const char *const unwind_way_names[UNWIND_WAY_COUNT];

static inline bool unwind_way_has_table(enum unwind_way way)
{
	return way >= UNWIND_WAY_EH_FRAME && way < UNWIND_WAY_NO_TABLE;
}

#define UNWIND_NOT_PLACED UINT32_MAX

/** A module's table. */
struct unwind_module {
	char *name;      /**< of a kernel's file, or NULL */
	const void *key; /**< what it is of; see unwind_of_text() */
	uint64_t base;   /**< linked address of pc 0 */
	struct unwind_row
		*rows; /**< their rules are those of the struct unwind; NULL: it has none */
	size_t n_rows;
	uint32_t sources;    /**< enum unwind_source */
	uint64_t covered;    /**< bytes of code that have a rule */
	uint64_t text_bytes; /**< of a kernel's file; 0: not known */
	uint64_t jit;        /**< linked address of GDB's JIT interface; 0: it has none */
	uint32_t first;      /**< where the rows were put in this run, or UNWIND_NOT_PLACED */
};

/** -ENOMEM. */
int unwind_new(struct unwind **ret);
void unwind_free(struct unwind *u);

/** A run begins: nothing is in its programs' memory yet. */
void unwind_begin(struct unwind *u);

/** Rows that all tables have together, those included that are only expected. */
size_t unwind_rows(const struct unwind *u);

/** The numbers of rules in @t become those of @u. -ENOMEM. */
int unwind_renumber(struct unwind *u, struct unwind_table *t);

/** How code of @bytes is walked of which @m is the table; NULL: it is not made yet. */
enum unwind_way unwind_way_of(const struct unwind_module *m, uint64_t bytes);

/** All rules so far; rule 0 is "no rule". */
const struct unwind_rule *unwind_rules(const struct unwind *u, size_t *ret_n);

/**
 * The table of the module that @text is of, made, or taken from the cache, the first time. NULL: no
 * memory; or it would have to be made, which takes time, and not @make.
 */
struct unwind_module *unwind_of_text(struct unwind *u, const struct symbol_text *text, bool make);

/**
 * The ELF file @path will be met in a run: make its table before, while nothing waits for us. What
 * cannot be read has none.
 */
void unwind_expect(struct unwind *u, const char *path);

/** The table of a guest's kernel: of the first of these files (each may be NULL) that has one: an ELF
 * file, with Linux's ORC or without, or a bzImage. NULL: no memory. */
struct unwind_module *unwind_of_kernel(struct unwind *u, const char *symbols, const char *kernel);

/** That of @key, which is kept as long as @u; *table is taken over. NULL: no memory. */
struct unwind_module *unwind_add(struct unwind *u, const void *key, struct unwind_table *table);
