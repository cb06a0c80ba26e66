/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** Where some symbols of a guest's kernel are, by a file: for those who need no table of them all. */

#include <stddef.h>
#include <stdint.h>

/**
 * The addresses of the @n symbols @names in the file @path: an ELF file, or a text like System.map.
 * 0: there is none of that name; a name may be NULL. -ENOENT (no such file, or none of the symbols),
 * -errno.
 */
int guest_symbols_find(const char *path, const char *const *names, size_t n, uint64_t *ret);
