/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The functions of one module (an ELF file, or the kernel), sorted by address.
 *
 * Filled with symbol_table_add(), then symbol_table_finish(), then asked. Names are kept in one
 * buffer; a function costs 24 bytes and its name.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Limits that a hostile file cannot push: about 90 MB in all at the very worst. */
#define SYMBOL_TABLE_ENTRIES_MAX (1U << 21)
#define SYMBOL_TABLE_NAMES_MAX   (40U << 20)

struct symbol_entry {
	uint64_t address;
	uint32_t size;  /**< bytes; 0 only before symbol_table_finish() */
	uint32_t name;  /**< where in the names; 0: a function whose name is not known */
	uint16_t group; /**< as given to symbol_table_add() */
	uint8_t rank;   /**< as given */
	bool demangled; /**< the name is as people read it */
};

struct symbol_table {
	struct symbol_entry *entries;
	size_t n;
	char *names;
	size_t names_used;
	uint32_t size_max; /**< an entry without size reaches to the next one, at most this far */
};

/** An empty table. @size_max: see there. NULL if out of memory. */
struct symbol_table *symbol_table_new(uint32_t size_max);
void symbol_table_free(struct symbol_table *t);

/**
 * Add a function. @name may be NULL or "" (only its extent is known). Of several entries at one
 * address that with the lowest @rank stays, of equals that with the shortest name. @group is any
 * number the caller likes to have back. Returns 0, -ENOMEM, -E2BIG (a limit is reached).
 */
int symbol_table_add(struct symbol_table *t, uint64_t address, uint64_t size, const char *name,
	uint8_t rank, uint16_t group);

/** Sort, drop aliases, give sizes to those without. */
void symbol_table_finish(struct symbol_table *t);

/** The function that covers @address, or NULL. */
struct symbol_entry *symbol_table_find(const struct symbol_table *t, uint64_t address);

/** Its name, "" if not known. Valid until symbol_table_rename(). */
const char *symbol_table_name(const struct symbol_table *t, const struct symbol_entry *e);

/** Give @e (of this table) another name and mark it as demangled. 0, -ENOMEM, -E2BIG. */
int symbol_table_rename(struct symbol_table *t, struct symbol_entry *e, const char *name);

/** A rank for a name: the fewer leading underscores the better. From 0 to 7. */
uint8_t symbol_name_rank(const char *name);
