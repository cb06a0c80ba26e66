/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The root file system of a container as a tar archive. */

#include "common/error.h"
#include "guests/images/image.h"

/**
 * Write @i as a tar archive to @fd (an image_writer_t). All belongs to root and has time 0, so that
 * the same files make the same archive. -ENOENT, -EIO (a source changed meanwhile), -ENOSPC ...
 */
int tarball_write(int fd, const struct image *i, struct error *error);

/**
 * What a container needs to run @program: it, at /<its name>; its libraries in /lib, where any
 * dynamic linker looks (with /lib64 and /usr/lib as other names of it); its interpreter; an empty
 * /tmp. *ret_path (malloced) is where the program lies in the image. @ret starts as { 0 } and is
 * the caller's to clear, also after errors.
 */
int tarball_list_program(
	const char *program, struct image *ret, char **ret_path, struct error *error);
