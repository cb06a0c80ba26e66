/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * An unwind table of one module: rows of probes/unwind.h, made from what the module carries for
 * exceptions and debuggers (.eh_frame, .debug_frame), or, for Linux's kernel, from its ORC. Files and
 * memory are untrusted: a broken entry only means that its functions have no rows.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "probes/unwind.h"

/** What a table was made from, one or both of the first two. */
enum unwind_source {
	UNWIND_EH_FRAME = 1 << 0,
	UNWIND_DEBUG_FRAME = 1 << 1,
	UNWIND_ORC = 1 << 2,
	UNWIND_SOURCES = (1 << 3) - 1,
};

/**
 * Sorted by pc, which are linked addresses less @base; the number of a rule is an index into @rules,
 * of which the first is "no rule". The last row has that one, so that the table ends where the code
 * does.
 */
struct unwind_table {
	uint64_t base; /**< linked address of pc 0: a page's begin */
	struct unwind_row *rows;
	size_t n_rows;
	struct unwind_rule *rules;
	size_t n_rules;
	uint32_t sources; /**< enum unwind_source; 0: only of code that is known by its bytes */
};

/**
 * Of the ELF file @fd: .eh_frame, and .debug_frame (also of its separate debug file's descriptor
 * @debug_fd, or -1) where that covers more. -ENODATA (it has neither), -ENOEXEC, -E2BIG (its text is
 * larger than 4 GiB, or it has too many rules or rows), -ENOMEM, with a message.
 */
int unwind_table_of_elf(int fd, int debug_fd, struct unwind_table *ret, struct error *error);

/** The same of an ELF image in memory: the vDSO, or what a JIT tells of its code. */
int unwind_table_of_image(
	const void *image, size_t size, struct unwind_table *ret, struct error *error);

/** Entries of Linux's ORC as they lie in the kernel: @ips are n 32 bit offsets, each relative to its
 * own address, the first of which is @ips_address; @entries are 6 bytes each. */
struct unwind_orc {
	const void *ips;
	const void *entries;
	size_t n;
	uint64_t ips_address;
};

/**
 * Of ORC, whichever layout (Linux 4.14 and later) its content shows it to have. -EBADMSG (it is none
 * that is known), -E2BIG, -ENOMEM, with a message.
 */
int unwind_table_of_orc(
	const struct unwind_orc *orc, struct unwind_table *ret, struct error *error);

/** The same of a kernel's ELF file (vmlinux), by its sections. -ENODATA (it carries no ORC). */
int unwind_table_of_vmlinux(int fd, struct unwind_table *ret, struct error *error);

/** The rule at linked address @address; never NULL: the first one is "no rule". */
const struct unwind_rule *unwind_table_find(const struct unwind_table *t, uint64_t address);

void unwind_table_done(struct unwind_table *t);
