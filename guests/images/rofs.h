/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * ROFS, the read-only file system that OSv boots from, as a whole disk: a partition table whose
 * second slot holds the file system (OSv mounts /dev/vblk0.1).
 *
 * All numbers are little-endian, blocks have 512 bytes and are counted from the start of the
 * partition. Block 0 is the superblock; the files' data follows, each file contiguous; then, on a
 * block boundary, the directory entries, the symbolic links and the inodes, packed.
 */

#include "common/error.h"
#include "guests/images/image.h"

/**
 * Write @i as a disk to @fd, an empty file open for writing at position 0. Permissions are not part
 * of the format. -ENOTDIR (a file where a folder is needed), -EFBIG (over 2^32 blocks), -errno of
 * files; with a message.
 */
int rofs_write(int fd, const struct image *i, struct error *error);
