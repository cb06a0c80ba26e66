/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * A disk for a Linux guest: ISO 9660 with Rock Ridge, which every kernel can mount read-only and
 * which is written here without tools or privileges. libarchive puts the time of its making in.
 */

#include "common/error.h"
#include "guests/images/image.h"

#define ISO_LABEL "guestscope"

/** Write @i to @fd, an image_writer_t. Errors as of image_archive_write(). */
int iso_write(int fd, const struct image *i, struct error *error);
