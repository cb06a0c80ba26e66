/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/images/initramfs.h"

#include <archive.h>

#include "guests/images/image_archive.h"

int initramfs_write(int fd, const struct image *i, struct error *error)
{
	return image_archive_write(fd, i, archive_write_set_format_cpio_newc, error);
}
