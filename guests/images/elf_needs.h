/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Which files a dynamically linked x86-64 program needs to run: its interpreter and, transitively,
 * its shared libraries, found where this host's dynamic linker finds them (DT_RPATH, DT_RUNPATH
 * with $ORIGIN, the folders of /etc/ld.so.conf, the standard ones). LD_LIBRARY_PATH is not
 * consulted.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "guests/images/image.h"

struct elf_need {
	char *name; /**< as DT_NEEDED asks for it: "libpng16.so.16" */
	char *path; /**< the file on this host */
};

struct elf_needs {
	char *interpreter; /**< as the program names it, or NULL (static) */
	struct elf_need *items;
	size_t n;
};

/**
 * The closure of @program. @inside (may be NULL): names that the stack has itself; they and what
 * they need are left out. @extra (may be NULL): NULL-ended names that are added, with their needs,
 * where this host has them. -ENOENT (program, or a library that is nowhere, named), -EINVAL (no
 * x86-64 program), -E2BIG (more than 512 libraries). Free @ret with elf_needs_free().
 */
int elf_needs_find(const char *program, bool (*inside)(const char *name), const char *const *extra,
	struct elf_needs *ret, struct error *error);

/** Release what @needs holds. An all-zero one is fine. */
void elf_needs_free(struct elf_needs *needs);

/** Put the files into @image: each in @folder, or where its name says if that is a path. What is
 * there already stays. */
int elf_needs_add(const struct elf_needs *needs, const char *folder, struct image *image,
	struct error *error);
