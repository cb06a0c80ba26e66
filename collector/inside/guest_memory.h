/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * A running guest's memory, read-only, by way of the memory backend that it shares with QEMU, or, where
 * its ranges have places in QEMU's memory, of a copy that is made of what is asked for. It
 * changes while it is read and nothing in it can be trusted: whoever looks at it checks what he
 * needs on a copy.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"
#include "guests/inside.h"
#include "probes/records.h"

struct guest_memory;

/**
 * Map the memory of the guest in QEMU process @pid. *ret_blocks, *ret_n: where QEMU itself has it.
 * -EAGAIN: QEMU has not made it yet. -EACCES, -ESRCH, -ENOMEM ... with a message.
 */
int guest_memory_open(pid_t pid, const struct guest_inside *inside, struct guest_memory **ret,
	struct guest_ram_block ret_blocks[static GUEST_RAM_BLOCKS], size_t *ret_n,
	struct error *error);

/**
 * The same of a backend that is open already: @fd, of inside->ram_bytes, which may be closed
 * afterwards; negative: memory that is still empty. -ENOMEM ... with a message.
 */
int guest_memory_map(
	int fd, const struct guest_inside *inside, struct guest_memory **ret, struct error *error);

/** @size bytes at guest-physical @physical, or NULL where there is no such memory. */
const void *guest_memory_at(const struct guest_memory *m, uint64_t physical, size_t size);

/** A present page; returning false ends the walk. */
typedef bool (*guest_page_t)(uint64_t address, uint64_t physical, uint64_t size, void *userdata);

/** Which pages are wanted. */
#define GUEST_PAGES_EXECUTABLE 1U
#define GUEST_PAGES_USER       2U /**< a program in user mode may reach them */

/**
 * Call @each for the present pages of the address space @cr3 (four levels) that overlap @from to
 * @to - 1, in order; all, or those that are as @wanted says (GUEST_PAGES_...). At most @max pages. Returns how
 * many.
 */
size_t guest_memory_pages(const struct guest_memory *m, uint64_t cr3, uint64_t from, uint64_t to,
	unsigned wanted, size_t max, guest_page_t each, void *userdata);

/** Copy the @size bytes at the address @from of the address space @cr3 to @ret; what is not there is 0. True:
 * all of it is there. */
bool guest_memory_copy(
	const struct guest_memory *m, uint64_t cr3, uint64_t from, void *ret, size_t size);

/** Nothing that guest_memory_at() returned is needed any more. NULL is fine. */
void guest_memory_forget(const struct guest_memory *m);

/** NULL is fine. */
void guest_memory_close(struct guest_memory *m);
