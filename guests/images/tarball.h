/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The root file system of a container as a tar archive. */

#include "common/error.h"
#include "guests/images/elf_needs.h"
#include "guests/images/image.h"

/**
 * Write @i as a tar archive to @fd (an image_writer_t). All belongs to root and has time 0, so that
 * the same files make the same archive. -ENOENT, -EIO (a source changed meanwhile), -ENOSPC ...
 */
int tarball_write(int fd, const struct image *i, struct error *error);

/** The folders of a container that runs a program: /lib for its libraries, which other names of
 * folders of libraries lead to, and an empty /tmp. */
int tarball_add_folders(struct image *i, struct error *error);

/** Add libraries in /lib, where any dynamic linker looks, and the interpreter. What is there already
 * stays. */
int tarball_add_needs(const struct elf_needs *needs, struct image *i, struct error *error);
