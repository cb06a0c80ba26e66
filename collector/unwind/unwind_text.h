/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The code of an ELF file: where it is, and what of it is known without call frame information. */

#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probes/unwind.h"

#define UNWIND_TEXT_PIECES_MAX 64
#define UNWIND_TEXT_KNOWN_MAX  16

struct unwind_text_piece {
	uint64_t begin; /* linked */
	uint64_t end;
	uint64_t offset; /* in the file, of file_bytes of it */
	uint64_t file_bytes;
};

/** Code whose rule is known by its bytes. */
struct unwind_text_known {
	uint64_t begin;
	uint64_t end;
	struct unwind_rule rule;
};

struct unwind_text {
	struct unwind_text_piece pieces[UNWIND_TEXT_PIECES_MAX];
	size_t n_pieces;
	struct unwind_text_known known[UNWIND_TEXT_KNOWN_MAX];
	size_t n_known;
};

/** Where @elf has code: its executable segments, or its sections where it has no such segment. */
void unwind_text_read(Elf *elf, struct unwind_text *ret);

/** Look through its bytes (the first ELF_SECTION_BYTES_MAX of each piece) for code that is known. */
void unwind_text_find_known(Elf *elf, struct unwind_text *t);

/** Does [@begin, @end) lie in the code? */
bool unwind_text_has(const struct unwind_text *t, uint64_t begin, uint64_t end);

/** Its lowest address; UINT64_MAX: there is none. */
uint64_t unwind_text_begin(const struct unwind_text *t);
