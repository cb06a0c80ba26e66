/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/images/iso.h"

#include <archive.h>

#include "guests/images/image_archive.h"

static int set_format(struct archive *a)
{
	static const struct {
		const char *option, *value;
	} options[] = {{"volume-id", ISO_LABEL}, {"rockridge", "useful"}, {"joliet", NULL},
		{"iso-level", "3"}}; /* files of 4 GiB and more */
	int r = archive_write_set_format_iso9660(a);

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]) && r == ARCHIVE_OK; i++)
		r = archive_write_set_format_option(
			a, "iso9660", options[i].option, options[i].value);
	return r;
}

int iso_write(int fd, const struct image *i, struct error *error)
{
	return image_archive_write(fd, i, set_format, error);
}
