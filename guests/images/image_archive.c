/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests/images/image_archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file_kind.h"
#include "common/intern.h"

#define COPY_BYTES 65536

static void entry_freep(struct archive_entry **e)
{
	archive_entry_free(*e);
}

static int archive_failed(struct archive *a, struct error *error)
{
	const char *why = archive_error_string(a);

	int code = archive_errno(a);

	return error_set(error, code > 0 ? -code : -EIO, "cannot write the guest's image: %s",
		why ? why : "libarchive");
}

/* Paths in an archive have no leading slash. */
static int put_head(struct archive *a, const char *path, size_t length, mode_t mode, uint64_t size,
	const char *target, struct error *error)
{
	_cleanup_(entry_freep) struct archive_entry *e = archive_entry_new();
	_cleanup_free_ char *name = strndup(path + 1, length - 1);

	if (!e || !name)
		return error_set_errno(error, -ENOMEM, "image entry '%s'", path);
	archive_entry_set_pathname(e, name);
	archive_entry_set_mode(e, mode);
	archive_entry_set_size(e, (int64_t)size);
	archive_entry_set_uid(e, 0);
	archive_entry_set_gid(e, 0);
	archive_entry_set_mtime(e, 0, 0);
	archive_entry_set_nlink(e, 1);
	if (target)
		archive_entry_set_symlink(e, target);
	if (archive_write_header(a, e) != ARCHIVE_OK)
		return archive_failed(a, error);
	return 0;
}

/* An archive in the making. */
struct writer {
	struct archive *archive;
	struct intern folders; /* that are in it */
};

static void writer_done(struct writer *w)
{
	archive_write_free(w->archive); /* NULL is fine */
	intern_clear(&w->folders);
}

static int put_folder(
	struct writer *w, const char *path, size_t length, unsigned mode, struct error *error)
{
	size_t before = w->folders.n;

	if (!intern_bytes(&w->folders, path, length))
		return error_set_errno(error, -ENOMEM, "image entry '%s'", path);
	if (w->folders.n == before)
		return 0;
	return put_head(w->archive, path, length, S_IFDIR | mode, 0, NULL, error);
}

/* The kernel makes no folders by itself: those above an entry come first. */
static int put_parents(struct writer *w, const char *path, struct error *error)
{
	int r = 0;

	for (const char *p = strchr(path + 1, '/'); p && r == 0; p = strchr(p + 1, '/'))
		r = put_folder(w, path, (size_t)(p - path), 0755, error);
	return r;
}

static int put_data(struct archive *a, const void *data, size_t length, struct error *error)
{
	return archive_write_data(a, data, length) == (la_ssize_t)length ? 0
									 : archive_failed(a, error);
}

static int put_source(struct archive *a, const struct image_entry *e, struct error *error)
{
	_cleanup_close_ int fd = open(e->source, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_free_ char *buffer = malloc(COPY_BYTES);
	struct stat st;
	uint64_t left;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set_errno(error, -errno, "cannot read %s", e->source);
	if (!S_ISREG(st.st_mode))
		return error_set(
			error, -EINVAL, "%s is %s, not a file", e->source, file_kind(st.st_mode));
	if (!buffer)
		return error_set_errno(error, -ENOMEM, "cannot read %s", e->source);
	left = (uint64_t)st.st_size;
	r = put_head(a, e->path, strlen(e->path), S_IFREG | e->mode, left, NULL, error);
	while (r == 0 && left) {
		ssize_t n = read(fd, buffer, left < COPY_BYTES ? (size_t)left : COPY_BYTES);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set_errno(error, -errno, "cannot read %s", e->source);
		if (n == 0)
			return error_set(
				error, -EIO, "%s became shorter while it was read", e->source);
		r = put_data(a, buffer, (size_t)n, error);
		left -= (uint64_t)n;
	}
	return r;
}

static int put_entry(struct writer *w, const struct image_entry *e, struct error *error)
{
	size_t length = strlen(e->path);
	int r = put_parents(w, e->path, error);

	if (r < 0)
		return r;
	if (e->kind == IMAGE_FOLDER)
		return put_folder(w, e->path, length, e->mode, error);
	if (e->kind == IMAGE_LINK)
		return put_head(w->archive, e->path, length, S_IFLNK | 0777, 0, e->bytes, error);
	if (e->source)
		return put_source(w->archive, e, error);
	r = put_head(w->archive, e->path, length, S_IFREG | e->mode, e->length, NULL, error);
	return r < 0 ? r : put_data(w->archive, e->bytes, e->length, error);
}

int image_archive_write(
	int fd, const struct image *i, image_archive_format_t format, struct error *error)
{
	_cleanup_(writer_done) struct writer w = {.archive = archive_write_new()};
	struct archive *a = w.archive;
	int r = 0;

	if (!a)
		return error_set_errno(error, -ENOMEM, "the guest's image");
	if (format(a) != ARCHIVE_OK || archive_write_add_filter_none(a) != ARCHIVE_OK ||
		archive_write_open_fd(a, fd) != ARCHIVE_OK)
		return archive_failed(a, error);
	for (size_t k = 0; k < i->n && r == 0; k++)
		r = put_entry(&w, &i->entries[k], error);
	if (r == 0 && archive_write_close(a) != ARCHIVE_OK)
		r = archive_failed(a, error);
	return r;
}
