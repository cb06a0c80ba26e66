/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Where a guest loaded its program and libraries: found by comparing the executable pages of its
 * memory with those of the files, page by page. So it needs no word from the guest, and what is
 * there under another build is not taken for the file.
 */

#include <stdint.h>

#include "collector/inside/guest_memory.h"

/** File @file lies at its linked addresses + @bias. */
typedef void (*guest_module_t)(const struct guest_file *file, uint64_t bias, void *userdata);

/**
 * Look for the files of @inside in the part @from to @to - 1 of the address space @cr3, and below it
 * where they are linked to. Returns how
 * many were found, or -ENOMEM.
 */
int guest_modules_find(const struct guest_memory *m, const struct guest_inside *inside,
	uint64_t cr3, uint64_t from, uint64_t to, guest_module_t found, void *userdata);

/**
 * Where the text of the file @path lies from @from to @to - 1, by its pages: most of them have to be there,
 * as a kernel that was moved has other bytes where its own addresses are. *ret_bias: by how much higher
 * than it was linked. -ENOENT: nowhere, or it cannot be read; -ENOMEM.
 */
int guest_text_find(const struct guest_memory *m, const char *path, uint64_t cr3, uint64_t from,
	uint64_t to, uint64_t *ret_bias);
