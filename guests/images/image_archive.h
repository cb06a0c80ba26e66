/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Images in the formats that libarchive knows. All belongs to root and has time 0, folders come
 * before what is in them.
 */

#include "common/error.h"
#include "guests/images/image.h"

struct archive;

/** Choose the format of a new archive: ARCHIVE_OK or libarchive's error. */
typedef int (*image_archive_format_t)(struct archive *a);

/**
 * Write @i to @fd. -errno of files, -EIO (a source became shorter, libarchive), -ENOSPC; with a
 * message.
 */
int image_archive_write(
	int fd, const struct image *i, image_archive_format_t format, struct error *error);
