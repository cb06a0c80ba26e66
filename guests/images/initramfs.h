/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * An initramfs for a Linux guest: a cpio archive ("newc"), not compressed, as unpacking costs more
 * than reading under emulation. The same list gives the same bytes: no times, owners or host inodes
 * in it.
 */

#include "common/error.h"
#include "guests/images/image.h"

/** Write @i to @fd, an image_writer_t. -errno of files, -EIO of libarchive; with a message. */
int initramfs_write(int fd, const struct image *i, struct error *error);
