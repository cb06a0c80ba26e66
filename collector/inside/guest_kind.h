/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What kind of kernel a guest has of which nothing is known but files: by their symbols. */

#include <stdbool.h>

#include "guests/inside.h"

/**
 * What is known of a guest by its kernel @kernel and by the file @symbols of --symbols (each may be NULL): OSv, bare, Linux, Nanos, or another. Where no file
 * tells, it is taken for Linux, whose kernel carries its own symbols. @fixed: Linux lies where it was linked (nokaslr). The strings are static.
 */
struct guest_inside guest_kind_of(const char *kernel, const char *symbols, bool fixed);

/** The file with the kernel's symbols: @symbols, else @kernel where that is an ELF file; else NULL. */
const char *guest_kind_symbols(const char *kernel, const char *symbols);
