/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Where the members of a program's structures lie, by its own debug information (DWARF). libdw, which
 * does not stand every file, works in a child process.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

/** A member, and what is asked for. */
struct dwarf_member {
	/** A class, or a variable of one: "sched::cpu". It may have fnmatch's wildcards. */
	const char *type;
	/**
	 * Members, one in the type of the other, with dots: "_attr._name". Each is looked for in that type
	 * itself, then in its base classes, then in its members' types, and so on inwards: what a
	 * container's implementation calls the classes around it does not matter.
	 */
	const char *path;
	uint32_t *ret_offset; /**< in bytes, from the type's begin */
	uint32_t *ret_size;   /**< in bytes; may be NULL */
	bool optional;        /**< where there is none, offset and size are 0 */
};

#define DWARF_VALUES      16
#define DWARF_VALUE_BYTES 16

/** Names of an enumeration's first values: "" is one that it does not have. */
struct dwarf_values {
	char names[DWARF_VALUES][DWARF_VALUE_BYTES];
};

/**
 * Find the @n (at most 64) @members in the ELF file @path, and the names of the values of the
 * enumeration @enumeration. @unit: the end of the name of the source file in which all are
 * known, by which it is found sooner. -ENODATA (no debug information, or something is not in it), -ENOENT, ... with a message.
 */
int dwarf_members_find(const char *path, const char *unit, const struct dwarf_member *members,
	size_t n, const char *enumeration, struct dwarf_values *ret, struct error *error);
