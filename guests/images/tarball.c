/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/images/tarball.h"

#include <archive.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "guests/images/image_archive.h"

/* Names are bytes, as in the file systems that they come from and go to: nothing to be translated. */
static int set_format(struct archive *a)
{
	int r = archive_write_set_format_pax_restricted(a);

	return r == ARCHIVE_OK ? archive_write_set_format_option(a, "pax", "hdrcharset", "BINARY")
			       : r;
}

int tarball_write(int fd, const struct image *i, struct error *error)
{
	return image_archive_write(fd, i, set_format, error);
}

/* /lib has everything; /lib64 and /usr/lib are where other dynamic linkers look by default. */
int tarball_add_folders(struct image *i, struct error *error)
{
	static const struct {
		const char *path, *target;
	} links[] = {{"/lib64", "lib"}, {"/usr/lib", "../lib"}, {"/usr/lib64", "../lib"}};
	int r;

	r = image_add_folder(i, "/lib", 0755, error);
	if (r == 0)
		r = image_add_folder(i, "/usr", 0755, error);
	if (r == 0)
		r = image_add_folder(i, "/tmp", 01777, error);
	for (size_t n = 0; n < ARRAY_SIZE(links) && r == 0; n++)
		r = image_add_link(i, links[n].path, links[n].target, error);
	return r;
}

/* Add @source as /lib/<name>; twice is fine: the interpreter often is a needed library as well. */
static int add_library(struct image *i, const char *name, const char *source, struct error *error)
{
	const char *slash = strrchr(name, '/');
	char path[512];
	int r;

	if ((size_t)snprintf(path, sizeof(path), "/lib/%s", slash ? slash + 1 : name) >=
		sizeof(path))
		return error_set_errno(error, -ENAMETOOLONG, "library %s", name);
	r = image_add_file(i, path, 0755, source, error);
	return r == -EEXIST ? 0 : r;
}

/* The interpreter lies where the program says: under a name of /lib, or somewhere of its own. */
static int add_interpreter(struct image *i, const char *interpreter, struct error *error)
{
	static const char *const as_lib[] = {"/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/"};
	int r;

	for (size_t n = 0; n < ARRAY_SIZE(as_lib); n++) {
		size_t length = strlen(as_lib[n]);

		if (strncmp(interpreter, as_lib[n], length) == 0 &&
			!strchr(interpreter + length, '/'))
			return add_library(i, interpreter, interpreter, error);
	}
	r = image_add_file(i, interpreter, 0755, interpreter, error);
	return r == -EEXIST ? 0 : r;
}

int tarball_add_needs(const struct elf_needs *needs, struct image *i, struct error *error)
{
	int r = 0;

	for (size_t n = 0; n < needs->n && r == 0; n++)
		r = add_library(i, needs->items[n].name, needs->items[n].path, error);
	if (r == 0 && needs->interpreter)
		r = add_interpreter(i, needs->interpreter, error);
	return r;
}
