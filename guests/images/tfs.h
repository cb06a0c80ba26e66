/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * TFS, the file system that Nanos boots from, version 5, as a whole disk: a partition table whose
 * first slot is where its boot loader would look (nothing is there: QEMU loads the kernel) and whose
 * second holds the file system.
 *
 * Sectors have 512 bytes and are counted from the start of the partition; there are no checksums. Sector
 * 0 is a log that only names the one that follows it; that one holds one record, a tuple: what to run
 * (image->start), and the tree of folders, in which each file says where its bytes lie. These follow,
 * each file contiguous. Behind them the disk has room, as a hole in the file, for what the guest writes.
 *
 * A number is written in groups of seven bits, the most significant first, bit 7 set in all but the
 * last. A value begins with a byte: bit 7 set, three bits of type, bit 3: more groups follow, three bits of
 * a number; that is how many members a tuple or vector has, how many bytes a string or symbol.
 */

#include "common/error.h"
#include "guests/images/image.h"

/** What the file system begins with: a kernel that reads it has the same bytes somewhere. */
#define TFS_MAGIC "NVMTFS"

/**
 * Write @i as a disk to @fd, an empty file open for writing at position 0. Permissions are not part
 * of the format. -ENOTDIR (a file where a folder is needed), -EFBIG (over 2^32 sectors), -errno of
 * files; with a message.
 */
int tfs_write(int fd, const struct image *i, struct error *error);
