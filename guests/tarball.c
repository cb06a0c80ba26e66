/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/tarball.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "guests/elf_needs.h"

static int archive_failed(struct archive *a, struct error *error)
{
	int code = archive_errno(a);

	return error_set(error, code > 0 ? -code : -EIO, "cannot write the container's image: %s",
		archive_error_string(a));
}

static void archive_freep(struct archive **a)
{
	if (*a)
		archive_write_free(*a);
}

static void entry_freep(struct archive_entry **e)
{
	if (*e)
		archive_entry_free(*e);
}

static int write_data(struct archive *a, const void *data, size_t length, struct error *error)
{
	if (length > 0 && archive_write_data(a, data, length) != (la_ssize_t)length)
		return archive_failed(a, error);
	return 0;
}

/* The header has promised @left bytes: a file that shrank meanwhile spoils the archive. */
static int copy_file(
	struct archive *a, int fd, uint64_t left, const char *source, struct error *error)
{
	char buffer[65536];

	while (left > 0) {
		ssize_t n = read(fd, buffer, left < sizeof(buffer) ? left : sizeof(buffer));
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set_errno(error, -errno, "cannot read %s", source);
		if (n == 0)
			return error_set(
				error, -EIO, "%s became shorter while it was read", source);
		r = write_data(a, buffer, (size_t)n, error);
		if (r < 0)
			return r;
		left -= (uint64_t)n;
	}
	return 0;
}

static const unsigned entry_types[] = {
	[IMAGE_FOLDER] = AE_IFDIR,
	[IMAGE_FILE] = AE_IFREG,
	[IMAGE_LINK] = AE_IFLNK,
};

static int write_entry(struct archive *a, const struct image_entry *from, struct error *error)
{
	_cleanup_(entry_freep) struct archive_entry *e = archive_entry_new();
	_cleanup_close_ int fd = -EBADF;
	uint64_t length = from->kind == IMAGE_FILE ? from->length : 0;
	struct stat st;

	if (!e)
		return error_set_errno(error, -ENOMEM, "container's image");
	if (from->kind == IMAGE_FILE && from->source) {
		fd = open(from->source, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &st) < 0)
			return error_set_errno(error, -errno, "cannot read %s", from->source);
		if (!S_ISREG(st.st_mode))
			return error_set(error, -EINVAL, "%s is not a file", from->source);
		length = (uint64_t)st.st_size;
	}
	archive_entry_set_pathname(e, from->path + 1); /* relative, as tar's are */
	archive_entry_set_filetype(e, entry_types[from->kind]);
	archive_entry_set_perm(e, (mode_t)from->mode);
	archive_entry_set_uid(e, 0);
	archive_entry_set_gid(e, 0);
	archive_entry_set_mtime(e, 0, 0);
	archive_entry_set_size(e, (la_int64_t)length);
	if (from->kind == IMAGE_LINK)
		archive_entry_set_symlink(e, from->bytes);
	if (archive_write_header(a, e) != ARCHIVE_OK)
		return archive_failed(a, error);
	if (fd >= 0)
		return copy_file(a, fd, length, from->source, error);
	return write_data(a, from->bytes, length, error);
}

int tarball_write(int fd, const struct image *i, struct error *error)
{
	_cleanup_(archive_freep) struct archive *a = archive_write_new();

	if (!a)
		return error_set_errno(error, -ENOMEM, "container's image");
	if (archive_write_set_format_pax_restricted(a) != ARCHIVE_OK ||
		archive_write_open_fd(a, fd) != ARCHIVE_OK)
		return archive_failed(a, error);
	for (size_t n = 0; n < i->n; n++) {
		int r = write_entry(a, &i->entries[n], error);

		if (r < 0)
			return r;
	}
	if (archive_write_close(a) != ARCHIVE_OK)
		return archive_failed(a, error);
	return 0;
}

/* /lib has everything; /lib64 and /usr/lib are where other dynamic linkers look by default. */
static int add_folders(struct image *i, struct error *error)
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

int tarball_list_program(
	const char *program, struct image *ret, char **ret_path, struct error *error)
{
	_cleanup_(elf_needs_free) struct elf_needs needs = {0};
	const char *slash = strrchr(program, '/');
	_cleanup_free_ char *path = NULL;
	int r;

	if (asprintf(&path, "/%s", slash ? slash + 1 : program) < 0) {
		path = NULL;
		return error_set_errno(error, -ENOMEM, "container's image");
	}
	r = elf_needs_find(program, NULL, NULL, &needs, error);
	if (r == 0)
		r = add_folders(ret, error);
	if (r == 0)
		r = image_add_file(ret, path, 0755, program, error);
	for (size_t i = 0; i < needs.n && r == 0; i++)
		r = add_library(ret, needs.items[i].name, needs.items[i].path, error);
	if (r == 0 && needs.interpreter)
		r = add_interpreter(ret, needs.interpreter, error);
	if (r < 0)
		return r;
	*ret_path = TAKE_PTR(path);
	return 0;
}
