/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * What debug information says of addresses: lines and inlined functions. Of use in symbol_lines.c's
 * child process only, which libdw may break. What it finds goes through a pipe: for each address of
 * which something is known a struct line_answer, then as many struct line_place, each followed by
 * its texts (without a NUL), outermost first. The first is the function itself, without a name.
 */

#include <stddef.h>
#include <stdint.h>

#define LINE_PATH_MAX   4096 /**< longer texts are cut */
#define LINE_NAME_MAX   1024
#define LINE_PLACES_MAX 64 /**< deeper chains lose their innermost functions */

struct line_answer {
	uint32_t index;
	uint32_t n_places; /**< 1 to LINE_PLACES_MAX */
};

struct line_place {
	uint32_t line;       /**< 0: not known */
	uint32_t path_bytes; /**< 0: not known; up to LINE_PATH_MAX */
	uint32_t name_bytes; /**< up to LINE_NAME_MAX */
};

/**
 * Write to @out what the ELF file @fd has of each of the @n linked @addresses, naming it by the
 * same entry of @indices. Does not return if @out cannot be written.
 */
void line_reader_run(int fd, const uint64_t *addresses, const uint32_t *indices, size_t n, int out);
